package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

func planCopy(env *Environment, s *ast.Copy) (*plan.Copy, error) {
	if s.Endpoint != ast.CopyStdio {
		return nil, notSupported(s.Pos(), "COPY with a file or program on the server is not supported").
			WithHint(`Use COPY FROM STDIN or TO STDOUT; psql's \copy does that with a file of the client.`)
	}
	if s.From {
		return planCopyFrom(env, s)
	}
	if s.Where != nil {
		return nil, sqlerr.New(sqlerr.SyntaxError, s.Where.Pos(), "WHERE clause not allowed with COPY TO")
	}
	return planCopyTo(env, s)
}

func planCopyFrom(env *Environment, s *ast.Copy) (*plan.Copy, error) {
	b := newBinder(env, modePull)
	target, err := b.writable(s.Table, "copy to")
	if err != nil {
		return nil, err
	}
	c := &plan.Copy{From: true, Target: target}
	var names []string
	if len(s.Columns) == 0 {
		for i := range target.Columns {
			if !target.Columns[i].Hidden && target.Columns[i].Generated == "" {
				c.Columns, names = append(c.Columns, i), append(names, target.Columns[i].Name)
			}
		}
	}
	for _, name := range s.Columns {
		number, err := b.targetColumn(target, name)
		if err != nil {
			return nil, err
		}
		if number >= 0 && target.Columns[number].Generated != "" {
			return nil, sqlerr.New(sqlerr.InvalidColumnReference, name.Pos(), "column %q is a generated column", name.Value).
				WithDetail("Generated columns cannot be used in COPY.")
		}
		if slices.Contains(c.Columns, number) {
			return nil, sqlerr.New(sqlerr.DuplicateColumn, name.Pos(), "column %q specified more than once", name.Value)
		}
		c.Columns, names = append(c.Columns, number), append(names, name.Value)
	}
	if c.Defaults, err = b.columnDefaults(target); err != nil {
		return nil, err
	}
	if c.Generated, err = b.generated(target); err != nil {
		return nil, err
	}
	if c.Checks, err = b.checks(target); err != nil {
		return nil, err
	}
	if s.Where != nil {
		if c.Where, err = b.copyCondition(target, s.Where); err != nil {
			return nil, err
		}
	}
	c.Options, err = copyOptions(s, names)
	return c, err
}

// copyCondition binds the WHERE of COPY … FROM.
func (b *binder) copyCondition(target *catalog.Relation, condition ast.Expr) (expr.Expr, error) {
	s := newScope(nil)
	s.addRelation(&scopeTable{schema: target.Schema, name: target.Name}, target)
	eb := &exprBinder{binder: b, scope: s, clause: "COPY FROM WHERE conditions"}
	bound, err := eb.bindBool(condition, "WHERE")
	if err != nil {
		return nil, err
	}
	if hasSubquery(bound) {
		return nil, notSupported(condition.Pos(), "cannot use subquery in COPY FROM WHERE condition")
	}
	return bound, nil
}

func planCopyTo(env *Environment, s *ast.Copy) (*plan.Copy, error) {
	statement := s.Statement
	if statement == nil {
		if v, err := newBinder(env, modePull).view(s.Table); v != nil || err != nil {
			if err != nil {
				return nil, err
			}
			return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "cannot copy from view %q", v.Name).
				WithHint("Try the COPY (SELECT ...) TO variant.")
		}
		if err := checkTwice(s.Columns); err != nil {
			return nil, err
		}
		statement = copySelect(s)
	}
	switch statement.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete:
	default:
		return nil, notSupported(statement.Pos(), "COPY of %s is not supported", statementName(statement))
	}
	source, err := Plan(env, statement)
	if err != nil {
		return nil, err
	}
	c := &plan.Copy{}
	var names []string
	if q, ok := source.(*plan.Query); ok {
		c.Query = q
		names = columnNames(q.Root)[:q.Visible]
		if q.RowOp {
			names = append(names, "rowop")
		}
	} else {
		c.Change = source
		columns := plan.ReturningColumns(source)
		if columns == nil {
			return nil, notSupported(-1, "COPY query must have a RETURNING clause")
		}
		for _, column := range columns {
			names = append(names, column.Name)
		}
	}
	c.Options, err = copyOptions(s, names)
	return c, err
}

// checkTwice refuses a list of columns in which one is repeated.
func checkTwice(columns []ast.Identifier) error {
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(before ast.Identifier) bool { return before.Value == c.Value }) {
			return sqlerr.New(sqlerr.DuplicateColumn, -1, "column %q specified more than once", c.Value)
		}
	}
	return nil
}

// copySelect is the query behind COPY table (columns) TO.
func copySelect(s *ast.Copy) *ast.Query {
	sel := &ast.Select{Span: s.Span, From: []ast.TableExpr{&ast.TableName{Span: s.Table.Span, Name: s.Table}}}
	for _, c := range s.Columns {
		sel.Targets = append(sel.Targets, &ast.Target{Span: c.Span, Expr: &ast.ColumnRef{Span: c.Span, Parts: []string{c.Value}}})
	}
	if len(s.Columns) == 0 {
		sel.Targets = []*ast.Target{{Span: s.Table.Span, Expr: &ast.Star{Span: s.Table.Span}}}
	}
	return &ast.Query{Span: s.Span, Body: sel}
}

var copyOptionNames = []string{
	"format", "freeze", "delimiter", "null", "header", "quote", "escape", "force_quote", "force_not_null", "force_null", "encoding",
}

// copyOptions reads COPY's options; names are those of the data's columns.
func copyOptions(s *ast.Copy, names []string) (plan.CopyOptions, error) {
	var o plan.CopyOptions
	reader, err := newOptionReader(s.Options, "COPY", copyOptionNames)
	if err != nil {
		return o, err
	}
	if err := copyFormat(reader, &o); err != nil {
		return o, err
	}
	csv := o.Format == plan.CopyCSV
	o.Delimiter, o.Null, o.Quote, o.Escape = '\t', `\N`, 0, 0
	if csv {
		o.Delimiter, o.Null, o.Quote = ',', "", '"'
	}
	if err := copyCharacters(reader, &o, csv); err != nil {
		return o, err
	}
	if err := copyHeader(reader, &o, s.From); err != nil {
		return o, err
	}
	for _, force := range []struct {
		name string
		to   *[]bool
		from bool
	}{
		{"force_quote", &o.ForceQuote, false}, {"force_not_null", &o.ForceNotNull, true}, {"force_null", &o.ForceNull, true},
	} {
		option := reader.find(force.name)
		if option == nil {
			continue
		}
		words := strings.ReplaceAll(force.name, "_", " ")
		if !csv {
			return o, notSupported(option.Pos(), "COPY %s available only in CSV mode", words)
		}
		if force.from != s.From {
			return o, notSupported(option.Pos(), "COPY %s only available using COPY %s", words, map[bool]string{true: "FROM", false: "TO"}[force.from])
		}
		if *force.to, err = forcedColumns(option, names); err != nil {
			return o, err
		}
	}
	return o, checkCopyOptions(s, &o)
}

func copyFormat(reader *optionReader, o *plan.CopyOptions) error {
	if option := reader.find("format"); option != nil {
		text, err := optionText(option)
		if err != nil {
			return err
		}
		switch text {
		case "text":
		case "csv":
			o.Format = plan.CopyCSV
		case "binary":
			return notSupported(option.Pos(), "COPY in binary format is not supported")
		default:
			return sqlerr.New(sqlerr.InvalidParameterValue, option.Pos(), "COPY format %q not recognized", text)
		}
	}
	if option := reader.find("encoding"); option != nil {
		text, err := optionText(option)
		if err != nil {
			return err
		}
		if folded := strings.ReplaceAll(strings.ToLower(text), "-", ""); folded != "utf8" && folded != "unicode" {
			return notSupported(option.Pos(), "COPY in encoding %q is not supported", text).WithHint("Text is UTF-8.")
		}
	}
	return nil
}

// copyCharacters reads the options that are characters or texts.
func copyCharacters(reader *optionReader, o *plan.CopyOptions, csv bool) error {
	for _, character := range []struct {
		name    string
		to      *byte
		csvOnly bool
	}{{"delimiter", &o.Delimiter, false}, {"quote", &o.Quote, true}, {"escape", &o.Escape, true}} {
		option := reader.find(character.name)
		if option == nil {
			continue
		}
		text, err := optionText(option)
		if err != nil {
			return err
		}
		if character.csvOnly && !csv {
			return notSupported(option.Pos(), "COPY %s available only in CSV mode", character.name)
		}
		if len(text) != 1 {
			return notSupported(option.Pos(), "COPY %s must be a single one-byte character", character.name)
		}
		*character.to = text[0]
	}
	if csv && o.Escape == 0 {
		o.Escape = o.Quote
	}
	if option := reader.find("null"); option != nil {
		text, err := optionText(option)
		if err != nil {
			return err
		}
		o.Null = text
	}
	return nil
}

func copyHeader(reader *optionReader, o *plan.CopyOptions, from bool) error {
	option := reader.find("header")
	if option == nil {
		return nil
	}
	if option.Value != nil {
		if text, err := optionText(option); err == nil && strings.EqualFold(text, "match") {
			if !from {
				return notSupported(option.Pos(), `cannot use "match" with HEADER in COPY TO`)
			}
			o.Header = plan.CopyHeaderMatch
			return nil
		}
	}
	on, err := optionBool(option)
	if err != nil {
		return sqlerr.New(sqlerr.SyntaxError, option.Pos(), `header requires a Boolean value or "match"`)
	}
	if on {
		o.Header = plan.CopyHeaderLine
	}
	return nil
}

// forcedColumns reads a list of columns, or * for all.
func forcedColumns(option *ast.Option, names []string) ([]bool, error) {
	forced := make([]bool, len(names))
	switch v := option.Value.(type) {
	case *ast.Star:
		for i := range forced {
			forced[i] = true
		}
		return forced, nil
	case *ast.List:
		for _, item := range v.Items {
			name, err := optionText(&ast.Option{Span: option.Span, Name: option.Name, Value: item})
			if err != nil {
				return nil, err
			}
			at := slices.Index(names, name)
			if at < 0 {
				return nil, sqlerr.New(sqlerr.UndefinedColumn, item.Pos(), "column %q does not exist", name)
			}
			forced[at] = true
		}
		return forced, nil
	default:
		return nil, badOption(option, "a list of column names")
	}
}

// checkCopyOptions refuses what could not be read back.
func checkCopyOptions(s *ast.Copy, o *plan.CopyOptions) error {
	invalid := func(format string, args ...any) error {
		return sqlerr.New(sqlerr.InvalidParameterValue, s.Pos(), format, args...)
	}
	if o.Delimiter == '\n' || o.Delimiter == '\r' {
		return invalid("COPY delimiter cannot be newline or carriage return")
	}
	if strings.ContainsAny(o.Null, "\r\n") {
		return invalid("COPY null representation cannot use newline or carriage return")
	}
	if strings.IndexByte(o.Null, o.Delimiter) >= 0 {
		return invalid("COPY delimiter character must not appear in the NULL specification")
	}
	if o.Format == plan.CopyText {
		if strings.IndexByte("\\.abcdefghijklmnopqrstuvwxyz0123456789", o.Delimiter) >= 0 {
			return invalid("COPY delimiter cannot be %q", string(o.Delimiter))
		}
		return nil
	}
	if o.Delimiter == o.Quote {
		return invalid("COPY delimiter and quote must be different")
	}
	if strings.IndexByte(o.Null, o.Quote) >= 0 {
		return invalid("CSV quote character must not appear in the NULL specification")
	}
	return nil
}
