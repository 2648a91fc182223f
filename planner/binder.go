package planner

import (
	"cmp"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// mode is how a query's result is wanted; it decides what may stand in it.
type mode uint8

const (
	modePull mode = iota
	// modePush keeps a result up to date in a session.
	modePush
	// modeContinuous keeps a relation up to date on the shards.
	modeContinuous
)

// binder binds the names and types of one statement.
type binder struct {
	env    *Environment
	mode   mode
	params *parameters
	// subqueries are the plans of all expr.Subquery of the statement, by number.
	subqueries []*plan.Query
	// sources are the relations read, each once, in the order of their places.
	sources []*catalog.Relation
	// views are the views read, also through others, each once, and ownNames the
	// relations and views that the statement's own text names.
	views, ownNames []catalog.ObjectID
	// types are the types of CREATE TYPE that the statement mentions, and those of
	// columns that it reads.
	types []catalog.ObjectID
	// inView counts the views whose text is being bound, and catalog is what the
	// statement's own is bound against: relations are read as they are there.
	inView  int
	catalog *catalog.Snapshot
	// locks are the relations whose rows the statement locks, in the order of their
	// places.
	locks []*catalog.Relation
	// only, where not nil, restricts which relations names may mean.
	only []catalog.ObjectID
	// sequences are those that a default takes values from, whatever they are called.
	sequences []catalog.ObjectID
	// final is set for EMIT FINAL: it closes the windows of the outermost query.
	final *finalOptions
	// start is where the streams that are read begin.
	start startOption
	// rowOpColumn is the output column that a push query selects as rowop, or -1.
	rowOpColumn int
	// rowMarks are the output columns that a push query selects as rowmark.
	rowMarks []int
	// partitions is the number of shards that a continuous query's shuffles spread
	// rows over.
	partitions int
	// keyless is set for PARTITION BY NULL: the stream that the query makes has no KEY.
	keyless bool
	// modifying is the WITH that may hold statements that change data: the
	// outermost one. Those that were bound are parts; reads are the numbers of the
	// parts whose rows this binder's statement reads, in order.
	modifying *ast.With
	parts     []plan.WithPart
	reads     []int
	// inPart says that the statement is such a part: its parameters may get their
	// types elsewhere.
	inPart bool
	// depth counts the nested queries that are being bound, queries all that have
	// been.
	depth, queries int
	// recursions counts the plan.Recursive nodes that were made.
	recursions int
	// asValue counts the subqueries of expressions that are being bound.
	asValue int
}

// maxDepth bounds how deep queries nest, maxQueries how many a statement has once
// common tables stand wherever they are named.
const (
	maxDepth   = 200
	maxQueries = 5000
)

func newBinder(env *Environment, m mode) *binder {
	return &binder{env: env, mode: m, catalog: env.Catalog, params: newParameters(env.ParamTypes), rowOpColumn: -1}
}

// format returns the settings by which literals are read.
func (b *binder) format() *types.Format {
	if b.env.Format != nil {
		return b.env.Format
	}
	return types.DefaultFormat()
}

func (b *binder) evalContext() *expr.Context { return &expr.Context{Format: b.format()} }

// incremental reports whether the query's result is kept up to date.
func (b *binder) incremental() bool { return b.mode != modePull }

// refuse returns an error for what only pull queries may have.
func (b *binder) refuse(pos int, what string) error {
	if !b.incremental() {
		return nil
	}
	if b.mode == modePush {
		return notSupported(pos, "%s is not supported with EMIT CHANGES", what).
			WithHint("Run the SELECT without EMIT CHANGES for its result once.")
	}
	return notSupported(pos, "%s is not supported in a continuous query", what)
}

func notSupported(pos int, format string, args ...any) *sqlerr.Error {
	return sqlerr.New(sqlerr.FeatureNotSupported, pos, format, args...)
}

// addSource notes that the statement reads a relation.
func (b *binder) addSource(r *catalog.Relation) {
	if b.inView == 0 {
		b.ownNames = append(b.ownNames, r.ID)
	}
	for _, s := range b.sources {
		if s.ID == r.ID {
			return
		}
	}
	b.sources = append(b.sources, b.asRead(r))
	for i := range r.Columns {
		if !r.Columns[i].Dropped {
			b.addType(r.Columns[i].Type)
		}
	}
}

// asRead returns a relation as the statement reads it, which is not what a view that
// names it knows of it where it was altered since.
func (b *binder) asRead(r *catalog.Relation) *catalog.Relation {
	if b.inView > 0 {
		if now := b.catalog.Relation(r.ID); now != nil {
			return now
		}
	}
	return r
}

// checkDatabase refuses a name that is qualified by another database.
func (b *binder) checkDatabase(database, full string, pos int) error {
	if database == "" || b.env.Database == "" || database == b.env.Database {
		return nil
	}
	return notSupported(pos, "cross-database references are not implemented: %s", full)
}

// userSchemas are the schemas in which unqualified names of streams and tables
// are looked up.
func (env *Environment) userSchemas() []string {
	if env.SearchPath == nil {
		return []string{catalog.DefaultSchema}
	}
	return env.SearchPath
}

// schemasOf are the schemas in which a name is looked up: its own, or the search path.
func (b *binder) schemasOf(name *ast.Name) []string {
	if schema := name.Schema(); schema != "" {
		return []string{schema}
	}
	return b.env.userSchemas()
}

// relation finds a stream or table by its name: nil when there is none.
func (b *binder) relation(name *ast.Name) (*catalog.Relation, error) {
	if err := b.checkDatabase(name.Catalog(), strings.Join(name.Parts, "."), name.Pos()); err != nil {
		return nil, err
	}
	for _, schema := range b.schemasOf(name) {
		if r := b.env.Catalog.Lookup(schema, name.Last()); r != nil && b.mayRead(r.ID) {
			b.env.needUsage(name)
			return r, nil
		}
	}
	return nil, nil
}

func (b *binder) mayRead(id catalog.ObjectID) bool {
	if b.only == nil {
		return true
	}
	for _, allowed := range b.only {
		if allowed == id {
			return true
		}
	}
	return false
}

// undefinedTable is PostgreSQL's error for a name that no relation has, with a
// hint where one is near.
func (b *binder) undefinedTable(name *ast.Name) error {
	if v, _ := b.view(name); v != nil {
		return sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a table", v.Name)
	}
	err := sqlerr.New(sqlerr.UndefinedTable, name.Pos(), "relation %q does not exist", strings.Join(name.Parts, "."))
	var candidates []string
	for _, r := range b.env.Catalog.Relations() {
		candidates = append(candidates, r.Name)
	}
	for _, v := range b.env.Catalog.Views() {
		candidates = append(candidates, v.Name)
	}
	if best := closest(name.Last(), candidates, identity); best != "" {
		return err.WithHint("Perhaps you meant %q.", best)
	}
	return err
}

// newName is the name of an object that CREATE makes, in a schema in which the role may
// make it.
func (b *binder) newName(name *ast.Name) (catalog.Name, error) {
	if err := b.checkDatabase(name.Catalog(), strings.Join(name.Parts, "."), name.Pos()); err != nil {
		return catalog.Name{}, err
	}
	schema := name.Schema()
	if schema == "" {
		var err error
		if schema, err = b.creationSchema(name.Pos()); err != nil {
			return catalog.Name{}, err
		}
	}
	if b.env.Catalog.Schema(schema) == nil {
		return catalog.Name{}, refuseSchema(b.env, schema, name.Pos())
	}
	b.env.needCreate(schema)
	return catalog.Name{Schema: schema, Name: name.Last()}, nil
}

// creationSchema is the schema in which objects are made whose names do not say it: the
// first one of the search path.
func (b *binder) creationSchema(pos int) (string, error) {
	for _, schema := range b.env.userSchemas() {
		if b.env.Catalog.Schema(schema) != nil {
			return schema, nil
		}
	}
	return "", sqlerr.New(sqlerr.InvalidSchemaName, pos, "no schema has been selected to create in")
}

// targetName is the schema and name of an object that is named by a statement which
// drops or changes it; the default schema's where there is none of that name.
func (b *binder) targetName(name *ast.Name) (catalog.Name, error) {
	if err := b.checkDatabase(name.Catalog(), strings.Join(name.Parts, "."), name.Pos()); err != nil {
		return catalog.Name{}, err
	}
	for _, schema := range b.schemasOf(name) {
		if b.env.Catalog.NameTaken(schema, name.Last()) || b.env.Catalog.LookupType(schema, name.Last()) != nil {
			return catalog.Name{Schema: schema, Name: name.Last()}, nil
		}
	}
	return catalog.Name{Schema: cmp.Or(name.Schema(), catalog.DefaultSchema), Name: name.Last()}, nil
}
