package plan

import (
	"fmt"
	"strings"

	"millrace/sql/expr"
)

// ExprString returns an expression as SQL; columns are those of the row that it
// reads, for their names.
func ExprString(e expr.Expr, columns []Column) string {
	p := exprPrinter{columns: columns}
	return p.print(e, 0)
}

// Binding strengths of operators, to place parentheses.
const (
	precedenceOr = iota + 1
	precedenceAnd
	precedenceNot
	precedenceIs
	precedenceCompare
	precedenceOther
	precedenceAdd
	precedenceMultiply
	precedencePower
	precedenceUnary
	precedencePrimary
)

type exprPrinter struct{ columns []Column }

// print returns e in parentheses where it binds less than strength demands.
func (p *exprPrinter) print(e expr.Expr, strength int) string {
	text, has := p.text(e)
	if has < strength {
		return "(" + text + ")"
	}
	return text
}

func (p *exprPrinter) list(list []expr.Expr) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = p.print(e, 0)
	}
	return strings.Join(texts, ", ")
}

func (p *exprPrinter) joined(list []expr.Expr, word string, strength int) (string, int) {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = p.print(e, strength+1)
	}
	return strings.Join(texts, " "+word+" "), strength
}

func negation(negated bool) string {
	if negated {
		return "NOT "
	}
	return ""
}

// text returns an expression and how strongly it binds.
func (p *exprPrinter) text(e expr.Expr) (string, int) {
	switch e := e.(type) {
	case *expr.Column:
		if e.Index < len(p.columns) {
			return QuoteIdentifier(p.columns[e.Index].Name), precedencePrimary
		}
		return QuoteIdentifier(e.Name), precedencePrimary
	case *expr.Outer:
		return "outer." + QuoteIdentifier(e.Name), precedencePrimary
	case *expr.Const:
		return constString(e), precedencePrimary
	case *expr.Param:
		return fmt.Sprintf("$%d", e.Index+1), precedencePrimary
	case *expr.Call:
		return p.call(e)
	case *expr.SetCall:
		if e.Func.Name == "" {
			return p.print(e.Args[0], 0), precedencePrimary
		}
		return e.Func.Name + "(" + p.list(e.Args) + ")", precedencePrimary
	case *expr.Cast:
		return p.print(e.Arg, precedencePrimary) + "::" + e.ResultType.String(), precedencePrimary
	case *expr.And:
		return p.joined(e.Args, "AND", precedenceAnd)
	case *expr.Or:
		return p.joined(e.Args, "OR", precedenceOr)
	case *expr.Not:
		return "NOT " + p.print(e.Arg, precedenceNot), precedenceNot
	case *expr.IsNull:
		return p.print(e.Arg, precedenceIs+1) + " IS " + negation(e.Negated) + "NULL", precedenceIs
	case *expr.IsDistinct:
		return p.print(e.Left, precedenceIs+1) + " IS " + negation(e.Negated) + "DISTINCT FROM " + p.print(e.Right, precedenceIs+1), precedenceIs
	case *expr.Case:
		return p.caseText(e), precedencePrimary
	case *expr.Coalesce:
		return "COALESCE(" + p.list(e.Args) + ")", precedencePrimary
	case *expr.In:
		return p.print(e.Arg, precedenceOther) + " " + negation(e.Negated) + "IN (" + p.list(e.List) + ")", precedenceCompare
	default:
		return p.composite(e)
	}
}

func (p *exprPrinter) composite(e expr.Expr) (string, int) {
	switch e := e.(type) {
	case *expr.AnyAll:
		return p.print(e.Left, precedenceOther) + " " + e.Func.Name + " " + quantifier(e.All) + " (" + p.print(e.Array, 0) + ")", precedenceCompare
	case *expr.ArrayConstructor:
		return "ARRAY[" + p.list(e.Elems) + "]", precedencePrimary
	case *expr.StructConstructor:
		return "ROW(" + p.list(e.Fields) + ")", precedencePrimary
	case *expr.MapConstructor:
		entries := make([]string, len(e.Keys))
		for i := range e.Keys {
			entries[i] = p.print(e.Keys[i], 0) + " := " + p.print(e.Values[i], 0)
		}
		return "MAP(" + strings.Join(entries, ", ") + ")", precedencePrimary
	case *expr.Subscript:
		return p.print(e.Arg, precedencePrimary) + "[" + p.print(e.Index, 0) + "]", precedencePrimary
	case *expr.Slice:
		return p.print(e.Arg, precedencePrimary) + "[" + p.optional(e.Low) + ":" + p.optional(e.High) + "]", precedencePrimary
	case *expr.FieldAccess:
		return "(" + p.print(e.Arg, 0) + ")." + QuoteIdentifier(e.Arg.Type().Fields[e.Field].Name), precedencePrimary
	case *expr.Subquery:
		return p.subquery(e)
	default:
		return fmt.Sprintf("%T", e), precedencePrimary
	}
}

func (p *exprPrinter) optional(e expr.Expr) string {
	if e == nil {
		return ""
	}
	return p.print(e, 0)
}

func quantifier(all bool) string {
	if all {
		return "ALL"
	}
	return "ANY"
}

func (p *exprPrinter) subquery(e *expr.Subquery) (string, int) {
	name := fmt.Sprintf("(subquery %d)", e.Number)
	switch e.Kind {
	case expr.SubqueryExists:
		return "EXISTS " + name, precedencePrimary
	case expr.SubqueryArray:
		return "ARRAY " + name, precedencePrimary
	case expr.SubqueryAny, expr.SubqueryAll:
		return p.print(e.Left, precedenceOther) + " " + e.Func.Name + " " + quantifier(e.Kind == expr.SubqueryAll) + " " + name, precedenceCompare
	default:
		return name, precedencePrimary
	}
}

func (p *exprPrinter) caseText(e *expr.Case) string {
	var b strings.Builder
	b.WriteString("CASE")
	for i := range e.When {
		b.WriteString(" WHEN " + p.print(e.When[i], 0) + " THEN " + p.print(e.Then[i], 0))
	}
	if e.Else != nil {
		b.WriteString(" ELSE " + p.print(e.Else, 0))
	}
	b.WriteString(" END")
	return b.String()
}

// call prints functions, and operators in their places.
func (p *exprPrinter) call(e *expr.Call) (string, int) {
	name := e.Func.Name
	if name == "" || isNameByte(name[0]) {
		return name + "(" + p.list(e.Args) + ")", precedencePrimary
	}
	if len(e.Args) == 1 {
		return name + p.print(e.Args[0], precedenceUnary), precedenceUnary
	}
	strength := operatorStrength(name)
	return p.print(e.Args[0], strength) + " " + name + " " + p.print(e.Args[1], strength+1), strength
}

func isNameByte(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func operatorStrength(name string) int {
	switch name {
	case "=", "<", ">", "<=", ">=", "<>":
		return precedenceCompare
	case "+", "-":
		return precedenceAdd
	case "*", "/", "%":
		return precedenceMultiply
	case "^":
		return precedencePower
	default:
		return precedenceOther
	}
}
