package session

import (
	"slices"
	"strings"
	"time"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/wire/auth"
)

// statement is a statement that was parsed and, where that takes the planner,
// planned.
type statement struct {
	name string
	// text is what the positions in tree count in.
	text string
	// tree is nil for a text without a statement.
	tree ast.Statement
	// declared are the types that the client gave for $1, $2 …, Unknown where it
	// left them open; params are all of them, inferred where needed.
	declared, params []types.Type
	// plan is nil for statements that the session runs itself.
	plan plan.Statement
	// version is the catalog's when the plan was made, role the one that it was made
	// for, and settings those of then: with both the same, the role is.
	// own is the transaction's copy of the catalog that the plan was made by, nil for
	// everybody's.
	version  uint64
	own      *catalog.Snapshot
	role     catalog.ObjectID
	settings *values
	// columns describe the rows of the result, nil for none.
	columns []Column
	// binary says that COPY was asked for its binary format.
	binary bool
	// updatable is the table of the cursor that the statement declares, nil where its
	// rows cannot be changed by CURRENT OF, and current is the row of a cursor that the
	// statement changes, nil for none.
	updatable *updatable
	current   *currentOf
	// fromSQL says that PREPARE made it.
	fromSQL bool
	created time.Time
}

// newStatement plans a tree. The text is the one that it was parsed from.
func (s *Session) newStatement(tree ast.Statement, text string, declared []types.Type) (*statement, error) {
	st := &statement{text: text, tree: tree, declared: declared, created: s.now()}
	if tree == nil {
		st.params = declared
		return st, nil
	}
	return st, s.plan(st)
}

// plan makes a statement's plan against the catalog of now.
func (s *Session) plan(st *statement) error {
	if needsPlan(st.tree) {
		if err := s.rebase(); err != nil {
			return err
		}
	}
	snapshot := s.catalog()
	st.version, st.own, st.role, st.settings = snapshot.Version(), s.ownCatalog(), s.role(), s.settings
	st.params = st.declared
	tree := st.tree
	switch n := tree.(type) {
	case *ast.DeclareCursor:
		tree = n.Query
	case *ast.Copy:
		tree, st.binary = withoutBinary(n)
	}
	if !needsPlan(tree) {
		return s.describeOwn(st)
	}
	st.updatable, st.current = nil, nil
	if err := s.planTree(st, snapshot, tree); err != nil {
		return err
	}
	if _, declares := st.tree.(*ast.DeclareCursor); declares {
		if _, changes := st.plan.(*plan.With); changes {
			return sqlerr.New(sqlerr.FeatureNotSupported, -1, "DECLARE CURSOR must not contain data-modifying statements in WITH")
		}
		st.columns = nil
	}
	return nil
}

// planTree has the planner plan a tree, and describes the plan.
func (s *Session) planTree(st *statement, snapshot *catalog.Snapshot, tree ast.Statement) error {
	if declaration, declares := st.tree.(*ast.DeclareCursor); declares {
		return s.planCursor(st, s.plannerEnvironment(snapshot, st.declared), declaration.Query)
	}
	tree, declared := s.withCurrentOf(st, tree)
	var err error
	if st.plan, err = planner.Plan(s.plannerEnvironment(snapshot, declared), tree); err != nil {
		return err
	}
	st.describePlan()
	if st.current != nil {
		st.params = st.params[:st.current.parameters]
	}
	return nil
}

// needsPlan reports whether a statement is the planner's; the session runs the
// others itself.
func needsPlan(tree ast.Statement) bool {
	switch tree.(type) {
	case *ast.Begin, *ast.Commit, *ast.Rollback, *ast.Savepoint, *ast.ReleaseSavepoint, *ast.RollbackTo,
		*ast.PrepareTransaction, *ast.FinishPrepared, *ast.SetTransaction, *ast.SetConstraints,
		*ast.SetVariable, *ast.ResetVariable, *ast.ShowVariable,
		*ast.Prepare, *ast.Execute, *ast.Deallocate, *ast.Discard,
		*ast.Listen, *ast.Unlisten, *ast.Notify,
		*ast.Fetch, *ast.CloseCursor:
		return false
	default:
		return true
	}
}

func (s *Session) plannerEnvironment(snapshot *catalog.Snapshot, declared []types.Type) *planner.Environment {
	return &planner.Environment{
		Catalog:    snapshot,
		System:     s.options.System,
		Database:   s.identity.Database,
		SearchPath: s.Schemas(),
		Format:     s.format(),
		ParamTypes: declared,
		Settings:   s.querySettings(),
		User:       s.User(), SessionUser: s.SessionUser(),
		Role:     s.role(),
		Verifier: auth.Verifier,
		Now:      s.now(),
	}
}

// querySettings are the settings that a continuous query keeps.
func (s *Session) querySettings() []catalog.Option {
	var list []catalog.Option
	for _, name := range []string{"timezone", "datestyle", "intervalstyle", "search_path"} {
		canonical, value, _ := s.settings.get(name)
		if name == "search_path" {
			value = quotedPath(s.Schemas())
		}
		list = append(list, catalog.Option{Name: canonical, Value: value})
	}
	return list
}

// quotedPath prints schemas as the value of search_path, so that what is kept of it
// means the same to everybody.
func quotedPath(schemas []string) string {
	quoted := make([]string, len(schemas))
	for i, schema := range schemas {
		quoted[i] = expr.QuoteIdentifier(schema)
	}
	return strings.Join(quoted, ", ")
}

// describePlan sets the types of the parameters and the columns of the result.
func (st *statement) describePlan() {
	var query *plan.Query
	switch p := st.plan.(type) {
	case *plan.Query:
		query = p
		st.columns = queryColumns(p)
	case *plan.Explain:
		query = p.Query
		st.columns = queryColumns(p.Query)
		st.columns[0].Name = "QUERY PLAN"
	case *plan.With, *plan.Insert, *plan.Modify:
		query, st.columns = changeSource(p), resultColumns(plan.ReturningColumns(p))
	case *plan.Copy:
		query = p.Query
		if p.Change != nil {
			query = changeSource(p.Change)
		}
	}
	if query != nil && len(query.Params) >= len(st.params) {
		st.params = query.Params
	}
}

// changeSource is the query behind a statement that changes data.
func changeSource(s plan.Statement) *plan.Query {
	switch s := s.(type) {
	case *plan.Query:
		return s
	case *plan.With:
		return changeSource(s.Main)
	case *plan.Insert:
		return s.Source
	case *plan.Modify:
		return s.Parts[0].Source
	default:
		return nil
	}
}

// queryColumns describes the rows that a client sees of a query, rowop included.
func queryColumns(q *plan.Query) []Column {
	columns := resultColumns(q.Root.Columns()[:q.Visible])
	if q.RowOp {
		columns = append(columns, Column{Name: "rowop", Type: types.Text})
	}
	return columns
}

// resultColumns describes columns of a plan, nil for none.
func resultColumns(planned []plan.Column) []Column {
	var columns []Column
	for _, c := range planned {
		columns = append(columns, Column{Name: c.Name, Type: c.Type, Table: c.Table, Attribute: c.Attribute})
	}
	return columns
}

// describeOwn sets the columns of the statements that the session runs itself.
func (s *Session) describeOwn(st *statement) error {
	switch n := st.tree.(type) {
	case *ast.ShowVariable:
		return s.describeShow(st, n)
	case *ast.Fetch:
		if c := s.cursors[n.Cursor.Value]; c != nil && !n.Move {
			// Bind says in which format the rows go out, whatever DECLARE did.
			st.columns = textColumns(c.columns)
		}
	case *ast.Execute:
		if inner := s.statements[n.Name.Value]; inner != nil {
			st.columns = inner.columns
		}
	}
	return nil
}

// textColumns returns columns that are all sent as text.
func textColumns(columns []Column) []Column {
	text := slices.Clone(columns)
	for i := range text {
		text[i].Binary = false
	}
	return text
}

// refresh plans a statement anew when the catalog has changed since. Where its
// result has other columns then, a client that was told the old ones could not
// read it.
func (s *Session) refresh(st *statement) error {
	if st.plan == nil {
		return nil
	}
	if err := s.rebase(); err != nil {
		return err
	}
	if s.planned(st) && (st.settings == s.settings || st.role == s.role()) {
		return nil
	}
	old := st.columns
	fresh := *st
	// The types that were told to the client stay.
	fresh.declared = st.params
	if err := s.plan(&fresh); err != nil {
		return err
	}
	if !sameColumns(old, fresh.columns) {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "cached plan must not change result type").
			WithHint("Prepare the statement again.")
	}
	fresh.declared = st.declared
	*st = fresh
	return nil
}

// planned reports whether a statement was planned by the catalog that the session sees
// now.
func (s *Session) planned(st *statement) bool {
	own := s.ownCatalog()
	return st.own == own && (own != nil || st.version == s.catalog().Version())
}

func sameColumns(a, b []Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Type.Equal(b[i].Type) {
			return false
		}
	}
	return true
}

// parseOne parses a text of at most one statement, as the extended protocol
// has it; nil for none.
func parseOne(text string) (ast.Statement, error) {
	trees, err := sql.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case len(trees) > 1:
		return nil, sqlerr.New(sqlerr.SyntaxError, -1, "cannot insert multiple commands into a prepared statement")
	case len(trees) == 0:
		return nil, nil
	default:
		return trees[0], nil
	}
}

// Parse makes a prepared statement, unnamed for "". The types of parameters
// are given by their OIDs; 0 and missing ones are inferred.
func (s *Session) Parse(name, text string, parameters []uint32) (err error) {
	defer func() { err = s.failed(inText(err, text)) }()
	if name != "" && s.statements[name] != nil {
		return duplicateStatement(name, -1)
	}
	declared := make([]types.Type, len(parameters))
	for i, oid := range parameters {
		if declared[i], err = s.parameterType(oid); err != nil {
			return err
		}
	}
	if name == "" {
		delete(s.statements, "")
	}
	tree, err := parseOne(text)
	if err != nil {
		return err
	}
	if s.transaction.state == stateFailed && tree != nil && !allowedInFailed(tree) {
		return errBlockFailed()
	}
	s.openTransaction()
	if err := s.catchUpCatalog(s.life, tree); err != nil {
		return err
	}
	st, err := s.newStatement(tree, text, declared)
	if err != nil {
		return err
	}
	for i, t := range st.params {
		if t.Kind == types.KindUnknown && tree != nil && needsPlan(tree) {
			return sqlerr.New(sqlerr.IndeterminateDatatype, -1, "could not determine data type of parameter $%d", i+1)
		}
	}
	st.name = name
	s.keepStatement(st)
	return nil
}

func (s *Session) keepStatement(st *statement) {
	if s.statements == nil {
		s.statements = make(map[string]*statement)
	}
	s.statements[st.name] = st
}

func duplicateStatement(name string, position int) error {
	return sqlerr.New(sqlerr.DuplicatePreparedStatement, position, "prepared statement %q already exists", name)
}

// parameterType returns the type with an OID, Unknown for 0.
func (s *Session) parameterType(oid uint32) (types.Type, error) {
	if oid == 0 || oid == types.OIDUnknown {
		return types.Unknown, nil
	}
	t, ok := s.catalog().TypeByOID(oid)
	if !ok {
		return types.Type{}, sqlerr.New(sqlerr.UndefinedObject, -1, "type with OID %d does not exist", oid)
	}
	return t, nil
}

// findStatement returns the prepared statement with a name.
func (s *Session) findStatement(name string) (*statement, error) {
	st := s.statements[name]
	switch {
	case st != nil:
		return st, nil
	case name == "":
		return nil, sqlerr.New(sqlerr.InvalidSQLStatementName, -1, "unnamed prepared statement does not exist")
	default:
		return nil, sqlerr.New(sqlerr.InvalidSQLStatementName, -1, "prepared statement %q does not exist", name)
	}
}

// DescribeStatement returns the types of a prepared statement's parameters and
// the columns of its result, nil for a statement that returns no rows.
func (s *Session) DescribeStatement(name string) (parameters []types.Type, columns []Column, err error) {
	defer func() { err = s.failed(err) }()
	st, err := s.findStatement(name)
	if err != nil {
		return nil, nil, err
	}
	if s.transaction.state == stateFailed && st.columns != nil {
		return nil, nil, errBlockFailed()
	}
	if err := s.refresh(st); err != nil {
		return nil, nil, inText(err, st.text)
	}
	return st.params, st.columns, nil
}

// CloseStatement forgets a prepared statement, if there is one with that name.
func (s *Session) CloseStatement(name string) { delete(s.statements, name) }

// failed marks the transaction as failed when err is not nil, and returns it.
func (s *Session) failed(err error) error {
	if err != nil {
		s.Abort()
	}
	return err
}
