package sql

import (
	"fmt"
	"strings"

	"vitess.io/vitess/go/vt/sqlparser"
)

// sexpr writes an S-expression.
type sexpr struct {
	b strings.Builder
	// unknown is the first node that could not be converted, "" without.
	unknown string
}

func (s *sexpr) open(name string, atoms ...string) {
	s.b.WriteString("(" + name)
	for _, atom := range atoms {
		s.atom(atom)
	}
}

func (s *sexpr) close() { s.b.WriteString(")") }

func (s *sexpr) atom(text string) { s.b.WriteString(" " + text) }

func (s *sexpr) refuse(node any) {
	if s.unknown == "" {
		s.unknown = fmt.Sprintf("%T", node)
	}
}

// vitessNeutral writes the trees of Vitess as neutral does ours.
type vitessNeutral struct{ sexpr }

func (n *vitessNeutral) statement(s sqlparser.SQLNode) {
	switch s := s.(type) {
	case sqlparser.TableStatement:
		n.query(s)
	case *sqlparser.Insert:
		n.open("insert", sqlparser.String(s.Table))
		for _, column := range s.Columns {
			n.atom(column.String())
		}
		if rows, ok := s.Rows.(sqlparser.Values); ok {
			n.open("query")
			for _, row := range rows {
				n.exprs("row", row)
			}
			n.close()
		} else {
			n.statement(s.Rows)
		}
		n.close()
	case *sqlparser.Update:
		n.open("update")
		for _, table := range s.TableExprs {
			n.tableExpr(table)
		}
		for _, assignment := range s.Exprs {
			n.open("set", assignment.Name.Name.String())
			n.expr(assignment.Expr)
			n.close()
		}
		n.where("where", s.Where)
		n.close()
	case *sqlparser.Delete:
		n.open("delete")
		for _, table := range s.TableExprs {
			n.tableExpr(table)
		}
		n.where("where", s.Where)
		n.close()
	default:
		n.refuse(s)
	}
}

func (n *vitessNeutral) where(name string, w *sqlparser.Where) {
	if w != nil {
		n.optional(name, w.Expr)
	}
}

func (n *vitessNeutral) optional(name string, e sqlparser.Expr) {
	if e != nil {
		n.exprs(name, []sqlparser.Expr{e})
	}
}

// query writes a query with what stands around it.
func (n *vitessNeutral) query(q sqlparser.TableStatement) {
	n.open("query")
	switch q := q.(type) {
	case *sqlparser.Select:
		n.with(q.With)
		n.selectBlock(q)
		n.orderBy(q.OrderBy)
		n.limit(q.Limit)
	case *sqlparser.Union:
		n.with(q.With)
		n.union(q)
		n.orderBy(q.OrderBy)
		n.limit(q.Limit)
	default:
		n.refuse(q)
	}
	n.close()
}

func (n *vitessNeutral) union(u *sqlparser.Union) {
	n.open("union")
	if !u.Distinct {
		n.atom("all")
	}
	for _, side := range []sqlparser.TableStatement{u.Left, u.Right} {
		switch side := side.(type) {
		case *sqlparser.Select:
			n.selectBlock(side)
		case *sqlparser.Union:
			n.union(side)
		default:
			n.refuse(side)
		}
	}
	n.close()
}

func (n *vitessNeutral) with(w *sqlparser.With) {
	if w == nil {
		return
	}
	for _, table := range w.CTEs {
		n.open("with", table.ID.String())
		for _, column := range table.Columns {
			n.atom(column.String())
		}
		n.query(table.Subquery)
		n.close()
	}
}

func (n *vitessNeutral) limit(l *sqlparser.Limit) {
	if l != nil {
		n.optional("limit", l.Rowcount)
		n.optional("offset", l.Offset)
	}
}

func (n *vitessNeutral) orderBy(items sqlparser.OrderBy) {
	for _, item := range items {
		n.open("order")
		n.expr(item.Expr)
		if item.Direction == sqlparser.DescOrder {
			n.atom("desc")
		}
		n.close()
	}
}

func (n *vitessNeutral) selectBlock(s *sqlparser.Select) {
	n.open("select")
	if s.Distinct {
		n.atom("distinct")
	}
	for _, target := range s.SelectExprs.Exprs {
		n.open("target")
		switch target := target.(type) {
		case *sqlparser.StarExpr:
			n.open("star")
			if !target.TableName.IsEmpty() {
				n.atom(sqlparser.String(target.TableName))
			}
			n.close()
		case *sqlparser.AliasedExpr:
			n.expr(target.Expr)
			if target.As.NotEmpty() {
				n.atom(target.As.String())
			}
		default:
			n.refuse(target)
		}
		n.close()
	}
	for _, item := range s.From {
		n.tableExpr(item)
	}
	n.where("where", s.Where)
	if s.GroupBy != nil {
		n.exprs("group", s.GroupBy.Exprs)
	}
	n.where("having", s.Having)
	n.close()
}

func (n *vitessNeutral) exprs(name string, list []sqlparser.Expr) {
	n.open(name)
	for _, e := range list {
		n.expr(e)
	}
	n.close()
}

func (n *vitessNeutral) tableExpr(t sqlparser.TableExpr) {
	switch t := t.(type) {
	case *sqlparser.AliasedTableExpr:
		switch table := t.Expr.(type) {
		case sqlparser.TableName:
			n.open("table", sqlparser.String(table))
		case *sqlparser.DerivedTable:
			n.open("derived")
			n.query(table.Select)
		default:
			n.refuse(table)
		}
		if t.As.NotEmpty() {
			n.atom(t.As.String())
		}
		n.close()
	case *sqlparser.ParenTableExpr:
		for _, inner := range t.Exprs {
			n.tableExpr(inner)
		}
	case *sqlparser.JoinTableExpr:
		n.join(t)
	default:
		n.refuse(t)
	}
}

func (n *vitessNeutral) join(t *sqlparser.JoinTableExpr) {
	switch t.Join {
	case sqlparser.NormalJoinType:
		n.open("join")
	case sqlparser.LeftJoinType:
		n.open("left")
	case sqlparser.RightJoinType:
		n.open("right")
	case sqlparser.NaturalJoinType:
		n.open("join", "natural")
	case sqlparser.NaturalLeftJoinType:
		n.open("left", "natural")
	default:
		n.refuse(t)
	}
	n.tableExpr(t.LeftExpr)
	n.tableExpr(t.RightExpr)
	if t.Condition != nil {
		n.optional("on", t.Condition.On)
		for _, column := range t.Condition.Using {
			n.atom(column.String())
		}
	}
	n.close()
}

var vitessComparisons = map[sqlparser.ComparisonExprOperator]string{
	sqlparser.EqualOp: "=", sqlparser.LessThanOp: "<", sqlparser.GreaterThanOp: ">",
	sqlparser.LessEqualOp: "<=", sqlparser.GreaterEqualOp: ">=", sqlparser.NotEqualOp: "<>",
	sqlparser.InOp: "in", sqlparser.NotInOp: "not in", sqlparser.LikeOp: "like", sqlparser.NotLikeOp: "not like",
}

var vitessIs = map[sqlparser.IsExprOperator]string{
	sqlparser.IsNullOp: "is null", sqlparser.IsNotNullOp: "not is null",
	sqlparser.IsTrueOp: "is true", sqlparser.IsNotTrueOp: "not is true",
	sqlparser.IsFalseOp: "is false", sqlparser.IsNotFalseOp: "not is false",
}

func (n *vitessNeutral) expr(e sqlparser.Expr) {
	switch e := e.(type) {
	case *sqlparser.AndExpr:
		n.exprs("and", []sqlparser.Expr{e.Left, e.Right})
	case *sqlparser.OrExpr:
		n.exprs("or", []sqlparser.Expr{e.Left, e.Right})
	case *sqlparser.NotExpr:
		n.exprs("not", []sqlparser.Expr{e.Expr})
	case *sqlparser.IsExpr:
		n.exprs(vitessIs[e.Right], []sqlparser.Expr{e.Left})
	case *sqlparser.BinaryExpr:
		n.exprs(e.Operator.ToString(), []sqlparser.Expr{e.Left, e.Right})
	case *sqlparser.UnaryExpr:
		n.exprs("negative", []sqlparser.Expr{e.Expr})
	case *sqlparser.BetweenExpr:
		n.exprs(negatedName("between", !e.IsBetween), []sqlparser.Expr{e.Left, e.From, e.To})
	case *sqlparser.ComparisonExpr:
		n.open(vitessComparisons[e.Operator])
		switch e.Modifier {
		case sqlparser.Any:
			n.atom("any")
		case sqlparser.All:
			n.atom("all")
		}
		n.expr(e.Left)
		n.expr(e.Right)
		n.close()
	case sqlparser.ValTuple:
		n.exprs("row", e)
	case *sqlparser.ExistsExpr:
		n.open("exists")
		n.query(e.Subquery.Select)
		n.close()
	case *sqlparser.Subquery:
		n.query(e.Select)
	default:
		n.primary(e)
	}
}

func (n *vitessNeutral) primary(e sqlparser.Expr) {
	switch e := e.(type) {
	case *sqlparser.Literal:
		if e.Type == sqlparser.StrVal {
			n.atom(fmt.Sprintf("%q", e.Val))
		} else {
			n.atom(e.Val)
		}
	case sqlparser.BoolVal:
		n.atom(fmt.Sprint(bool(e)))
	case *sqlparser.NullVal:
		n.atom("null")
	case *sqlparser.Default:
		n.atom("default")
	case *sqlparser.ColName:
		n.atom(sqlparser.String(e))
	case *sqlparser.CaseExpr:
		n.open("case")
		n.optional("of", e.Expr)
		for _, when := range e.Whens {
			n.exprs("when", []sqlparser.Expr{when.Cond, when.Val})
		}
		n.optional("else", e.Else)
		n.close()
	case *sqlparser.CastExpr:
		n.cast(e)
	default:
		n.call(e)
	}
}

func (n *vitessNeutral) cast(e *sqlparser.CastExpr) {
	names := map[string]string{"decimal": "numeric"}
	name := strings.ToLower(e.Type.Type)
	if common := names[name]; common != "" {
		name = common
	}
	modifiers := []int{}
	for _, modifier := range []*int{e.Type.Length, e.Type.Scale} {
		if modifier != nil {
			modifiers = append(modifiers, *modifier)
		}
	}
	n.open("cast", fmt.Sprint(name, modifiers))
	n.expr(e.Expr)
	n.close()
}

// call writes a function; Vitess has a type for each aggregate.
func (n *vitessNeutral) call(e sqlparser.Expr) {
	switch e := e.(type) {
	case *sqlparser.FuncExpr:
		n.callOf(e.Name.Lowered(), false, nil, e.Exprs...)
	case *sqlparser.CountStar:
		n.callOf("count", false, e.OverClause)
	case *sqlparser.Count:
		n.callOf("count", e.Distinct, e.OverClause, e.Args...)
	case *sqlparser.Sum:
		n.callOf("sum", e.Distinct, e.OverClause, e.Arg)
	case *sqlparser.Min:
		n.callOf("min", e.Distinct, e.OverClause, e.Arg)
	case *sqlparser.Max:
		n.callOf("max", e.Distinct, e.OverClause, e.Arg)
	case *sqlparser.Avg:
		n.callOf("avg", e.Distinct, e.OverClause, e.Arg)
	default:
		n.refuse(e)
	}
}

func (n *vitessNeutral) callOf(name string, distinct bool, over *sqlparser.OverClause, args ...sqlparser.Expr) {
	n.open("call", name)
	if distinct {
		n.atom("distinct")
	}
	for _, arg := range args {
		n.expr(arg)
	}
	if over != nil {
		if over.WindowSpec == nil {
			n.refuse(over)
		} else {
			n.exprs("over", over.WindowSpec.PartitionClause)
			n.orderBy(over.WindowSpec.OrderClause)
		}
	}
	n.close()
}
