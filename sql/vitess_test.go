package sql

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"vitess.io/vitess/go/vt/sqlparser"

	"millrace/sql/ast"
)

// TestSameTreeAsVitess parses generated statements of the language that is
// common with MySQL with this parser and with that of Vitess, which nobody
// here wrote, and compares the trees in a neutral form. What Vitess refuses
// is counted and must stay rare.
func TestSameTreeAsVitess(t *testing.T) {
	const statements = 10_000
	oracle := sqlparser.NewTestParser()
	refused, unknown := 0, 0
	for i := range statements {
		grammar := commonGrammar{random: rand.New(rand.NewPCG(uint64(i), 1))}
		text := grammar.statement()
		statement, err := ParseOne(text)
		if err != nil {
			t.Fatalf("statement %d: %v\n%s", i, err, text)
		}
		got := neutral{}
		got.statement(statement)
		if got.unknown != "" {
			t.Fatalf("statement %d: %s is not converted\n%s", i, got.unknown, text)
		}
		theirs, err := oracle.Parse(text)
		if err != nil {
			refused++
			if refused < 5 {
				t.Logf("refused by Vitess: %v\n%s", err, text)
			}
			continue
		}
		want := vitessNeutral{}
		want.statement(theirs)
		if want.unknown != "" {
			unknown++
			if unknown < 5 {
				t.Logf("not converted: %s\n%s", want.unknown, text)
			}
			continue
		}
		if got.b.String() != want.b.String() {
			t.Fatalf("statement %d: %s\n  ours %s\nvitess %s", i, text, got.b.String(), want.b.String())
		}
		checkTree(t, statement)
	}
	t.Logf("%d statements, %d refused by Vitess, %d not converted", statements, refused, unknown)
	if skipped := refused + unknown; skipped > statements/1000 {
		t.Errorf("%d of %d statements were not compared", skipped, statements)
	}
}

// neutral writes our trees as S-expressions that name neither parser's types.
type neutral struct{ sexpr }

func (n *neutral) statement(s ast.Statement) {
	switch s := s.(type) {
	case *ast.Query:
		n.query(s)
	case *ast.Insert:
		n.open("insert", nameText(s.Table))
		for _, column := range s.Columns {
			n.atom(column.Name.Value)
		}
		n.query(s.Source)
		n.close()
	case *ast.Update:
		n.open("update")
		n.table(s.Table)
		for _, assignment := range s.Set {
			n.open("set", assignment.Columns[0].Name.Value)
			n.expr(assignment.Value)
			n.close()
		}
		n.optional("where", s.Where)
		n.close()
	case *ast.Delete:
		n.open("delete")
		n.table(s.Table)
		n.optional("where", s.Where)
		n.close()
	default:
		n.refuse(s)
	}
}

func nameText(name *ast.Name) string {
	text := name.Parts[0]
	for _, part := range name.Parts[1:] {
		text += "." + part
	}
	return text
}

func (n *neutral) optional(name string, e ast.Expr) {
	if e != nil {
		n.open(name)
		n.expr(e)
		n.close()
	}
}

func (n *neutral) query(q *ast.Query) {
	n.open("query")
	if q.With != nil {
		for _, table := range q.With.Tables {
			n.open("with", table.Name.Value)
			for _, column := range table.Columns {
				n.atom(column.Value)
			}
			n.statement(table.Statement)
			n.close()
		}
	}
	n.body(q.Body)
	n.orderBy(q.OrderBy)
	if q.Limit != nil {
		n.optional("limit", q.Limit.Count)
	}
	n.optional("offset", q.Offset)
	n.close()
}

func (n *neutral) orderBy(items []*ast.OrderItem) {
	for _, item := range items {
		n.open("order")
		n.expr(item.Expr)
		if item.Direction == ast.Descending {
			n.atom("desc")
		}
		n.close()
	}
}

func (n *neutral) body(b ast.QueryBody) {
	switch b := b.(type) {
	case *ast.Select:
		n.selectBlock(b)
	case *ast.Values:
		for _, row := range b.Rows {
			n.exprs("row", row)
		}
	case *ast.SetOperation:
		n.open("union")
		if b.All {
			n.atom("all")
		}
		n.body(b.Left)
		n.body(b.Right)
		n.close()
	default:
		n.refuse(b)
	}
}

func (n *neutral) selectBlock(s *ast.Select) {
	n.open("select")
	if s.Distinct {
		n.atom("distinct")
	}
	for _, target := range s.Targets {
		n.open("target")
		n.expr(target.Expr)
		if target.Alias != nil {
			n.atom(target.Alias.Value)
		}
		n.close()
	}
	for _, item := range s.From {
		n.tableExpr(item)
	}
	n.optional("where", s.Where)
	if s.GroupBy != nil {
		n.exprs("group", s.GroupBy.Items)
	}
	n.optional("having", s.Having)
	n.close()
}

func (n *neutral) exprs(name string, list []ast.Expr) {
	n.open(name)
	for _, e := range list {
		n.expr(e)
	}
	n.close()
}

func (n *neutral) table(t *ast.TableName) {
	n.open("table", nameText(t.Name))
	n.alias(t.Alias)
	n.close()
}

func (n *neutral) alias(a *ast.Alias) {
	if a != nil {
		n.atom(a.Name.Value)
	}
}

func (n *neutral) tableExpr(t ast.TableExpr) {
	switch t := t.(type) {
	case *ast.TableName:
		n.table(t)
	case *ast.ParenthesizedTable:
		n.tableExpr(t.Table)
	case *ast.DerivedTable:
		n.open("derived")
		n.query(t.Query)
		n.alias(t.Alias)
		n.close()
	case *ast.Join:
		kinds := map[ast.JoinKind]string{
			ast.InnerJoin: "join", ast.CrossJoin: "join", ast.LeftJoin: "left", ast.RightJoin: "right",
		}
		n.open(kinds[t.Kind])
		if t.Natural {
			n.atom("natural")
		}
		n.tableExpr(t.Left)
		n.tableExpr(t.Right)
		n.optional("on", t.On)
		for _, column := range t.Using {
			n.atom(column.Value)
		}
		n.close()
	default:
		n.refuse(t)
	}
}

func (n *neutral) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.Logical:
		word := "and"
		if e.Kind == ast.Or {
			word = "or"
		}
		// Theirs is binary.
		for range e.Operands[1:] {
			n.open(word)
		}
		n.expr(e.Operands[0])
		for _, operand := range e.Operands[1:] {
			n.expr(operand)
			n.close()
		}
	case *ast.Not:
		n.exprs("not", []ast.Expr{e.Operand})
	case *ast.Is:
		words := map[ast.IsKind]string{ast.IsNull: "null", ast.IsTrue: "true", ast.IsFalse: "false"}
		n.exprs(negatedName("is "+words[e.Kind], e.Negated), []ast.Expr{e.Operand})
	case *ast.Binary:
		n.exprs(e.Operator.Symbol, []ast.Expr{e.Left, e.Right})
	case *ast.Unary:
		n.exprs("negative", []ast.Expr{e.Operand})
	case *ast.Between:
		n.exprs(negatedName("between", e.Negated), []ast.Expr{e.Operand, e.Low, e.High})
	case *ast.InList:
		n.open(negatedName("in", e.Negated))
		n.expr(e.Operand)
		n.exprs("row", e.List)
		n.close()
	case *ast.InQuery:
		n.open(negatedName("in", e.Negated))
		n.expr(e.Operand)
		n.query(e.Query)
		n.close()
	case *ast.Like:
		n.exprs(negatedName("like", e.Negated), []ast.Expr{e.Operand, e.Pattern})
	case *ast.Quantified:
		n.open(e.Operator.Symbol)
		if e.All {
			n.atom("all")
		} else {
			n.atom("any")
		}
		n.expr(e.Left)
		n.query(e.Query)
		n.close()
	case *ast.Exists:
		n.open("exists")
		n.query(e.Query)
		n.close()
	case *ast.Subquery:
		n.query(e.Query)
	default:
		n.primary(e)
	}
}

func negatedName(name string, negated bool) string {
	if negated {
		return "not " + name
	}
	return name
}

func (n *neutral) primary(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IntegerLiteral:
		n.atom(fmt.Sprint(e.Value))
	case *ast.NumericLiteral:
		n.atom(e.Text)
	case *ast.StringLiteral:
		n.atom(fmt.Sprintf("%q", e.Value))
	case *ast.BooleanLiteral:
		n.atom(fmt.Sprint(e.Value))
	case *ast.NullLiteral:
		n.atom("null")
	case *ast.Default:
		n.atom("default")
	case *ast.ColumnRef:
		n.atom(nameText(&ast.Name{Parts: e.Parts}))
	case *ast.Star:
		n.open("star", e.Qualifier...)
		n.close()
	case *ast.Case:
		n.open("case")
		n.optional("of", e.Operand)
		for _, when := range e.Whens {
			n.exprs("when", []ast.Expr{when.Condition, when.Result})
		}
		n.optional("else", e.Else)
		n.close()
	case *ast.Cast:
		modifiers, _ := e.Type.IntegerModifiers()
		n.open("cast", fmt.Sprint(e.Type.Name, modifiers))
		n.expr(e.Operand)
		n.close()
	case *ast.FunctionCall:
		n.open("call", e.Name.Parts[0])
		if e.Distinct {
			n.atom("distinct")
		}
		for _, arg := range e.Args {
			n.expr(arg)
		}
		if e.Over != nil {
			n.exprs("over", e.Over.PartitionBy)
			n.orderBy(e.Over.OrderBy)
		}
		n.close()
	default:
		n.refuse(e)
	}
}
