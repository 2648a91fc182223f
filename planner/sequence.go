package planner

import (
	"math"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func planCreateSequence(env *Environment, s *ast.CreateSequence) (*plan.DDL, error) {
	if s.Temporary {
		return nil, notSupported(s.Pos(), "TEMPORARY is not supported in CREATE")
	}
	b := newBinder(env, modePull)
	name, err := b.newName(s.Name)
	if err != nil {
		return nil, err
	}
	q := catalog.Sequence{Schema: name.Schema, Name: name.Name, Type: types.Int8}
	o := &sequenceOptions{sequence: &q, fresh: true}
	if err := o.read(b, s.Options); err != nil {
		return nil, err
	}
	return &plan.DDL{Command: &catalog.CreateSequence{Sequence: q, IfNotExists: s.IfNotExists}, Tag: "CREATE SEQUENCE"}, nil
}

// PlanAlterSequence plans ALTER SEQUENCE name options.
func PlanAlterSequence(env *Environment, q *catalog.Sequence, options []*ast.Option) (*plan.DDL, error) {
	changed := *q
	o := &sequenceOptions{sequence: &changed}
	if err := o.read(newBinder(env, modePull), options); err != nil {
		return nil, err
	}
	command := &catalog.AlterSequence{Sequence: changed, Restart: o.restart, RestartWith: o.restartWith}
	return &plan.DDL{Command: command, Tag: "ALTER SEQUENCE"}, nil
}

// planAlterSequence plans ALTER SEQUENCE; nil for what are not options.
func planAlterSequence(env *Environment, s *ast.AlterRelation) (*plan.DDL, error) {
	if s.Kind != ast.ObjectSequence || len(s.Actions) != 1 {
		return nil, notSupported(s.Pos(), "ALTER is not supported")
	}
	b := newBinder(env, modePull)
	name, err := b.targetName(s.Table.Name)
	if err != nil {
		return nil, err
	}
	q := env.Catalog.LookupSequence(name.Schema, name.Name)
	switch {
	case q == nil && env.Catalog.NameTaken(name.Schema, name.Name):
		return nil, sqlerr.New(sqlerr.WrongObjectType, s.Table.Pos(), "%q is not a sequence", name.Name)
	case q == nil && s.IfExists:
		missing := catalog.Sequence{Schema: name.Schema, Name: name.Name, Type: types.Int8, Increment: 1, Min: 1, Max: 1, Start: 1}
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: missing, IfExists: true}, Tag: "ALTER SEQUENCE"}, nil
	case q == nil:
		return nil, sqlerr.New(sqlerr.UndefinedTable, s.Table.Pos(), "relation %q does not exist", strings.Join(s.Table.Name.Parts, "."))
	}
	env.needOwnerOf(name)
	switch action := s.Actions[0].(type) {
	case *ast.AlterSequenceOptions:
		return PlanAlterSequence(env, q, action.Options)
	case *ast.RenameTo:
		changed := *q
		changed.Name = action.Name.Value
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: changed}, Tag: "ALTER SEQUENCE"}, nil
	case *ast.SetSchema:
		if q.Owner != 0 {
			return nil, notSupported(action.Pos(), "cannot move an owned sequence into another schema").
				WithDetail("Sequence %q is linked to table %q.", q.Name, env.Catalog.Relation(q.Owner).Name)
		}
		env.needCreate(action.Schema.Value)
		changed := *q
		changed.Schema = action.Schema.Value
		return &plan.DDL{Command: &catalog.AlterSequence{Sequence: changed}, Tag: "ALTER SEQUENCE"}, nil
	case *ast.OwnerTo:
		return env.ownerTo(action, q.ID, q.Schema, "ALTER SEQUENCE")
	default:
		return nil, notSupported(s.Pos(), "this ALTER SEQUENCE is not supported")
	}
}

// planAlterTableSequence plans ALTER TABLE … OWNER TO and RENAME TO of a sequence, which
// PostgreSQL allows and pg_dump writes; nil where the statement is another one.
func planAlterTableSequence(env *Environment, s *ast.AlterRelation) (plan.Statement, error) {
	if s.Kind != ast.ObjectTable || len(s.Actions) != 1 {
		return nil, nil
	}
	switch s.Actions[0].(type) {
	case *ast.OwnerTo, *ast.RenameTo:
	default:
		return nil, nil
	}
	name, err := newBinder(env, modePull).targetName(s.Table.Name)
	if err != nil || env.Catalog.LookupSequence(name.Schema, name.Name) == nil {
		return nil, nil // the table's own errors come
	}
	sequence := *s
	sequence.Kind = ast.ObjectSequence
	out, err := planAlterSequence(env, &sequence)
	if err != nil {
		return nil, err
	}
	out.Tag = "ALTER TABLE"
	return out, nil
}

// sequenceOptions reads the options of a sequence into its descriptor.
type sequenceOptions struct {
	sequence *catalog.Sequence
	// fresh tells CREATE from ALTER, identity an identity column's sequence.
	fresh, identity bool
	restart         bool
	restartWith     int64
	given           map[string]*ast.Option
}

func (o *sequenceOptions) read(b *binder, list []*ast.Option) error {
	o.given = map[string]*ast.Option{}
	for _, option := range list {
		name := strings.TrimPrefix(option.Name, "no ")
		if o.given[name] != nil {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "conflicting or redundant options")
		}
		o.given[name] = option
		if name == "sequence name" && !o.identity {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "invalid sequence option SEQUENCE NAME")
		}
	}
	for _, step := range []func() error{
		o.readType, o.readIncrement, o.readBounds, o.readStart, o.readRestart, o.readCache,
		func() error { return o.readOwner(b) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if option := o.given["cycle"]; option != nil {
		o.sequence.Cycle = option.Name == "cycle"
	}
	return nil
}

// number returns the value of an option.
func (o *sequenceOptions) number(option *ast.Option) (int64, error) {
	text := strings.TrimPrefix(strings.ReplaceAll(ast.String(option.Value), " ", ""), "+")
	d, err := types.ParseText(types.Int8, text, types.DefaultFormat())
	if err != nil {
		return 0, sqlerr.From(err).At(option.Value.Pos())
	}
	return d.Int, nil
}

func invalidSequence(pos int, format string, args ...any) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, pos, format, args...)
}

// bounds returns the smallest and the largest value of an integer type.
func bounds(t types.Type) (least, most int64) {
	switch t.Kind {
	case types.KindInt2:
		return math.MinInt16, math.MaxInt16
	case types.KindInt4:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}

func (o *sequenceOptions) readType() error {
	option := o.given["as"]
	if option == nil {
		return nil
	}
	if o.identity {
		return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "conflicting or redundant options")
	}
	name, err := optionText(option)
	if err != nil {
		return err
	}
	t, err := types.TypeByName(strings.TrimPrefix(strings.ToLower(name), "pg_catalog."), nil)
	if err != nil {
		return sqlerr.From(err).At(option.Value.Pos())
	}
	switch t.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
	default:
		return invalidSequence(option.Value.Pos(), "sequence type must be smallint, integer, or bigint")
	}
	if !o.fresh {
		// Bounds that were those of the old type become those of the new one.
		least, most := bounds(o.sequence.Type)
		newLeast, newMost := bounds(t)
		if o.sequence.Max == most {
			o.sequence.Max = newMost
		}
		if o.sequence.Min == least {
			o.sequence.Min = newLeast
		}
	}
	o.sequence.Type = t
	return nil
}

func (o *sequenceOptions) readIncrement() error {
	option := o.given["increment"]
	if option == nil {
		if o.fresh {
			o.sequence.Increment = 1
		}
		return nil
	}
	n, err := o.number(option)
	if err != nil {
		return err
	}
	if n == 0 {
		return invalidSequence(option.Pos(), "INCREMENT must not be zero")
	}
	o.sequence.Increment = n
	return nil
}

func (o *sequenceOptions) readBounds() error {
	q := o.sequence
	least, most := bounds(q.Type)
	for _, bound := range []struct {
		option string
		to     *int64
		// ascending and descending are what the bound is unless it is given.
		ascending, descending int64
	}{
		{"maxvalue", &q.Max, most, -1},
		{"minvalue", &q.Min, 1, least},
	} {
		option := o.given[bound.option]
		switch {
		case option != nil && option.Value != nil:
			n, err := o.number(option)
			if err != nil {
				return err
			}
			*bound.to = n
		case option != nil || o.fresh:
			*bound.to = bound.ascending
			if q.Increment < 0 {
				*bound.to = bound.descending
			}
		}
		if *bound.to < least || *bound.to > most {
			return invalidSequence(o.at(bound.option), "%s (%d) is out of range for sequence data type %s", strings.ToUpper(bound.option), *bound.to, q.Type.BaseName())
		}
	}
	if q.Min >= q.Max {
		return invalidSequence(o.at("minvalue"), "MINVALUE (%d) must be less than MAXVALUE (%d)", q.Min, q.Max)
	}
	return nil
}

// at is where an option stands, -1 where it is not given.
func (o *sequenceOptions) at(name string) int {
	if option := o.given[name]; option != nil {
		return option.Pos()
	}
	return -1
}

func (o *sequenceOptions) readStart() error {
	q := o.sequence
	if option := o.given["start"]; option != nil {
		n, err := o.number(option)
		if err != nil {
			return err
		}
		q.Start = n
	} else if o.fresh {
		q.Start = q.Min
		if q.Increment < 0 {
			q.Start = q.Max
		}
	}
	if q.Start < q.Min {
		return invalidSequence(o.at("start"), "START value (%d) cannot be less than MINVALUE (%d)", q.Start, q.Min)
	}
	if q.Start > q.Max {
		return invalidSequence(o.at("start"), "START value (%d) cannot be greater than MAXVALUE (%d)", q.Start, q.Max)
	}
	return nil
}

func (o *sequenceOptions) readRestart() error {
	option := o.given["restart"]
	if option == nil {
		return nil
	}
	if o.fresh {
		return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "RESTART is for ALTER SEQUENCE")
	}
	o.restart, o.restartWith = true, o.sequence.Start
	if option.Value == nil {
		return nil
	}
	var err error
	o.restartWith, err = o.number(option)
	return err
}

func (o *sequenceOptions) readCache() error {
	option := o.given["cache"]
	if option == nil {
		if o.fresh {
			o.sequence.Cache = 1
		}
		return nil
	}
	n, err := o.number(option)
	if err != nil {
		return err
	}
	if n <= 0 {
		return invalidSequence(option.Pos(), "CACHE (%d) must be greater than zero", n)
	}
	o.sequence.Cache = n
	return nil
}

func (o *sequenceOptions) readOwner(b *binder) error {
	option := o.given["owned by"]
	if option == nil {
		return nil
	}
	if o.sequence.Identity {
		return notSupported(option.Pos(), "cannot change ownership of identity sequence").
			WithDetail("Sequence %q is linked to table %q.", o.sequence.Name, b.env.Catalog.Relation(o.sequence.Owner).Name)
	}
	text, err := optionText(option)
	if err != nil {
		return err
	}
	parts := strings.Split(text, ".")
	if len(parts) == 1 {
		if text != "none" {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "invalid OWNED BY option").
				WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
		}
		o.sequence.Owner, o.sequence.OwnerColumn = 0, 0
		return nil
	}
	name := &ast.Name{Span: ast.Span{Start: ast.Position(option.Value.Pos())}, Parts: parts[:len(parts)-1]}
	r, err := b.relation(name)
	if err != nil {
		return err
	}
	if r == nil {
		return b.undefinedTable(name)
	}
	column := r.Column(parts[len(parts)-1])
	if column < 0 || r.Columns[column].Hidden {
		return sqlerr.New(sqlerr.UndefinedColumn, option.Value.Pos(), "column %q of relation %q does not exist", parts[len(parts)-1], r.Name)
	}
	o.sequence.Owner, o.sequence.OwnerColumn = r.ID, column
	return nil
}

// sequence finds a sequence by its name; nil where there is none.
func (b *binder) sequence(name *ast.Name) *catalog.Sequence {
	for _, schema := range b.schemasOf(name) {
		if q := b.env.Catalog.LookupSequence(schema, name.Last()); q != nil {
			return q
		}
	}
	return nil
}

// sequenceState is a sequence in FROM: one row that tells how far it is.
func (b *binder) sequenceState(q *catalog.Sequence, t *ast.TableName, s *scope) (*fromItem, error) {
	if err := b.refuse(t.Pos(), "a sequence in FROM"); err != nil {
		return nil, err
	}
	parsed, err := sql.Parse("SELECT last_value, log_cnt, is_called FROM millrace.sequences WHERE id = " + decimal64(int64(q.ID)))
	if err != nil {
		return nil, err
	}
	bound, err := b.query(parsed[0].(*ast.Query), nil, nil)
	if err != nil {
		return nil, err
	}
	return b.named(bound, q.Name, nil, t.Alias, s, t.Pos())
}

// serialTypes are the types that make a column with a sequence of its own.
var serialTypes = map[string]types.Type{
	"smallserial": types.Int2, "serial2": types.Int2,
	"serial": types.Int4, "serial4": types.Int4,
	"bigserial": types.Int8, "serial8": types.Int8,
}

// serialType returns the type of a column that is declared as serial.
func serialType(name *ast.TypeName) (types.Type, bool) {
	t, is := serialTypes[name.Name]
	return t, is && len(name.ArrayBounds) == 0 && !name.SetOf && name.Element == nil && name.Key == nil
}

// columnSequence makes the sequence that gives a column its values.
func (cb *createBinder) columnSequence(number int, options []*ast.Option, identity bool) (*catalog.Sequence, error) {
	r := cb.relation
	column := &r.Columns[number]
	q := catalog.Sequence{Schema: r.Schema, Type: column.Type, OwnerColumn: number, Identity: identity}
	o := &sequenceOptions{sequence: &q, fresh: true, identity: identity}
	if err := o.read(cb.binder, options); err != nil {
		return nil, err
	}
	if option := o.given["sequence name"]; option != nil {
		// pg_dump's way to keep the name of an identity column's sequence.
		text, err := optionText(option)
		if err != nil {
			return nil, err
		}
		q.Name = text[strings.LastIndexByte(text, '.')+1:]
		if cb.env.Catalog.NameTaken(r.Schema, q.Name) {
			return nil, sqlerr.New(sqlerr.DuplicateTable, option.Pos(), "relation %q already exists", q.Name)
		}
		cb.sequences = append(cb.sequences, q)
		return &q, nil
	}
	besides := []string{r.Name}
	for i := range cb.sequences {
		besides = append(besides, cb.sequences[i].Name)
	}
	q.Name = cb.env.Catalog.ChooseName(r.Schema, r.Name, []string{column.Name}, "seq", besides...)
	cb.sequences = append(cb.sequences, q)
	return &q, nil
}

// serial makes a column one that takes its values from a sequence by default.
func (cb *createBinder) serial(number int) error {
	q, err := cb.columnSequence(number, nil, false)
	if err != nil {
		return err
	}
	column := &cb.relation.Columns[number]
	column.NotNull, column.Default = true, SequenceDefault(q)
	return nil
}

// SequenceDefault is the text of the default that takes the next value of a
// sequence.
func SequenceDefault(q *catalog.Sequence) string {
	parts := []string{q.Name}
	if q.Schema != catalog.DefaultSchema {
		parts = []string{q.Schema, q.Name}
	}
	return nextValueText(ast.String(&ast.ColumnRef{Parts: parts}))
}

// nextValueText is a call of nextval as PostgreSQL shows it.
func nextValueText(name string) string {
	return "nextval(" + ast.String(&ast.StringLiteral{Value: name}) + "::regclass)"
}

// defaultText is the text of a DEFAULT expression as the catalog keeps it.
func defaultText(e ast.Expr) string {
	if call, ok := e.(*ast.FunctionCall); ok && call.Name.Last() == "nextval" && len(call.Args) == 1 {
		arg := call.Args[0]
		if cast, ok := arg.(*ast.Cast); ok && cast.Type.Name == "regclass" {
			arg = cast.Operand
		}
		if literal, ok := arg.(*ast.StringLiteral); ok {
			return nextValueText(literal.Value)
		}
	}
	return ast.String(e)
}

// identity makes a column an identity column.
func (cb *createBinder) identity(c *ast.ColumnConstraint, number int) error {
	column := &cb.relation.Columns[number]
	switch {
	case column.Identity != catalog.NotIdentity:
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "multiple identity specifications for column %q of table %q", column.Name, cb.relation.Name)
	case column.Default != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both default and identity specified for column %q of table %q", column.Name, cb.relation.Name)
	case column.Generated != "":
		return sqlerr.New(sqlerr.SyntaxError, c.Pos(), "both identity and generation expression specified for column %q of table %q", column.Name, cb.relation.Name)
	}
	switch column.Type.Kind {
	case types.KindInt2, types.KindInt4, types.KindInt8:
	default:
		return sqlerr.New(sqlerr.InvalidParameterValue, c.Pos(), "identity column type must be smallint, integer, or bigint")
	}
	if nullable, said := cb.nullable[column.Name]; said && nullable {
		return cb.conflictingNull(column, c.Pos())
	}
	if _, err := cb.columnSequence(number, c.Sequence, true); err != nil {
		return err
	}
	column.Identity, column.NotNull = catalog.IdentityAlways, true
	if c.ByDefault {
		column.Identity = catalog.IdentityByDefault
	}
	cb.nullable = withEntry(cb.nullable, column.Name, false)
	return nil
}

// SequencesOf returns the sequences from which an expression takes values.
func SequencesOf(value expr.Expr) []catalog.ObjectID {
	var list []catalog.ObjectID
	expr.Walk(value, func(e expr.Expr) bool {
		if call, ok := e.(*expr.Call); ok && call.Func.Name == "nextval" {
			if c, ok := call.Args[0].(*expr.Const); ok && c.Value.Valid && !slices.Contains(list, catalog.ObjectID(c.Value.Int)) {
				list = append(list, catalog.ObjectID(c.Value.Int))
			}
		}
		return true
	})
	return list
}

// nextValue is an expression for the next value of a sequence, as a value of a
// column's type.
func (b *binder) nextValue(q *catalog.Sequence, t types.Type) (expr.Expr, error) {
	eb := &exprBinder{binder: b, scope: newScope(nil)}
	sequence := &expr.Const{Node: expr.Node{ResultType: types.Regclass, Position: -1}, Value: types.IntDatum(int64(q.ID))}
	value, err := eb.call("nextval", []expr.Expr{sequence}, -1)
	if err != nil {
		return nil, err
	}
	return b.coerce(value, t, expr.Assignment)
}
