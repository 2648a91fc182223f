package sql

import "millrace/sql/ast"

// query returns a query with any of its clauses.
func (g *treeGenerator) query() *ast.Query {
	g.budget--
	n := &ast.Query{Body: g.body()}
	if g.budget <= 0 {
		return n
	}
	if g.chance(6) {
		n.With = &ast.With{Recursive: g.chance(2), Tables: some(g, 1, 2, func() *ast.CommonTable {
			return &ast.CommonTable{Name: g.identifier(), Columns: g.identifiers(2), Statement: g.query()}
		})}
	}
	if g.chance(4) {
		n.OrderBy = g.orderBy()
	}
	if g.chance(4) {
		n.Limit = &ast.Limit{Count: g.expr(), WithTies: n.OrderBy != nil && g.chance(2)}
	}
	if g.chance(6) {
		n.Offset = g.expr()
	}
	if g.chance(8) {
		n.Locking = []*ast.Locking{{Strength: "no key update", Tables: some(g, 0, 2, g.qualified), Wait: "nowait"}}
	}
	if g.chance(4) {
		n.Emit = &ast.Emit{Kind: oneOf(g, ast.EmitChanges, ast.EmitFinal), Limit: g.perhaps(), Options: some(g, 0, 2, g.option)}
	}
	return n
}

func (g *treeGenerator) option() *ast.Option {
	return &ast.Option{Name: g.name(), Value: g.optionValue()}
}

// spacedOption returns an option of COPY or EXPLAIN, whose values are simpler.
func (g *treeGenerator) spacedOption() *ast.Option {
	n := &ast.Option{Name: g.name()}
	switch g.below(4) {
	case 0:
		n.Value = &ast.StringLiteral{Value: g.text()}
	case 1:
		n.Value = &ast.Word{Value: g.name()}
	case 2:
		n.Value = &ast.List{Items: []ast.Expr{&ast.Word{Value: g.name()}, &ast.StringLiteral{Value: g.text()}}}
	}
	return n
}

func (g *treeGenerator) optionValue() ast.Expr {
	switch g.below(5) {
	case 0:
		return nil
	case 1:
		return &ast.StringLiteral{Value: g.text()}
	case 2:
		return &ast.Unary{Operator: ast.Operator{Symbol: "-"}, Operand: &ast.IntegerLiteral{Value: 3}}
	case 3:
		return &ast.List{Items: []ast.Expr{&ast.Word{Value: g.name()}, &ast.Star{}}}
	}
	return &ast.Word{Value: g.name()}
}

func (g *treeGenerator) body() ast.QueryBody {
	switch g.below(8) {
	case 0:
		return &ast.Values{Rows: some(g, 1, 3, func() []ast.Expr {
			if g.chance(4) {
				return []ast.Expr{&ast.Default{}, g.leaf()}
			}
			return g.exprs(1, 3)
		})}
	case 1:
		return &ast.TableQuery{Table: &ast.TableName{Name: g.qualified(), Only: g.chance(3)}}
	case 2:
		if g.budget > 0 {
			n := &ast.SetOperation{Operator: oneOf(g, ast.Union, ast.Intersect, ast.Except), All: g.chance(2)}
			n.Left, n.Right = g.setOperand(), g.setOperand()
			return n
		}
	}
	return g.selectBlock()
}

// setOperand returns an operand; a query with no clauses would be read as its
// body.
func (g *treeGenerator) setOperand() ast.QueryBody {
	g.budget--
	if g.chance(3) {
		return &ast.Query{Body: g.body(), OrderBy: g.orderBy()}
	}
	return g.body()
}

func (g *treeGenerator) selectBlock() *ast.Select {
	n := &ast.Select{Targets: some(g, 0, 3, g.target)}
	if len(n.Targets) > 0 && g.chance(4) {
		n.Distinct = true
		n.DistinctOn = g.exprs(0, 2)
	}
	if g.budget <= 0 {
		return n
	}
	n.From = some(g, 0, 2, g.tableExpr)
	n.Where = g.perhaps()
	if g.chance(4) {
		n.GroupBy = &ast.GroupBy{Distinct: g.chance(3), Items: some(g, 1, 3, g.groupItem)}
	}
	if g.chance(5) {
		n.PartitionBy = g.exprs(1, 2)
	}
	n.Having = g.perhaps()
	if g.chance(5) {
		n.Window = g.streamWindow()
	}
	if g.chance(5) {
		n.Windows = some(g, 1, 2, func() *ast.NamedWindow {
			spec := g.window()
			spec.Base, spec.Name = spec.Name+spec.Base, ""
			return &ast.NamedWindow{Name: g.identifier(), Spec: spec}
		})
	}
	return n
}

func (g *treeGenerator) target() *ast.Target {
	switch g.below(10) {
	case 0:
		return &ast.Target{Expr: &ast.Star{}}
	case 1:
		return &ast.Target{Expr: &ast.Star{Qualifier: some(g, 1, 2, g.name)}}
	case 2:
		return &ast.Target{Expr: &ast.ExpandFields{Operand: g.expr(), Arrow: g.chance(2)}}
	case 3, 4:
		alias := g.identifier()
		return &ast.Target{Expr: g.expr(), Alias: &alias}
	}
	return &ast.Target{Expr: g.expr()}
}

func (g *treeGenerator) groupItem() ast.Expr {
	switch g.below(6) {
	case 0:
		return &ast.GroupingSet{}
	case 1:
		return &ast.GroupingSet{Kind: oneOf(g, ast.GroupingRollup, ast.GroupingCube), Items: g.exprs(1, 2)}
	case 2:
		g.budget--
		return &ast.GroupingSet{Kind: ast.GroupingSets, Items: some(g, 1, 2, g.groupItem)}
	}
	return g.expr()
}

func (g *treeGenerator) duration() *ast.Duration {
	return &ast.Duration{Count: int64(g.below(100)), Unit: ast.TimeUnit(g.below(int(ast.Years) + 1))}
}

func (g *treeGenerator) streamWindow() *ast.StreamWindow {
	n := &ast.StreamWindow{Kind: ast.WindowKind(g.below(4)), Size: g.duration()}
	if n.Kind == ast.HoppingWindow || n.Kind == ast.CumulateWindow {
		n.Advance = g.duration()
	}
	if g.chance(2) {
		n.Grace = g.duration()
	}
	if g.chance(2) {
		name := g.identifier()
		n.Name = &name
	}
	return n
}

func (g *treeGenerator) alias() *ast.Alias {
	if g.chance(2) {
		return nil
	}
	return &ast.Alias{Name: g.identifier(), Columns: g.identifiers(2)}
}

func (g *treeGenerator) tableExpr() ast.TableExpr {
	g.budget--
	if g.budget <= 0 {
		return &ast.TableName{Name: g.qualified()}
	}
	switch g.below(6) {
	case 0:
		return &ast.DerivedTable{Lateral: g.chance(3), Query: g.query(), Alias: g.alias()}
	case 1:
		return g.join()
	case 2:
		return g.functionTable()
	case 3:
		return &ast.ParenthesizedTable{Table: g.join(), Alias: g.alias()}
	}
	n := &ast.TableName{Name: g.qualified(), Changes: g.chance(4), Alias: g.alias()}
	if g.chance(5) {
		n.AsOf = g.expr()
		if g.chance(3) {
			n.Grace = g.duration()
		}
	}
	return n
}

func (g *treeGenerator) join() ast.TableExpr {
	n := &ast.Join{Kind: ast.JoinKind(g.below(5)), Left: g.tableExpr(), Right: g.tableExpr()}
	switch {
	case n.Kind == ast.CrossJoin:
	case g.chance(5):
		n.Natural = true
	case g.chance(3):
		n.Using = some(g, 1, 2, g.identifier)
	default:
		n.On = g.expr()
		n.AsOf = g.chance(4)
		if g.chance(3) {
			n.Within = &ast.Within{Before: g.duration()}
			if g.chance(2) {
				n.Within.After, n.Within.Grace = g.duration(), g.duration()
			}
		}
	}
	if _, ok := n.Right.(*ast.Join); ok && n.On == nil && n.Using == nil {
		// Without a condition the next join would belong to this one.
		n.Right = &ast.ParenthesizedTable{Table: n.Right}
	}
	return n
}

func (g *treeGenerator) functionTable() ast.TableExpr {
	call := func() *ast.RowFunction {
		return &ast.RowFunction{Call: &ast.FunctionCall{Name: g.qualified(), Args: g.exprs(0, 2)}}
	}
	n := &ast.FunctionTable{Lateral: g.chance(2), Ordinality: g.chance(3), Alias: g.alias()}
	if n.RowsFrom = g.chance(3); n.RowsFrom {
		n.Functions = some(g, 1, 2, call)
	} else {
		n.Functions = []*ast.RowFunction{call()}
	}
	if n.Alias == nil && g.chance(3) {
		n.Columns = []*ast.TypeField{{Name: g.identifier(), Type: g.typeName()}}
	}
	return n
}

// statement returns a statement that is no query.
func (g *treeGenerator) statement() ast.Statement {
	switch g.below(5) {
	case 0:
		return g.createRelation()
	case 1:
		n := &ast.Insert{Table: g.qualified(), Source: g.query()}
		n.Columns = some(g, 0, 2, func() *ast.TargetColumn { return &ast.TargetColumn{Name: g.identifier()} })
		return n
	case 2:
		return &ast.Update{Table: &ast.TableName{Name: g.qualified()}, Where: g.perhaps(), Set: some(g, 1, 2, g.assignment)}
	case 3:
		return &ast.Copy{Table: g.qualified(), Columns: g.identifiers(2), From: true, Options: some(g, 0, 2, g.spacedOption)}
	}
	return &ast.Explain{Options: some(g, 0, 2, g.spacedOption), Statement: g.query()}
}

func (g *treeGenerator) assignment() *ast.Assignment {
	return &ast.Assignment{Columns: []*ast.TargetColumn{{Name: g.identifier()}}, Value: g.expr()}
}

func (g *treeGenerator) createRelation() ast.Statement {
	n := &ast.CreateRelation{
		Kind: oneOf(g, ast.StreamRelation, ast.TableRelation), OrReplace: g.chance(2), IfNotExists: g.chance(2),
		Name: g.qualified(), Options: some(g, 0, 2, g.option),
	}
	if g.chance(2) {
		n.ColumnNames, n.Query = g.identifiers(2), g.query()
		return n
	}
	n.HasElements = true
	n.Columns = some(g, 1, 3, func() *ast.ColumnDefinition {
		return &ast.ColumnDefinition{Name: g.identifier(), Type: g.typeName(), Constraints: some(g, 0, 2, g.columnConstraint)}
	})
	return n
}

func (g *treeGenerator) columnConstraint() *ast.ColumnConstraint {
	switch g.below(5) {
	case 0:
		return &ast.ColumnConstraint{Kind: ast.ConstraintDefault, Expr: g.expr()}
	case 1:
		return &ast.ColumnConstraint{Kind: ast.ConstraintCheck, Expr: g.expr()}
	case 2:
		return &ast.ColumnConstraint{Kind: ast.ConstraintHeader, Header: g.text()}
	}
	return &ast.ColumnConstraint{Kind: oneOf(g, ast.ConstraintKey, ast.ConstraintPrimaryKey, ast.ConstraintNotNull)}
}
