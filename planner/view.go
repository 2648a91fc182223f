package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// A view stands for its query. It is bound where FROM names it, in an environment of
// its own: names mean what they meant when the view was made (Snapshot.AsOf), and
// literals are read by the settings of then. Expressions are evaluated with the
// settings of whoever reads it, as in PostgreSQL. From then on its plan is part of the
// statement's, so that everything that works on a subquery works on a view.

// view finds a view by its name: nil when there is none.
func (b *binder) view(name *ast.Name) (*catalog.View, error) {
	if err := b.checkDatabase(name.Catalog(), strings.Join(name.Parts, "."), name.Pos()); err != nil {
		return nil, err
	}
	for _, schema := range b.schemasOf(name) {
		if v := b.env.Catalog.LookupView(schema, name.Last()); v != nil {
			return v, nil
		}
	}
	return nil, nil
}

// viewItem binds a view in FROM.
func (b *binder) viewItem(v *catalog.View, t *ast.TableName, s *scope) (*fromItem, error) {
	b.env.need(demand{object: b.env.Catalog.SchemaID(v.Schema), kind: "schema", name: v.Schema, privileges: catalog.PrivilegeUsage})
	b.env.need(demand{object: v.ID, kind: "view", name: v.Name, privileges: catalog.PrivilegeSelect})
	b.addView(v)
	bound, err := b.viewQuery(v)
	if err != nil {
		// Places in the view's text say nothing to the reader of the statement's.
		return nil, sqlerr.From(err).At(t.Pos())
	}
	names := make([]ast.Identifier, len(v.Columns))
	for i := range v.Columns {
		names[i].Value = v.Columns[i].Name
	}
	item, err := b.namedIn(bound, &scopeTable{schema: v.Schema, name: v.Name}, names, t.Alias, s, t.Pos())
	if err == nil {
		item.scope.hideRows()
	}
	return item, err
}

// viewQuery binds the query of a view: its visible columns are those that the view
// has in the catalog that the name was looked up in.
func (b *binder) viewQuery(v *catalog.View) (*boundQuery, error) {
	statement, err := sql.ParseOne(v.Text)
	if err != nil {
		return nil, err
	}
	q, ok := statement.(*ast.Query)
	if !ok {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "view %q is not a SELECT", v.Name)
	}
	env := *b.env
	env.SearchPath, env.ParamTypes = nil, nil
	env.viewOwner = env.Catalog.Present().Access(v.ID).Owner
	env.Catalog = b.env.Catalog.Present().AsOf(v.Version, v.Sources, v.Views)
	if err := env.restore(v.Settings); err != nil {
		return nil, err
	}
	outside, only := b.env, b.only
	b.env, b.only, b.inView = &env, nil, b.inView+1
	defer func() { b.env, b.only, b.inView = outside, only, b.inView-1 }()
	if b.incremental() && q.Limit == nil && q.Offset == nil && !isDistinctOn(q) {
		// The order of rows that are kept up to date means nothing to their reader.
		q.OrderBy = nil
	}
	bound, err := b.query(q, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	// Literals are read here, by the view's settings, and not with the statement's.
	if bound.node, err = foldConstants(&ruleContext{b}, bound.node); err != nil {
		return nil, err
	}
	columns := bound.node.Columns()
	if len(v.Columns) > bound.visible {
		return nil, sqlerr.New(sqlerr.InternalError, -1, "view %q gives %d columns and not %d", v.Name, bound.visible, len(v.Columns))
	}
	for i := range v.Columns {
		if !columns[i].Type.Equal(v.Columns[i].Type) {
			return nil, sqlerr.New(sqlerr.InternalError, -1, "column %q of view %q has type %s and not %s", v.Columns[i].Name, v.Name, columns[i].Type, v.Columns[i].Type)
		}
	}
	if len(v.Columns) < bound.visible {
		kept := upTo(len(v.Columns))
		for i := bound.visible; i < len(columns); i++ {
			kept = append(kept, i)
		}
		bound = &boundQuery{node: passColumns(bound.node, kept), visible: len(v.Columns)}
	}
	return bound, nil
}

// isDistinctOn reports whether a query's ORDER BY says which rows it keeps.
func isDistinctOn(q *ast.Query) bool {
	s, ok := q.Body.(*ast.Select)
	return ok && len(s.DistinctOn) > 0
}

// addView notes that the statement reads a view.
func (b *binder) addView(v *catalog.View) {
	if b.inView == 0 {
		b.ownNames = append(b.ownNames, v.ID)
	}
	if !slices.Contains(b.views, v.ID) {
		b.views = append(b.views, v.ID)
	}
}

// indirect returns those of the relations and views read that only views name.
func (b *binder) indirect() []catalog.ObjectID {
	var list []catalog.ObjectID
	for _, r := range b.sources {
		if !slices.Contains(b.ownNames, r.ID) {
			list = append(list, r.ID)
		}
	}
	for _, id := range b.views {
		if !slices.Contains(b.ownNames, id) {
			list = append(list, id)
		}
	}
	return list
}

// planCreateView plans CREATE VIEW.
func planCreateView(env *Environment, s *ast.CreateView) (*plan.DDL, error) {
	if err := refuseViewClauses(s); err != nil {
		return nil, err
	}
	if s.Recursive {
		recursive := *s
		recursive.Query = recursiveView(s)
		s = &recursive
	}
	b := newBinder(env, modePull)
	b.params.closed = true
	name, err := b.newName(s.Name)
	if err != nil {
		return nil, err
	}
	if s.OrReplace {
		env.needOwnerOf(name)
	}
	bound, err := b.query(s.Query, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := b.settleColumns(bound); err != nil {
		return nil, err
	}
	if len(b.locks) > 0 {
		return nil, notSupported(s.Query.Pos(), "locking rows in a view is not supported").
			WithHint("Lock the rows of the table that the view reads.")
	}
	v := catalog.View{
		Schema: name.Schema, Name: name.Name, Text: ast.String(s.Query), Version: env.Catalog.Version(), Settings: env.Settings,
	}
	if v.Columns, err = viewColumns(s, bound); err != nil {
		return nil, err
	}
	v.Types = b.types
	if err := b.viewReads(&v, bound.node); err != nil {
		return nil, err
	}
	return &plan.DDL{Command: &catalog.CreateView{View: v, OrReplace: s.OrReplace}, Tag: "CREATE VIEW"}, nil
}

// refuseViewClauses refuses the clauses that there are only words for, and queries
// that cannot be a view's.
func refuseViewClauses(s *ast.CreateView) error {
	for _, clause := range []struct {
		present bool
		words   string
	}{
		{s.Temporary, "TEMPORARY"},
		{len(s.Options) > 0, "WITH (…)"},
		{s.CheckOption != "", "WITH CHECK OPTION"},
	} {
		if clause.present {
			return notSupported(s.Pos(), "%s is not supported in CREATE VIEW", clause.words)
		}
	}
	if s.Query.Emit != nil {
		return notSupported(s.Query.Emit.Pos(), "EMIT is not allowed in a view").
			WithHint("Whoever reads the view says how: SELECT … FROM %s EMIT CHANGES, CREATE TABLE … AS SELECT … FROM %s.", s.Name.Last(), s.Name.Last())
	}
	if s.Query.With == nil {
		return nil
	}
	for _, table := range s.Query.With.Tables {
		if _, isQuery := table.Statement.(*ast.Query); !isQuery {
			return notSupported(-1, "views must not contain data-modifying statements in WITH")
		}
	}
	return nil
}

// viewColumns names the columns of a view.
func viewColumns(s *ast.CreateView, bound *boundQuery) ([]catalog.ViewColumn, error) {
	if len(s.Columns) > bound.visible {
		return nil, sqlerr.New(sqlerr.SyntaxError, -1, "CREATE VIEW specifies more column names than columns")
	}
	columns := make([]catalog.ViewColumn, bound.visible)
	seen := map[string]bool{}
	for i, c := range bound.node.Columns()[:bound.visible] {
		if i < len(s.Columns) {
			c.Name = s.Columns[i].Value
		}
		if seen[c.Name] {
			return nil, sqlerr.New(sqlerr.DuplicateColumn, -1, "column %q specified more than once", c.Name)
		}
		seen[c.Name] = true
		if err := checkColumnType(c.Name, c.Type, -1); err != nil {
			return nil, err
		}
		columns[i] = catalog.ViewColumn{Name: c.Name, Type: c.Type}
	}
	return columns, nil
}

// viewReads notes what a view depends on. What the columns that it reads are is seen
// when those that nothing needs are gone.
func (b *binder) viewReads(v *catalog.View, root plan.Node) error {
	roots := []plan.Node{root}
	for _, q := range b.subqueries {
		roots = append(roots, q.Root)
	}
	for i := range roots {
		pruned, err := pruneColumns(&ruleContext{b}, roots[i])
		if err != nil {
			return err
		}
		roots[i] = pruned
	}
	for _, r := range b.sources {
		if !slices.Contains(b.ownNames, r.ID) {
			continue
		}
		columns := []int{}
		for _, root := range roots {
			columns = append(columns, readColumns(root, r.ID)...)
		}
		slices.Sort(columns)
		v.Sources, v.Reads = append(v.Sources, r.ID), append(v.Reads, slices.Compact(columns))
	}
	for _, id := range b.views {
		if slices.Contains(b.ownNames, id) {
			v.Views = append(v.Views, id)
		}
	}
	return nil
}

// planAlterView plans ALTER VIEW, and ALTER TABLE of a view.
func planAlterView(env *Environment, s *ast.AlterRelation, v *catalog.View) (*plan.DDL, error) {
	ab := &alterBinder{binder: newBinder(env, modePull), next: &catalog.Relation{Schema: v.Schema}}
	env.need(demand{object: v.ID, kind: "view", name: v.Name})
	altered := *v
	altered.Columns = slices.Clone(v.Columns)
	for _, action := range s.Actions {
		var err error
		switch a := action.(type) {
		case *ast.RenameTo:
			if a.Name.Value == v.Name {
				err = sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", v.Name)
			}
			altered.Name = a.Name.Value
		case *ast.RenameMember:
			err = renameViewColumn(&altered, a)
		case *ast.OwnerTo:
			if len(s.Actions) == 1 {
				return env.ownerTo(a, v.ID, v.Schema, "ALTER "+strings.ToUpper(string(s.Kind)))
			}
			err = ab.action(a)
		case *ast.SetSchema:
			err = ab.setSchema(a)
			altered.Schema = ab.next.Schema
		default:
			err = sqlerr.New(sqlerr.WrongObjectType, -1, "this action of ALTER cannot be performed on relation %q", v.Name).
				WithDetail("This operation is not supported for views.").
				WithHint("CREATE OR REPLACE VIEW gives a view another query.")
		}
		if err != nil {
			return nil, err
		}
	}
	return &plan.DDL{Command: &catalog.AlterView{View: altered, Base: v.Changed}, Tag: "ALTER " + strings.ToUpper(string(s.Kind))}, nil
}

func renameViewColumn(v *catalog.View, a *ast.RenameMember) error {
	number := v.Column(a.Old.Value)
	switch {
	case a.Kind == ast.ObjectConstraint:
		return sqlerr.New(sqlerr.UndefinedObject, -1, "constraint %q for table %q does not exist", a.Old.Value, v.Name)
	case number < 0:
		return sqlerr.New(sqlerr.UndefinedColumn, -1, "column %q does not exist", a.Old.Value)
	case v.Column(a.New.Value) >= 0:
		return sqlerr.New(sqlerr.DuplicateColumn, -1, "column %q of relation %q already exists", a.New.Value, v.Name)
	}
	v.Columns[number].Name = a.New.Value
	return nil
}

// refuseView is the error of a statement that writes to a view, or nil where the
// name is no view's. Verb is what it does, as messages say it.
func (b *binder) refuseView(name *ast.Name, verb string) error {
	v, err := b.view(name)
	if v == nil || err != nil {
		return err
	}
	switch verb {
	case "truncate":
		return sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a table", v.Name)
	case "copy to":
		return sqlerr.New(sqlerr.WrongObjectType, -1, "cannot copy to view %q", v.Name).
			WithHint("Copy to the table that the view reads.")
	}
	return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "cannot %s view %q", verb, v.Name).
		WithDetail("Views are not automatically updatable.").
		WithHint("Write to the table that the view reads.")
}
