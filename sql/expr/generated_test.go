package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// generated is an expression with its SQL, in which {0}, {1} ... stand for the
// columns.
type generated struct {
	Expr
	sql string
}

// generatedColumns are the types of the columns that generated expressions use.
var generatedColumns = []string{"int4", "int8", "float8", "numeric", "text", "bool", "date", "timestamp", "interval", "int4[]"}

// generator makes random expressions of a wanted type.
type generator struct{ random *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.random.IntN(len(list))] }

// value makes an expression whose type is (or converts to) typ.
func (g *generator) value(typ string, depth int) generated {
	if depth <= 0 || g.random.IntN(5) == 0 {
		return g.leaf(typ)
	}
	if g.random.IntN(5) == 0 {
		return g.conditional(typ, depth)
	}
	switch typ {
	case "bool":
		return g.boolean(depth)
	case "text":
		switch g.random.IntN(4) {
		case 0:
			return g.call("upper", g.value("text", depth-1))
		case 1:
			return g.operator("||", g.value("text", depth-1), g.value(g.pick("text", "int4", "numeric"), depth-1))
		case 2:
			return g.call("substr", g.value("text", depth-1), g.value("int4", depth-1))
		}
		return g.cast(g.value(g.pick("int8", "numeric", "date", "bool"), depth-1), "text")
	case "date":
		return g.operator(g.pick("+", "-"), g.value("date", depth-1), g.leaf("int4"))
	case "timestamp":
		return g.operator(g.pick("+", "-"), g.value(g.pick("timestamp", "date"), depth-1), g.value("interval", depth-1))
	case "interval":
		if g.random.IntN(2) == 0 {
			return g.operator("-", g.leaf("timestamp"), g.value("timestamp", depth-1))
		}
		return g.operator(g.pick("+", "-"), g.value("interval", depth-1), g.leaf("interval"))
	case "int4[]":
		return g.operator("||", g.value("int4[]", depth-1), g.leaf(g.pick("int4", "int4[]")))
	}
	if g.random.IntN(4) == 0 {
		return g.cast(g.value(g.pick("int4", "int8", "numeric"), depth-1), typ)
	}
	return g.operator(g.pick("+", "-", "*", "/"), g.value(typ, depth-1), g.value(typ, depth-1))
}

func (g *generator) leaf(typ string) generated {
	for i, c := range generatedColumns {
		if c == typ && g.random.IntN(3) > 0 {
			return generated{col(i, typeNamed(typ)), fmt.Sprintf("{%d}", i)}
		}
	}
	values := interesting[typ]
	text := values[g.random.IntN(len(values))]
	l := literal{typ, text}
	if text == "NULL" {
		return generated{&Const{Node: Node{ResultType: typeNamed(typ), Position: -1}}, l.sql()}
	}
	return generated{lit(typ, text), l.sql()}
}

func (g *generator) conditional(typ string, depth int) generated {
	t := typeNamed(typ)
	a, b := g.cast(g.value(typ, depth-1), typ), g.cast(g.value(typ, depth-1), typ)
	if g.random.IntN(2) == 0 {
		return generated{
			&Coalesce{Node: Node{ResultType: t, Position: -1}, Args: []Expr{a.Expr, b.Expr}},
			"coalesce(" + a.sql + ", " + b.sql + ")",
		}
	}
	when := g.value("bool", depth-1)
	return generated{
		&Case{Node: Node{ResultType: t, Position: -1}, When: []Expr{when.Expr}, Then: []Expr{a.Expr}, Else: b.Expr},
		"(CASE WHEN " + when.sql + " THEN " + a.sql + " ELSE " + b.sql + " END)",
	}
}

func (g *generator) boolean(depth int) generated {
	switch g.random.IntN(7) {
	case 0, 1:
		a, b := g.value("bool", depth-1), g.value("bool", depth-1)
		if g.random.IntN(2) == 0 {
			return generated{and(a.Expr, b.Expr), "(" + a.sql + " AND " + b.sql + ")"}
		}
		return generated{or(a.Expr, b.Expr), "(" + a.sql + " OR " + b.sql + ")"}
	case 2:
		a := g.value("bool", depth-1)
		return generated{&Not{Node: boolNode, Arg: a.Expr}, "(NOT " + a.sql + ")"}
	case 3:
		a := g.value(g.pick("int4", "text", "numeric", "date"), depth-1)
		return generated{&IsNull{Node: boolNode, Arg: a.Expr}, "(" + a.sql + " IS NULL)"}
	case 4:
		typ := g.pick("int4", "text", "date")
		a, b, c := g.value(typ, depth-1), g.leaf(typ), g.leaf(typ)
		return generated{&In{Node: boolNode, Arg: g.cast(a, typ).Expr, List: []Expr{b.Expr, c.Expr}}, "(" + a.sql + " IN (" + b.sql + ", " + c.sql + "))"}
	case 5:
		typ := g.pick("int4", "numeric", "text", "interval")
		a, b := g.cast(g.value(typ, depth-1), typ), g.cast(g.value(typ, depth-1), typ)
		return generated{&IsDistinct{Node: boolNode, Left: a.Expr, Right: b.Expr}, "(" + a.sql + " IS DISTINCT FROM " + b.sql + ")"}
	}
	typ := g.pick("int4", "int8", "float8", "numeric", "text", "date", "timestamp", "interval", "int4[]")
	other := typ
	if typ == "int4" || typ == "numeric" {
		other = g.pick("int4", "int8", "float8", "numeric")
	}
	return g.operator(g.pick("=", "<>", "<", "<=", ">", ">="), g.value(typ, depth-1), g.value(other, depth-1))
}

func (g *generator) operator(token string, a, b generated) generated {
	return generated{op(token, a.Expr, b.Expr), "(" + a.sql + " " + token + " " + b.sql + ")"}
}

func (g *generator) call(name string, args ...generated) generated {
	var exprs []Expr
	var texts []string
	for _, a := range args {
		exprs, texts = append(exprs, a.Expr), append(texts, a.sql)
	}
	return generated{fn(name, exprs...), name + "(" + strings.Join(texts, ", ") + ")"}
}

func (g *generator) cast(a generated, typ string) generated {
	e, err := Coerce(a.Expr, typeNamed(typ), Explicit)
	if err != nil {
		panic(err)
	}
	return generated{e, "(" + a.sql + ")::" + typ}
}

// generatedRows is a batch with interesting values, and its values as SQL.
func generatedRows(random *rand.Rand, n int) (*types.Batch, [][]string) {
	columns := make([]types.Type, len(generatedColumns))
	for i, typ := range generatedColumns {
		columns[i] = typeNamed(typ)
	}
	in := types.NewBatch(columns)
	var texts [][]string
	for range n {
		row := make([]types.Datum, len(columns))
		text := make([]string, len(columns))
		for i, typ := range generatedColumns {
			v := interesting[typ][random.IntN(len(interesting[typ]))]
			text[i] = literal{typ, v}.sql()
			if v == "NULL" {
				continue
			}
			d, err := types.ParseText(columns[i], v, types.DefaultFormat())
			if err != nil {
				panic(err)
			}
			row[i] = d
		}
		in.AppendRow(row, 1)
		texts = append(texts, text)
	}
	return in, texts
}

// TestGeneratedExpressions evaluates nested expressions over batches and, with
// -oracle, compares each row with PostgreSQL; without it, with the row alone.
func TestGeneratedExpressions(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	g := &generator{random}
	in, texts := generatedRows(random, 16)
	expressions := 200
	if *oracle != "" {
		expressions = 1500
	}
	var questions, got []string
	for range expressions {
		e := g.value(generatedColumns[random.IntN(len(generatedColumns))], 4)
		p, err := Compile(e.Expr)
		if err != nil {
			t.Fatalf("%s: %v", e.sql, err)
		}
		ctx := &Context{}
		out := p.EvalRef(ctx, in, nil)
		for i := range in.Len {
			sql := e.sql
			for c, text := range texts[i] {
				sql = strings.ReplaceAll(sql, fmt.Sprintf("{%d}", c), text)
			}
			answer := answerOf(ctx, p.Type(), out, i)
			questions, got = append(questions, sql), append(got, answer)
			checkAlone(t, e, in.Row(i, nil), answer)
		}
	}
	if *oracle == "" {
		return
	}
	failures := 0
	for i, want := range askPostgresSQL(t, questions) {
		if !sameAnswer(got[i], want) && !failsElsewhere(want) {
			if failures++; failures <= 20 {
				t.Errorf("%s = %q, PostgreSQL says %q", questions[i], got[i], want)
			}
		}
	}
	t.Logf("%d of %d agree", len(questions)-failures, len(questions))
}

// failsElsewhere reports whether PostgreSQL's answer is an error: it folds
// constants also in branches that no row takes, and of several failing operands
// it may evaluate another one first.
func failsElsewhere(want string) bool { return strings.HasPrefix(want, "ERR") }

func answerOf(ctx *Context, t types.Type, v *types.Vector, i int) string {
	for _, e := range ctx.Errors {
		if e.Row == int32(i) {
			return "ERR " + string(sqlerr.CodeOf(e.Err))
		}
	}
	if v.IsNull(i) {
		return "NULL"
	}
	text, err := castToTextDatum(&Context{}, t, v.Datum(i))
	if err != nil {
		return "ERR " + string(sqlerr.CodeOf(err))
	}
	return text
}

// checkAlone evaluates a row by itself, also after folding.
func checkAlone(t *testing.T, e generated, row []types.Datum, want string) {
	t.Helper()
	folded, err := Fold(&Context{}, e.Expr)
	if err != nil {
		t.Fatalf("%s: %v", e.sql, err)
	}
	for _, alone := range []Expr{e.Expr, folded} {
		d, err := EvalDatum(&Context{}, alone, row)
		got := "NULL"
		switch {
		case err != nil:
			got = "ERR " + string(sqlerr.CodeOf(err))
		case d.Valid:
			if got, err = castToTextDatum(&Context{}, e.Type(), d); err != nil {
				got = "ERR " + string(sqlerr.CodeOf(err))
			}
		}
		if got != want && alone == e.Expr || got != want && !strings.HasPrefix(want, "ERR") {
			t.Fatalf("%s: %s in a batch, %s alone", e.sql, want, got)
		}
	}
}
