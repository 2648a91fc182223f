package sql

import (
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/ast"
)

// TestRoundTripOfGeneratedTrees builds trees of every kind of expression and
// query with odd names and strings, prints them, and parses the text.
func TestRoundTripOfGeneratedTrees(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		g := treeGenerator{r: r, budget: 60}
		var want ast.Statement = g.query()
		if g.chance(4) {
			want = g.statement()
		}
		printed := ast.String(want)
		got, err := ParseOne(printed)
		if err != nil {
			r.Fatalf("%v\n%s\n%s", err, printed, dump(want))
		}
		if dump(got) != dump(want) {
			r.Fatalf("%s\n got %s\nwant %s", printed, dump(got), dump(want))
		}
	})
}

// treeGenerator builds random trees such as the parser builds.
type treeGenerator struct {
	r *rapid.T
	// budget is how many more nodes may have children.
	budget int
}

// below draws a number from 0 to n-1.
func (g *treeGenerator) below(n int) int { return rapid.IntRange(0, n-1).Draw(g.r, "n") }

// chance is true once in n times.
func (g *treeGenerator) chance(n int) bool { return g.below(n) == 0 }

func oneOf[T any](g *treeGenerator, choices ...T) T { return choices[g.below(len(choices))] }

// some draws lower to upper items.
func some[T any](g *treeGenerator, lower, upper int, item func() T) []T {
	items := make([]T, lower+g.below(upper-lower+1))
	for i := range items {
		items[i] = item()
	}
	return items
}

// perhaps draws an expression or nil.
func (g *treeGenerator) perhaps() ast.Expr {
	if g.chance(3) {
		return g.expr()
	}
	return nil
}

func (g *treeGenerator) name() string {
	return oneOf(g, "a", "b", "c", "t", "select", "left", "timestamp", "interval", "double", "Mixed",
		"two words", "é", `q"uote`, "struct", "map", "emit", "changes", "of", "partition", "range",
		"1x", "a$", "within", "over", "filter", "row", "values", "operator", "at", "null", "x.y", "current_date",
		"tumbling", "window", "final", "recursive", "set", "all", "lateral", "rows", "array")
}

func (g *treeGenerator) identifier() ast.Identifier { return ast.Identifier{Value: g.name()} }

func (g *treeGenerator) identifiers(upper int) []ast.Identifier {
	return some(g, 0, upper, g.identifier)
}

func (g *treeGenerator) qualified() *ast.Name { return &ast.Name{Parts: some(g, 1, 3, g.name)} }

func (g *treeGenerator) text() string {
	return oneOf(g, "", "a", "it's", `back\slash`, "line\nbreak", "é$$", "--", "/*", "'", "''", `"`)
}

func (g *treeGenerator) expr() ast.Expr {
	g.budget--
	if g.budget <= 0 {
		return g.leaf()
	}
	switch g.below(6) {
	case 0:
		return g.leaf()
	case 1, 2:
		return g.operation()
	case 3:
		return g.predicate()
	case 4:
		return g.call()
	}
	return g.constructor()
}

func (g *treeGenerator) exprs(lower, upper int) []ast.Expr { return some(g, lower, upper, g.expr) }

func (g *treeGenerator) leaf() ast.Expr {
	switch g.below(12) {
	case 0:
		return &ast.IntegerLiteral{Value: oneOf(g, int64(0), 7, 1<<62)}
	case 1:
		return &ast.NumericLiteral{Text: oneOf(g, "1.5", ".5", "2.", "1e10", "9223372036854775808")}
	case 2:
		return &ast.StringLiteral{Value: g.text()}
	case 3:
		return &ast.BitLiteral{Hex: true, Digits: "1F"}
	case 4:
		return &ast.BooleanLiteral{Value: g.chance(2)}
	case 5:
		return &ast.NullLiteral{}
	case 6:
		return &ast.Parameter{Number: 1 + g.below(3)}
	case 7:
		return &ast.TypedLiteral{Type: g.constantType(), Value: &ast.StringLiteral{Value: g.text()}}
	case 8:
		return &ast.ValueFunction{Name: oneOf(g, "current_date", "user", "current_schema"), Precision: -1}
	case 9:
		return &ast.ValueFunction{Name: "localtimestamp", Precision: g.below(3)}
	}
	return &ast.ColumnRef{Parts: some(g, 1, 4, g.name)}
}

// constantType returns a type that may stand in front of a constant.
func (g *treeGenerator) constantType() *ast.TypeName {
	switch g.below(4) {
	case 0:
		return &ast.TypeName{Name: "interval", IntervalFields: oneOf(g, "", "day", "year to month")}
	case 1:
		return &ast.TypeName{Name: "timestamptz"}
	case 2:
		return &ast.TypeName{Name: "numeric", Modifiers: []ast.Expr{&ast.IntegerLiteral{Value: 5}}}
	}
	return &ast.TypeName{Name: g.name(), Qualifier: some(g, 0, 2, g.name)}
}

func (g *treeGenerator) typeName() *ast.TypeName {
	g.budget--
	t := g.constantType()
	if g.budget > 0 {
		switch g.below(6) {
		case 0:
			t = &ast.TypeName{Name: "array", Element: g.typeName()}
		case 1:
			t = &ast.TypeName{Name: "map", Key: g.typeName(), Value: g.typeName()}
		case 2:
			t = &ast.TypeName{Name: "struct", Fields: some(g, 1, 3, func() *ast.TypeField {
				return &ast.TypeField{Name: g.identifier(), Type: g.typeName()}
			})}
		}
	}
	if g.chance(4) {
		t.ArrayBounds = oneOf(g, []int{-1}, []int{3, -1})
	}
	return t
}

func (g *treeGenerator) operator() ast.Operator {
	o := ast.Operator{Symbol: oneOf(g, "+", "-", "*", "/", "%", "^", "=", "<", "<>", ">=", "||", "->", "->>",
		"~", "!~*", "@>", "#-", "@-", "&&")}
	if g.chance(8) {
		o.Qualifier = some(g, 1, 2, g.name)
	}
	return o
}

func (g *treeGenerator) operation() ast.Expr {
	switch g.below(9) {
	case 0, 1:
		return &ast.Binary{Operator: g.operator(), Left: g.expr(), Right: g.expr()}
	case 2:
		return &ast.Unary{Operator: ast.Operator{Symbol: oneOf(g, "-", "+", "@", "~", "|/")}, Operand: g.expr()}
	case 3, 4:
		return &ast.Logical{Kind: oneOf(g, ast.And, ast.Or), Operands: g.exprs(2, 4)}
	case 5:
		return &ast.Not{Operand: g.expr()}
	case 6:
		return &ast.Cast{Operand: g.expr(), Type: g.typeName()}
	case 7:
		return &ast.Collate{Operand: g.expr(), Collation: g.qualified()}
	}
	return &ast.AtTimeZone{Operand: g.expr(), Zone: g.expr()}
}

func (g *treeGenerator) predicate() ast.Expr {
	negated := g.chance(2)
	switch g.below(8) {
	case 0:
		return &ast.Is{Operand: g.expr(), Kind: oneOf(g, ast.IsNull, ast.IsTrue, ast.IsUnknown), Negated: negated}
	case 1:
		return &ast.IsDistinctFrom{Left: g.expr(), Right: g.expr(), Negated: negated}
	case 2:
		return &ast.Between{Operand: g.expr(), Low: g.expr(), High: g.expr(), Negated: negated, Symmetric: g.chance(3)}
	case 3:
		// A single subquery in the list would be read as IN (query).
		return &ast.InList{Operand: g.expr(), List: append(g.exprs(0, 2), g.leaf()), Negated: negated}
	case 4:
		return &ast.InQuery{Operand: g.expr(), Query: g.query(), Negated: negated}
	case 5:
		kind := oneOf(g, ast.LikeCase, ast.LikeFold, ast.LikeSimilar)
		return &ast.Like{Kind: kind, Operand: g.expr(), Pattern: g.expr(), Escape: g.perhaps(), Negated: negated}
	case 6:
		return &ast.Quantified{Operator: g.operator(), Left: g.expr(), All: negated, Array: g.leaf()}
	}
	return &ast.Exists{Query: g.query()}
}

func (g *treeGenerator) constructor() ast.Expr {
	switch g.below(11) {
	case 0:
		return &ast.ArrayConstructor{Elements: g.exprs(0, 3)}
	case 1:
		return &ast.ArrayQuery{Query: g.query()}
	case 2:
		return &ast.Row{Elements: g.exprs(2, 3)}
	case 3:
		return &ast.Row{Elements: g.exprs(0, 2), Explicit: true}
	case 4:
		return &ast.StructConstructor{Fields: some(g, 0, 2, func() *ast.StructField {
			return &ast.StructField{Name: g.identifier(), Value: g.expr()}
		})}
	case 5:
		return &ast.MapConstructor{Entries: some(g, 0, 2, func() *ast.MapEntry {
			return &ast.MapEntry{Key: g.expr(), Value: g.expr()}
		})}
	case 6:
		return &ast.Subscript{Operand: g.expr(), Index: g.expr()}
	case 7:
		return &ast.Slice{Operand: g.expr(), Low: g.perhaps(), High: g.perhaps()}
	case 8:
		return &ast.FieldAccess{Operand: g.expr(), Field: g.identifier()}
	case 9:
		return &ast.Subquery{Query: g.query()}
	}
	n := &ast.Case{Operand: g.perhaps(), Else: g.perhaps()}
	n.Whens = some(g, 1, 3, func() *ast.When { return &ast.When{Condition: g.expr(), Result: g.expr()} })
	return n
}

func (g *treeGenerator) call() ast.Expr {
	if g.chance(4) {
		return g.specialCall()
	}
	n := &ast.FunctionCall{Name: g.qualified()}
	if g.chance(8) {
		n.Star = true
	} else {
		n.Args = some(g, 0, 3, g.argument)
		if len(n.Args) > 0 {
			n.Distinct = g.chance(5)
			n.Variadic = g.chance(8)
			if g.chance(5) {
				n.OrderBy = g.orderBy()
			}
		}
	}
	if g.chance(8) {
		n.WithinGroup = g.orderBy()
	}
	if g.chance(6) {
		n.Filter = g.expr()
	}
	if g.chance(5) {
		n.Over = g.window()
	}
	return n
}

func (g *treeGenerator) argument() ast.Expr {
	switch g.below(8) {
	case 0:
		return &ast.NamedArgument{Name: g.identifier(), Value: g.expr()}
	case 1:
		return &ast.ArrowArgument{Name: g.identifier(), Value: g.expr()}
	case 2:
		return &ast.Lambda{Parameters: some(g, 1, 3, g.identifier), Body: g.expr()}
	}
	return g.expr()
}

func (g *treeGenerator) specialCall() ast.Expr {
	call := func(form ast.FunctionForm, name string, args ...ast.Expr) ast.Expr {
		return &ast.FunctionCall{Form: form, Name: &ast.Name{Parts: []string{name}}, Args: args}
	}
	switch g.below(9) {
	case 0:
		return call(ast.FormExtract, "extract", &ast.StringLiteral{Value: oneOf(g, "year", "Odd", "it's")}, g.expr())
	case 1:
		return call(ast.FormPosition, "position", g.expr(), g.expr())
	case 2:
		return call(ast.FormSubstring, "substring", g.exprs(2, 3)...)
	case 3:
		return call(ast.FormSubstringSimilar, "substring", g.exprs(3, 3)...)
	case 4:
		return call(ast.FormOverlay, "overlay", g.exprs(3, 4)...)
	case 5:
		return call(ast.FormTrim, oneOf(g, "btrim", "ltrim", "rtrim"), g.exprs(1, 3)...)
	case 6:
		return call(ast.FormOverlaps, "overlaps", g.exprs(4, 4)...)
	case 7:
		return call(ast.FormCall, "nullif", g.exprs(2, 2)...)
	}
	return call(ast.FormCall, oneOf(g, "coalesce", "least", "substring"), g.exprs(1, 3)...)
}

func (g *treeGenerator) window() *ast.WindowSpec {
	if g.chance(3) {
		return &ast.WindowSpec{Name: g.name()}
	}
	n := &ast.WindowSpec{PartitionBy: g.exprs(0, 2)}
	if g.chance(2) {
		n.Base = g.name()
	}
	if g.chance(2) {
		n.OrderBy = g.orderBy()
	}
	if g.chance(2) {
		n.Frame = &ast.Frame{
			Mode:  oneOf(g, ast.FrameRange, ast.FrameRows, ast.FrameGroups),
			Start: &ast.FrameBound{Kind: ast.OffsetPreceding, Offset: g.expr()},
			End:   &ast.FrameBound{Kind: oneOf(g, ast.CurrentRow, ast.UnboundedFollowing)},
		}
		n.Frame.Exclusion = oneOf(g, ast.ExcludeNothing, ast.ExcludeTies)
	}
	return n
}

func (g *treeGenerator) orderBy() []*ast.OrderItem {
	return some(g, 1, 2, func() *ast.OrderItem {
		n := &ast.OrderItem{Expr: g.expr(), Nulls: oneOf(g, ast.NullsDefault, ast.NullsFirst, ast.NullsLast)}
		n.Direction = oneOf(g, ast.SortDefault, ast.Ascending, ast.Descending, ast.SortUsing)
		if n.Direction == ast.SortUsing {
			operator := g.operator()
			n.Using = &operator
		}
		return n
	})
}
