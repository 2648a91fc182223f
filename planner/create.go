package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func planCreate(env *Environment, s *ast.CreateRelation) (*plan.DDL, error) {
	if err := refuseCreateClauses(s); err != nil {
		return nil, err
	}
	b := newBinder(env, modePull)
	name, err := b.newName(s.Name)
	if err != nil {
		return nil, err
	}
	r := catalog.Relation{
		Kind: catalog.KindTable, Schema: name.Schema, Name: name.Name,
		Partitions: env.Catalog.Shards(), Definition: ast.String(s),
	}
	tag := "CREATE TABLE"
	switch s.Kind {
	case ast.StreamRelation:
		r.Kind, tag = catalog.KindStream, "CREATE STREAM"
	case ast.MaterializedViewRelation:
		tag = "CREATE MATERIALIZED VIEW"
	}
	command := &catalog.CreateRelation{Relation: r, IfNotExists: s.IfNotExists}
	ddl := &plan.DDL{Command: command, Tag: tag}
	if s.Query != nil {
		return ddl, createAs(env, s, command, ddl)
	}
	if s.IfNotExists && env.Catalog.NameTaken(name.Schema, name.Name) {
		return ddl, nil // what is wrong with the rest does not matter
	}
	cb := &createBinder{binder: b, ast: s, relation: &command.Relation}
	if err := cb.bind(); err != nil {
		return nil, err
	}
	command.Sequences, command.Indexes = cb.sequences, cb.withoutKey()
	return ddl, nil
}

func refuseSchema(env *Environment, schema string, pos int) error {
	if env.System != nil {
		for _, t := range env.System.Tables() {
			if t.Schema == schema {
				return sqlerr.New(sqlerr.InsufficientPrivilege, pos, "permission denied to create in schema %q", schema)
			}
		}
	}
	return sqlerr.New(sqlerr.InvalidSchemaName, pos, "schema %q does not exist", schema)
}

// refuseCreateClauses refuses the clauses that there are only words for.
func refuseCreateClauses(s *ast.CreateRelation) error {
	for _, clause := range []struct {
		present bool
		words   string
	}{
		{s.OrReplace, "OR REPLACE"},
		{s.Source, "SOURCE"},
		{s.Temporary, "TEMPORARY"},
		{s.Unlogged, "UNLOGGED"},
		{len(s.Likes) > 0, "LIKE"},
		{len(s.Inherits) > 0, "INHERITS"},
		{s.PartitionBy != nil, "PARTITION BY"},
		{s.Method != nil, "USING"},
		{s.OnCommit != "", "ON COMMIT"},
		{s.Tablespace != nil, "TABLESPACE"},
		{s.WithNoData, "WITH NO DATA"},
	} {
		if clause.present {
			return notSupported(s.Pos(), "%s is not supported in CREATE", clause.words)
		}
	}
	return nil
}

// createBinder binds CREATE STREAM and CREATE TABLE with columns.
type createBinder struct {
	*binder
	ast      *ast.CreateRelation
	relation *catalog.Relation
	// keyed is set when a primary key was found, and keyNamed when it was named.
	keyed, keyNamed bool
	// nullable says of columns whether they were declared NULL or NOT NULL.
	nullable map[string]bool
	// generations are the generated columns, bound when all columns are known.
	generations []generation
	// sequences are those of serial and identity columns.
	sequences []catalog.Sequence
	// conditions are the CHECK constraints, which are bound when all columns are
	// known.
	conditions []condition
	// indexes are those of UNIQUE constraints.
	indexes []catalog.Index
}

// condition is a CHECK constraint of a column or of the table.
type condition struct {
	check  ast.Expr
	name   *ast.Identifier
	timing string
	pos    int
}

func (cb *createBinder) bind() error {
	r := cb.relation
	if !cb.ast.HasElements || len(cb.ast.Columns) == 0 {
		return notSupported(cb.ast.Pos(), "a %s needs columns", r.Kind)
	}
	for _, definition := range cb.ast.Columns {
		if err := cb.column(definition); err != nil {
			return err
		}
	}
	for _, constraint := range cb.ast.Constraints {
		if err := cb.tableConstraint(constraint); err != nil {
			return err
		}
	}
	if err := cb.checkGenerations(); err != nil {
		return err
	}
	if err := cb.addChecks(); err != nil {
		return err
	}
	if r.Kind == catalog.KindTable && !cb.keyed {
		addRowID(r)
	}
	_, err := cb.relationOptions(cb.ast.Options, r, false)
	return err
}

// addChecks adds the CHECK constraints that were declared, once all columns are
// known.
func (cb *createBinder) addChecks() error {
	for _, c := range cb.conditions {
		if err := cb.addCheck(c.check, c.name, c.timing, c.pos); err != nil {
			return err
		}
	}
	return nil
}

// addRowID gives a table without PRIMARY KEY the hidden column that tells its rows
// apart.
func addRowID(r *catalog.Relation) {
	r.Key = []int{len(r.Columns)}
	r.Columns = append(r.Columns, catalog.Column{Name: freeName("rowid", r), Type: types.Int8, NotNull: true, Hidden: true})
}

// pseudocolumns are names that relations' columns cannot have.
var pseudocolumns = []string{"rowtime", "rowpartition", "rowoffset", "rowop", "rowmark"}

func checkColumnName(name string, pos int) error {
	if slices.Contains(pseudocolumns, name) {
		return sqlerr.New(sqlerr.ReservedName, pos, "column name %q conflicts with a pseudocolumn", name)
	}
	return nil
}

func (cb *createBinder) column(d *ast.ColumnDefinition) (err error) {
	name := d.Name.Value
	if err := checkColumnName(name, d.Name.Pos()); err != nil {
		return err
	}
	if cb.relation.Column(name) >= 0 {
		return sqlerr.New(sqlerr.DuplicateColumn, d.Pos(), "column %q specified more than once", name)
	}
	if d.Type == nil {
		return notSupported(d.Pos(), "column %q needs a type", name)
	}
	t, serial := serialType(d.Type)
	if !serial {
		if t, err = cb.typeName(d.Type); err != nil {
			return err
		}
	}
	if err := checkColumnType(name, t, d.Type.Pos()); err != nil {
		return err
	}
	if d.Collation != nil {
		probe := &ast.Collate{Span: d.Collation.Span, Operand: &ast.NullLiteral{Span: d.Collation.Span}, Collation: d.Collation}
		if _, err := (&exprBinder{binder: cb.binder, scope: newScope(nil)}).collate(probe); err != nil {
			return err
		}
	}
	cb.relation.Columns = append(cb.relation.Columns, catalog.Column{Name: name, Type: t})
	number := len(cb.relation.Columns) - 1
	if serial {
		if err := cb.serial(number); err != nil {
			return err
		}
		cb.nullable = withEntry(cb.nullable, name, false)
	}
	for _, constraint := range d.Constraints {
		if err := cb.columnConstraint(constraint, number); err != nil {
			return err
		}
	}
	return nil
}

// checkColumnType refuses types that have no values.
func checkColumnType(name string, t types.Type, pos int) error {
	switch t.Kind {
	case types.KindUnknown, types.KindVoid:
		return sqlerr.New(sqlerr.InvalidTableDefinition, pos, "column %q has pseudo-type %s", name, t.BaseName())
	default:
		return nil
	}
}

// constraintWords names the constraints that are not supported.
var constraintWords = map[ast.ColumnConstraintKind]string{
	ast.ConstraintReferences: "REFERENCES",
}

const foreignKeyHint = "Foreign keys are not enforced; leave them out. A join finds rows without a match."

func (cb *createBinder) columnConstraint(c *ast.ColumnConstraint, number int) error {
	column := &cb.relation.Columns[number]
	switch c.Kind {
	case ast.ConstraintNotNull, ast.ConstraintNull:
		return cb.nullability(c, column)
	case ast.ConstraintCheck:
		cb.conditions = append(cb.conditions, condition{c.Expr, c.Name, c.Timing, c.Pos()})
	case ast.ConstraintDefault:
		if column.Generated != "" {
			return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both default and generation expression specified for column %q of table %q", column.Name, cb.relation.Name)
		}
		if column.Identity != catalog.NotIdentity {
			return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both default and identity specified for column %q of table %q", column.Name, cb.relation.Name)
		}
		if column.Default != "" {
			return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "multiple default values specified for column %q of table %q", column.Name, cb.relation.Name)
		}
		value, err := cb.defaultValue(c.Expr, column)
		if err != nil {
			return err
		}
		if _, null := c.Expr.(*ast.NullLiteral); !null {
			column.Default, column.Sequences = defaultText(c.Expr), SequencesOf(value)
		}
	case ast.ConstraintGenerated:
		return cb.generate(c, column)
	case ast.ConstraintIdentity:
		return cb.identity(c, number)
	case ast.ConstraintPrimaryKey:
		return cb.primaryKey([]int{number}, c.Name, c.Pos())
	case ast.ConstraintUnique:
		return cb.unique(&uniqueConstraint{
			columns: []ast.Identifier{{Span: c.Span, Value: column.Name}}, name: c.Name, nullsNotDistinct: c.NullsNotDistinct,
			options: c.Options, timing: c.Timing, pos: c.Pos(),
		})
	case ast.ConstraintKey:
		return cb.streamKey(number, c.Pos())
	case ast.ConstraintHeaders, ast.ConstraintHeader:
		return cb.headerConstraint(c, column)
	default:
		return notSupported(c.Pos(), "%s constraints are not supported", constraintWords[c.Kind]).WithHint(foreignKeyHint)
	}
	return nil
}

// nullability is NULL or NOT NULL of a column.
func (cb *createBinder) nullability(c *ast.ColumnConstraint, column *catalog.Column) error {
	notNull := c.Kind == ast.ConstraintNotNull
	if said, is := cb.nullable[column.Name]; is && said == notNull {
		return cb.conflictingNull(column, c.Pos())
	}
	cb.nullable = withEntry(cb.nullable, column.Name, !notNull)
	column.NotNull = column.NotNull || notNull
	return nil
}

func (cb *createBinder) conflictingNull(column *catalog.Column, pos int) error {
	return sqlerr.New(sqlerr.SyntaxError, pos, "conflicting NULL/NOT NULL declarations for column %q of table %q", column.Name, cb.relation.Name)
}

// withEntry adds an entry to a map that may be nil.
func withEntry(m map[string]bool, key string, value bool) map[string]bool {
	if m == nil {
		m = map[string]bool{}
	}
	m[key] = value
	return m
}

// streamKey makes a column part of the key by which a stream's rows are placed.
func (cb *createBinder) streamKey(number, pos int) error {
	if cb.relation.Kind != catalog.KindStream {
		return sqlerr.New(sqlerr.InvalidTableDefinition, pos, "KEY is for streams").WithHint("A table has a PRIMARY KEY.")
	}
	if err := cb.checkKeyType(number, pos); err != nil {
		return err
	}
	cb.relation.Key = append(cb.relation.Key, number)
	return nil
}

func (cb *createBinder) checkKeyType(number, pos int) error {
	c := &cb.relation.Columns[number]
	if _, _, err := expr.ResolveOperator("=", c.Type, c.Type, pos); err != nil {
		return sqlerr.New(sqlerr.UndefinedObject, pos, "data type %s has no default operator class for access method \"btree\"", c.Type.BaseName()).
			WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
	}
	return nil
}

func (cb *createBinder) primaryKey(columns []int, name *ast.Identifier, pos int) error {
	r := cb.relation
	if r.Kind != catalog.KindTable {
		return sqlerr.New(sqlerr.InvalidTableDefinition, pos, "a stream has no primary key").
			WithHint("KEY says by which columns a stream's rows are placed; they need not be unique.")
	}
	if cb.keyed {
		return sqlerr.New(sqlerr.InvalidTableDefinition, pos, "multiple primary keys for table %q are not allowed", r.Name)
	}
	cb.keyed = true
	for _, number := range columns {
		if err := cb.checkKeyType(number, pos); err != nil {
			return err
		}
		r.Columns[number].NotNull = true
	}
	r.Key = columns
	c := catalog.Constraint{Kind: catalog.ConstraintPrimaryKey, Columns: columns}
	if name != nil {
		c.Name, cb.keyNamed = name.Value, true
		if cb.env.Catalog.NameTaken(r.Schema, c.Name) && !(cb.ast != nil && cb.env.Catalog.NameTaken(r.Schema, r.Name)) {
			return sqlerr.New(sqlerr.DuplicateTable, name.Pos(), "relation %q already exists", c.Name)
		}
	} else {
		c.Name = cb.env.Catalog.ChooseName(r.Schema, r.Name, nil, "pkey", r.Name)
	}
	r.Constraints = append(r.Constraints, c)
	return nil
}

func (cb *createBinder) tableConstraint(c *ast.TableConstraint) error {
	switch c.Kind {
	case ast.TablePrimaryKey:
	case ast.TableCheck:
		cb.conditions = append(cb.conditions, condition{c.Check, c.Name, c.Timing, c.Pos()})
		return nil
	case ast.TableUnique:
		unique, err := tableUnique(c)
		if err != nil {
			return err
		}
		return cb.unique(unique)
	default:
		words := map[ast.TableConstraintKind]string{ast.TableForeignKey: "FOREIGN KEY"}
		return notSupported(c.Pos(), "%s constraints are not supported", words[c.Kind]).WithHint(foreignKeyHint)
	}
	var columns []int
	for _, name := range c.Columns {
		number := cb.relation.Column(name.Value)
		if number < 0 {
			return sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q named in key does not exist", name.Value)
		}
		if slices.Contains(columns, number) {
			return sqlerr.New(sqlerr.DuplicateColumn, name.Pos(), "column %q appears twice in primary key constraint", name.Value)
		}
		columns = append(columns, number)
	}
	return cb.primaryKey(columns, c.Name, c.Pos())
}

func quoted(name string) string { return `"` + name + `"` }
