package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
)

var joinKinds = map[ast.JoinKind]plan.JoinKind{
	ast.InnerJoin: plan.JoinInner, ast.CrossJoin: plan.JoinInner,
	ast.LeftJoin: plan.JoinLeft, ast.RightJoin: plan.JoinRight, ast.FullJoin: plan.JoinFull,
}

func (b *binder) join(j *ast.Join, s *scope) (*fromItem, error) {
	left, err := b.table(j.Left, s)
	if err != nil {
		return nil, err
	}
	if t, ok := j.Right.(*ast.TableName); ok && t.AsOf != nil {
		return b.systemTimeJoin(j, t, left, s)
	}
	right, lateral, err := b.tableItem(j.Right, s, left)
	if err != nil {
		return nil, err
	}
	kind := joinKinds[j.Kind]
	if lateral {
		if lateral, err = b.refersLeft(kind, left.scope, right); err != nil {
			return nil, err
		}
	}
	if err := checkNames(left.scope, right.scope, j.Right.Pos()); err != nil {
		return nil, err
	}
	var within *boundWithin
	if j.Within != nil && !j.AsOf {
		left, right = &fromItem{left.node, left.scope}, &fromItem{right.node, right.scope}
		if within, err = b.within(j.Within, [2]*fromItem{left, right}); err != nil {
			return nil, err
		}
	}
	both := left.scope.joined(right.scope, len(left.node.Columns()))
	both.markNullable(kind, len(left.scope.lockables))
	both.markNullableTables(kind, len(left.scope.tables))
	if j.AsOf {
		return b.asOfJoin(j, left, right, both, lateral)
	}
	on, err := b.joinCondition(j, kind, left, right, both)
	if err != nil {
		return nil, err
	}
	if within != nil {
		condition, err := b.withinCondition(within, both, len(left.node.Columns()))
		if err != nil {
			return nil, err
		}
		on = conjunction(append(present(on), condition))
	}
	if j.UsingAlias != nil {
		return nil, notSupported(j.UsingAlias.Pos(), "an alias of USING is not supported")
	}
	if within != nil && within.graced && !lateral {
		node := joinLike(&plan.Join{Kind: kind, Within: &within.Within}, left.node, right.node, nil, nil, on)
		return &fromItem{node: node, scope: both}, nil
	}
	var node plan.Node
	if on != nil && b.incremental() && hasSubquery(on) {
		node, err = b.joinOnSubqueries(kind, left.node, right.node, on, j.Pos())
	} else {
		node, err = b.joinNode(kind, left.node, right.node, on, lateral, j.Pos())
	}
	return &fromItem{node: node, scope: both}, err
}

// joinCondition binds the condition of a join: ON, USING or NATURAL.
func (b *binder) joinCondition(j *ast.Join, kind plan.JoinKind, left, right *fromItem, both *scope) (expr.Expr, error) {
	switch {
	case j.On != nil:
		eb := &exprBinder{binder: b, scope: both, clause: "JOIN conditions", lowers: true}
		return eb.bindBool(j.On, "JOIN/ON")
	case j.Natural:
		return b.using(kind, naturalColumns(left.scope, right.scope), left, right, both)
	case len(j.Using) > 0:
		return b.using(kind, j.Using, left, right, both)
	default:
		return nil, nil
	}
}

// joinNode joins two items of FROM. Where the result is kept up to date, rows of a
// stream meet those of a table as they are when the stream's row is processed;
// any other join changes when either side does.
func (b *binder) joinNode(kind plan.JoinKind, left, right plan.Node, on expr.Expr, lateral bool, pos int) (plan.Node, error) {
	if lateral {
		if applied := b.applyRows(kind, left, right, on); applied != nil {
			return applied, nil
		}
	}
	if !b.incremental() {
		return newJoin(kind, left, right, on, lateral), nil
	}
	if lateral {
		return b.lateralJoin(kind, left, right, on, pos)
	}
	if applied, err := b.besideRows(kind, left, right, on); applied != nil || err != nil {
		return applied, err
	}
	leftStream, rightStream := left.Props().Kind == plan.AppendOnly, right.Props().Kind == plan.AppendOnly
	switch {
	case leftStream == rightStream:
		return newJoin(kind, left, right, on, false), nil
	case kind == plan.JoinFull, rightStream && kind == plan.JoinLeft, leftStream && kind == plan.JoinRight:
		return nil, notSupported(pos, "an outer join that keeps the rows of a table which no row of a stream matches is not supported").
			WithHint("Keep the stream's rows (stream LEFT JOIN table), or aggregate the stream into a table and join that.")
	case leftStream:
		return lookup(kind, left, right, on), nil
	}
	return b.swapped(kind, left, right, on, func(kind plan.JoinKind, left, right plan.Node, on expr.Expr) plan.Node {
		return lookup(kind, left, right, on)
	})
}

// swapped joins the other way round, with what joins, and has the columns in their
// order again. It returns nil where the join does.
func (b *binder) swapped(kind plan.JoinKind, left, right plan.Node, on expr.Expr, join func(kind plan.JoinKind, left, right plan.Node, on expr.Expr) plan.Node) (plan.Node, error) {
	width, rightWidth := len(left.Columns()), len(right.Columns())
	if on != nil {
		var err error
		on, err = b.moveColumns(on, func(index int) (int, error) {
			if index < width {
				return index + rightWidth, nil
			}
			return index - width, nil
		})
		if err != nil {
			return nil, err
		}
	}
	if kind == plan.JoinRight {
		kind = plan.JoinLeft
	}
	joined := join(kind, right, left, on)
	if joined == nil {
		return nil, nil
	}
	order := shifted(upTo(width), rightWidth)
	return passColumns(joined, append(order, upTo(rightWidth)...)), nil
}

// lookup joins rows of a stream with those of a table.
func lookup(kind plan.JoinKind, stream, table plan.Node, on expr.Expr) plan.Node {
	return joinLike(&plan.Join{Kind: kind, Lookup: true}, stream, table, nil, nil, on)
}

// naturalColumns are the names that both sides have, in the order of the left.
func naturalColumns(left, right *scope) []ast.Identifier {
	var common []ast.Identifier
	for _, c := range left.columns {
		if !c.starred {
			continue
		}
		for _, other := range right.columns {
			if other.starred && other.name == c.name {
				common = append(common, ast.Identifier{Span: ast.Span{Start: ast.NoPosition, End: ast.NoPosition}, Value: c.name})
				break
			}
		}
	}
	return common
}

// using binds the equalities of USING and puts the merged columns in front.
func (b *binder) using(kind plan.JoinKind, names []ast.Identifier, left, right *fromItem, both *scope) (expr.Expr, error) {
	eb := &exprBinder{binder: b, scope: both, clause: "JOIN/USING"}
	width := len(left.node.Columns())
	var equalities []expr.Expr
	var merged []*scopeColumn
	for _, name := range names {
		l, err := usingColumn(left.scope, name, "left")
		if err != nil {
			return nil, err
		}
		r, err := usingColumn(right.scope, name, "right")
		if err != nil {
			return nil, err
		}
		leftValue, rightValue := l.value, shiftColumns(r.value, width)
		equal, err := eb.operator("=", leftValue, rightValue, name.Pos())
		if err != nil {
			return nil, err
		}
		equalities = append(equalities, equal)
		value := leftValue
		switch kind {
		case plan.JoinRight:
			value = rightValue
		case plan.JoinFull:
			values, common, err := eb.unify([]expr.Expr{leftValue, rightValue}, "JOIN/USING", name.Pos())
			if err != nil {
				return nil, err
			}
			value = &expr.Coalesce{Node: expr.Node{ResultType: common, Position: name.Pos()}, Args: values}
		}
		merged = append(merged, &scopeColumn{name: name.Value, value: value, bare: true, starred: true})
	}
	rest := slices.Clone(both.columns)
	for i, c := range rest {
		if c.bare && slices.ContainsFunc(names, func(n ast.Identifier) bool { return n.Value == c.name }) {
			hidden := *c
			hidden.bare, hidden.starred = false, false
			rest[i] = &hidden
		}
	}
	both.columns = append(merged, rest...)
	return conjunction(equalities), nil
}

func usingColumn(s *scope, name ast.Identifier, side string) (*scopeColumn, error) {
	c, err := s.lookup(name.Value, name.Pos())
	if err != nil {
		return nil, sqlerr.New(sqlerr.AmbiguousColumn, name.Pos(), "common column name %q appears more than once in %s table", name.Value, side)
	}
	if c == nil {
		return nil, sqlerr.New(sqlerr.UndefinedColumn, name.Pos(), "column %q specified in USING clause does not exist in %s table", name.Value, side)
	}
	return c, nil
}

// aliasJoin gives a join in parentheses one name for all its columns.
func (b *binder) aliasJoin(item *fromItem, alias *ast.Alias, s *scope) (*fromItem, error) {
	table := &scopeTable{}
	var names []string
	var values []expr.Expr
	for _, c := range item.scope.columns {
		if c.starred {
			names, values = append(names, c.name), append(values, c.value)
		}
	}
	names, err := applyAlias(table, names, alias)
	if err != nil {
		return nil, err
	}
	inner := &scope{parent: s.parent, depth: s.depth, with: s.with, tables: []*scopeTable{table}}
	for i, name := range names {
		inner.columns = append(inner.columns, &scopeColumn{
			table: table, name: name, value: values[i], bare: true, starred: true, inTable: true,
		})
	}
	return &fromItem{node: item.node, scope: inner}, nil
}
