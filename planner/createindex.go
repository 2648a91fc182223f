package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// maxIndexColumns is PostgreSQL's INDEX_MAX_KEYS.
const maxIndexColumns = 32

// planCreateIndex plans CREATE INDEX
// (https://www.postgresql.org/docs/15/sql-createindex.html).
func planCreateIndex(env *Environment, s *ast.CreateIndex) (*plan.DDL, error) {
	b := newBinder(env, modePull)
	table, err := b.indexedTable(s)
	if err != nil {
		return nil, err
	}
	if err := refuseIndexClauses(s); err != nil {
		return nil, err
	}
	index := catalog.Index{
		Table: table.ID, Method: "btree", Unique: s.Unique, NullsNotDistinct: s.Unique && s.NullsNotDistinct,
	}
	if s.Name != nil {
		index.Name = s.Name.Value
	}
	if s.Method != nil {
		if index.Method, err = indexMethod(s); err != nil {
			return nil, err
		}
	}
	ib := &indexBinder{binder: b, table: table}
	for _, element := range s.Elements {
		column, err := ib.element(element)
		if err != nil {
			return nil, err
		}
		index.Columns = append(index.Columns, column)
	}
	for _, element := range s.Include {
		number, err := ib.included(element)
		if err != nil {
			return nil, err
		}
		index.Include = append(index.Include, number)
	}
	if len(index.Columns)+len(index.Include) > maxIndexColumns {
		return nil, sqlerr.New(sqlerr.TooManyColumns, s.Pos(), "cannot use more than %d columns in an index", maxIndexColumns)
	}
	return &plan.DDL{Command: &catalog.CreateIndex{Index: index, IfNotExists: s.IfNotExists}, Tag: "CREATE INDEX", Alone: s.Concurrently}, nil
}

// indexedTable finds the table that an index is to be on.
func (b *binder) indexedTable(s *ast.CreateIndex) (*catalog.Relation, error) {
	r, err := b.relation(s.Table)
	if err != nil {
		return nil, err
	}
	if r == nil {
		if b.env.System != nil && b.env.System.Lookup(s.Table.Schema(), s.Table.Last()) != nil {
			return nil, sqlerr.New(sqlerr.InsufficientPrivilege, s.Table.Pos(), "permission denied: %q is a system catalog", s.Table.Last())
		}
		if v, err := b.view(s.Table); v != nil || err != nil {
			if err != nil {
				return nil, err
			}
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "cannot create index on relation %q", v.Name).
				WithDetail("This operation is not supported for views.")
		}
		return nil, b.undefinedTable(s.Table)
	}
	if r.Kind != catalog.KindTable {
		return nil, sqlerr.New(sqlerr.WrongObjectType, s.Table.Pos(), "cannot create index on relation %q", r.Name).
			WithDetail("This operation is not supported for streams.").
			WithHint("CREATE TABLE … AS SELECT … keeps the rows of a stream as a table, which can have indexes.")
	}
	if s.Unique && r.Derived() {
		return nil, sqlerr.New(sqlerr.WrongObjectType, s.Table.Pos(), "cannot create a unique index on %q", r.Name).
			WithDetail("A continuous query writes the table, and cannot be refused a row.").
			WithHint("Its key is unique; GROUP BY and DISTINCT make one.")
	}
	b.env.needOwner(r)
	return r, nil
}

// refuseIndexClauses refuses the clauses that there are only words for.
func refuseIndexClauses(s *ast.CreateIndex) error {
	if s.Where != nil {
		return notSupported(s.Where.Pos(), "partial indexes are not supported").
			WithHint("Leave WHERE out: the index then has an entry for every row.")
	}
	if s.Tablespace != nil && s.Tablespace.Value != "pg_default" {
		return notSupported(s.Tablespace.Pos(), "TABLESPACE is not supported in CREATE INDEX")
	}
	return checkIndexOptions(s.Options)
}

// checkIndexOptions passes over the storage parameters of PostgreSQL's indexes,
// which mean nothing here.
func checkIndexOptions(options []*ast.Option) error {
	for _, o := range options {
		switch strings.ToLower(o.Name) {
		case "fillfactor", "deduplicate_items":
		default:
			return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "unrecognized parameter %q", o.Name)
		}
	}
	return nil
}

// indexMethod checks USING. A hash index is kept as a btree is, within
// PostgreSQL's limits for it.
func indexMethod(s *ast.CreateIndex) (string, error) {
	method := s.Method.Value
	switch method {
	case "btree":
		return method, nil
	case "hash":
	case "gist", "gin", "brin", "spgist":
		return "", notSupported(s.Method.Pos(), "access method %q is not supported", method).
			WithHint("Use btree, which serves equality, ranges and order.")
	default:
		return "", sqlerr.New(sqlerr.UndefinedObject, s.Method.Pos(), "access method %q does not exist", method)
	}
	limit := ""
	switch {
	case s.Unique:
		limit = "unique indexes"
	case len(s.Elements) > 1:
		limit = "multicolumn indexes"
	case len(s.Include) > 0:
		limit = "included columns"
	case s.Elements[0].Direction != ast.SortDefault:
		limit = "ASC/DESC options"
	case s.Elements[0].Nulls != ast.NullsDefault:
		limit = "NULLS FIRST/LAST options"
	default:
		return method, nil
	}
	return "", notSupported(s.Method.Pos(), `access method "hash" does not support %s`, limit)
}

// indexBinder binds the columns of an index or a UNIQUE constraint.
type indexBinder struct {
	*binder
	table *catalog.Relation
}

func (ib *indexBinder) element(e *ast.IndexElement) (catalog.IndexColumn, error) {
	out := catalog.IndexColumn{}
	if e.Column == nil {
		return out, notSupported(e.Pos(), "indexes on expressions are not supported").
			WithHint("Keep the expression in a column of a derived table (CREATE TABLE … AS SELECT …), and index that.")
	}
	if e.Collation != nil {
		probe := &ast.Collate{Span: e.Collation.Span, Operand: &ast.NullLiteral{Span: e.Collation.Span}, Collation: e.Collation}
		if _, err := (&exprBinder{binder: ib.binder, scope: newScope(nil)}).collate(probe); err != nil {
			return out, err
		}
	}
	number, err := ib.column(e.Column)
	if err != nil {
		return out, err
	}
	if out.Class, err = operatorClass(e, ib.table.Columns[number].Type); err != nil {
		return out, err
	}
	out.Column = number
	out.Descending = e.Direction == ast.Descending
	out.NullsFirst = e.Nulls == ast.NullsFirst || e.Nulls == ast.NullsDefault && out.Descending
	return out, ib.checkOrdered(number, e.Pos())
}

// patternClasses are the operator classes that order text by its bytes, with the
// type that each is for. Here the default order does that, too.
var patternClasses = map[string]types.Kind{
	"text_pattern_ops": types.KindText, "varchar_pattern_ops": types.KindVarchar, "bpchar_pattern_ops": types.KindBpchar,
}

// operatorClass checks the operator class of a column, "" for none.
func operatorClass(e *ast.IndexElement, t types.Type) (string, error) {
	if e.Class == nil {
		return "", nil
	}
	name := e.Class.Last()
	kind, known := patternClasses[name]
	text := t.Kind == types.KindText || t.Kind == types.KindVarchar
	if !known || len(e.ClassOptions) > 0 || kind == types.KindBpchar && t.Kind != kind || kind != types.KindBpchar && !text {
		return "", notSupported(e.Class.Pos(), "operator class %q is not supported for type %s", name, t.BaseName()).
			WithHint("Leave it out: values are in the order of their type, text in that of its bytes (collation C).")
	}
	return name, nil
}

// included binds a column of INCLUDE.
func (ib *indexBinder) included(e *ast.IndexElement) (int, error) {
	switch {
	case e.Column == nil:
		return 0, notSupported(e.Pos(), "expressions are not supported in included columns")
	case e.Collation != nil:
		return 0, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "including column does not support a collation")
	case e.Class != nil:
		return 0, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "including column does not support an operator class")
	case e.Direction != ast.SortDefault:
		return 0, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "including column does not support ASC/DESC options")
	case e.Nulls != ast.NullsDefault:
		return 0, sqlerr.New(sqlerr.InvalidObjectDefinition, e.Pos(), "including column does not support NULLS FIRST/LAST options")
	}
	return ib.column(e.Column)
}

func (ib *indexBinder) column(name *ast.Identifier) (int, error) {
	number := ib.table.Column(name.Value)
	if number < 0 || ib.table.Columns[number].Hidden {
		return 0, sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q does not exist", name.Value)
	}
	return number, nil
}

// checkOrdered refuses columns whose type has no order.
func (ib *indexBinder) checkOrdered(number, pos int) error {
	t := ib.table.Columns[number].Type
	for _, operator := range []string{"=", "<"} {
		if _, _, err := expr.ResolveOperator(operator, t, t, pos); err != nil {
			return sqlerr.New(sqlerr.UndefinedObject, pos, "data type %s has no default operator class for access method \"btree\"", t.BaseName()).
				WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
		}
	}
	return nil
}

// uniqueConstraint is a UNIQUE constraint as CREATE TABLE or ALTER TABLE has it.
type uniqueConstraint struct {
	columns          []ast.Identifier
	include          []ast.Identifier
	name             *ast.Identifier
	nullsNotDistinct bool
	options          []*ast.Option
	timing           string
	pos              int
}

// uniqueIndex returns the index of a UNIQUE constraint of a table, whose columns are
// known.
func (b *binder) uniqueIndex(table *catalog.Relation, c *uniqueConstraint) (*catalog.Index, error) {
	if table.Kind != catalog.KindTable {
		return nil, sqlerr.New(sqlerr.InvalidTableDefinition, c.pos, "a stream has no UNIQUE constraints").
			WithHint("Rows of a stream are only added. Use CREATE TABLE for rows that are unique.")
	}
	if err := refuseDeferrable(c.timing, c.pos); err != nil {
		return nil, err
	}
	if err := checkIndexOptions(c.options); err != nil {
		return nil, err
	}
	index := &catalog.Index{
		Table: table.ID, Method: "btree", Unique: true, Constraint: true, NullsNotDistinct: c.nullsNotDistinct,
	}
	if c.name != nil {
		index.Name = c.name.Value
	}
	ib := &indexBinder{binder: b, table: table}
	for i := range c.columns {
		number, err := ib.constrained(&c.columns[i])
		if err != nil {
			return nil, err
		}
		if slices.Contains(index.Numbers(), number) {
			return nil, sqlerr.New(sqlerr.DuplicateColumn, c.columns[i].Pos(), "column %q appears twice in unique constraint", c.columns[i].Value)
		}
		if err := ib.checkOrdered(number, c.columns[i].Pos()); err != nil {
			return nil, err
		}
		index.Columns = append(index.Columns, catalog.IndexColumn{Column: number})
	}
	for i := range c.include {
		number, err := ib.constrained(&c.include[i])
		if err != nil {
			return nil, err
		}
		index.Include = append(index.Include, number)
	}
	if len(index.Columns)+len(index.Include) > maxIndexColumns {
		return nil, sqlerr.New(sqlerr.TooManyColumns, c.pos, "cannot use more than %d columns in an index", maxIndexColumns)
	}
	return index, nil
}

// constrained finds a column that a constraint names.
func (ib *indexBinder) constrained(name *ast.Identifier) (int, error) {
	number := ib.table.Column(name.Value)
	if number < 0 || ib.table.Columns[number].Hidden {
		return 0, sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q named in key does not exist", name.Value)
	}
	return number, nil
}

// refuseDeferrable refuses constraints that are checked at COMMIT.
func refuseDeferrable(timing string, pos int) error {
	words := strings.Fields(timing)
	if i := slices.Index(words, "deferrable"); i > 0 && words[i-1] == "not" || i < 0 && !slices.Contains(words, "deferred") {
		return nil
	}
	return notSupported(pos, "deferrable constraints are not supported").
		WithHint("Uniqueness is checked at the end of each statement.")
}

// tableUnique is a UNIQUE constraint of a table.
func tableUnique(c *ast.TableConstraint) (*uniqueConstraint, error) {
	if c.UsingIndex != nil {
		return nil, notSupported(c.UsingIndex.Pos(), "UNIQUE USING INDEX is not supported").
			WithHint("Name the columns: UNIQUE (column, …).")
	}
	return &uniqueConstraint{
		columns: c.Columns, include: c.Include, name: c.Name, nullsNotDistinct: c.NullsNotDistinct,
		options: c.Options, timing: c.Timing, pos: c.Pos(),
	}, nil
}

// unique adds a UNIQUE constraint of CREATE TABLE. One that says the same as
// another is dropped, as in PostgreSQL.
func (cb *createBinder) unique(c *uniqueConstraint) error {
	index, err := cb.uniqueIndex(cb.relation, c)
	if err != nil {
		return err
	}
	for i := range cb.indexes {
		other := &cb.indexes[i]
		if slices.Equal(other.Columns, index.Columns) && slices.Equal(other.Include, index.Include) && other.NullsNotDistinct == index.NullsNotDistinct {
			if other.Name == "" {
				other.Name = index.Name
			}
			return nil
		}
	}
	cb.indexes = append(cb.indexes, *index)
	return nil
}

// withoutKey leaves out the UNIQUE constraints that say the same as the primary
// key, which takes their name where it has none of its own.
func (cb *createBinder) withoutKey() []catalog.Index {
	return slices.DeleteFunc(cb.indexes, func(i catalog.Index) bool {
		same := cb.keyed && !i.NullsNotDistinct && len(i.Include) == 0 && slices.Equal(i.Numbers(), cb.relation.Key)
		if same && i.Name != "" && !cb.keyNamed {
			cb.relation.PrimaryKey().Name, cb.keyNamed = i.Name, true
		}
		return same
	})
}
