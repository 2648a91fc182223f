package expr

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

var (
	oracle = flag.String("oracle", "", "connection string of a PostgreSQL 15 to compare with and to write testdata/golden.txt from")
)

// oracleCase is a function or operator applied to literals of given types. A
// literal's type may be unknown; the literal "NULL" is NULL.
type oracleCase struct {
	name string
	args []literal
}

type literal struct{ typ, text string }

// sql returns the case as PostgreSQL writes it.
func (c oracleCase) sql() string {
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = a.sql()
	}
	switch {
	case strings.HasPrefix(c.name, "::"):
		return args[0] + c.name
	case c.name == "position":
		return "pg_catalog.position(" + strings.Join(args, ", ") + ")"
	case !isOperatorName(c.name):
		return c.name + "(" + strings.Join(args, ", ") + ")"
	case len(args) == 1:
		return c.name + " " + args[0]
	}
	return args[0] + " " + c.name + " " + args[1]
}

func (l literal) sql() string {
	text := "'" + strings.ReplaceAll(l.text, "'", "''") + "'"
	if l.text == "NULL" {
		text = "NULL"
	}
	if l.typ == "unknown" {
		return text
	}
	name := l.typ
	if name == "char" {
		name = `"char"`
	}
	return "(" + text + "::" + name + ")"
}

// expression builds and binds the case.
func (c oracleCase) expression() (Expr, error) {
	args := make([]Expr, len(c.args))
	ts := make([]types.Type, len(c.args))
	for i, a := range c.args {
		var e Expr = &Const{Node: Node{ResultType: types.Unknown, Position: -1}, Value: types.StringDatum(a.text)}
		if a.text == "NULL" {
			e = &Const{Node: Node{ResultType: types.Unknown, Position: -1}}
		}
		if a.typ != "unknown" {
			var err error
			if e, err = Coerce(e, typeNamed(a.typ), Explicit); err != nil {
				return nil, err
			}
		}
		args[i], ts[i] = e, e.Type()
	}
	if to, ok := strings.CutPrefix(c.name, "::"); ok {
		return Coerce(args[0], castTarget(to), Explicit)
	}
	var o *Overload
	var coerced []types.Type
	var err error
	switch {
	case !isOperatorName(c.name):
		o, coerced, err = ResolveFunction(strings.TrimPrefix(c.name, "pg_catalog."), ts, -1)
	case len(ts) == 1:
		o, coerced, err = ResolveOperator(c.name, types.Void, ts[0], -1)
	default:
		o, coerced, err = ResolveOperator(c.name, ts[0], ts[1], -1)
	}
	if err != nil {
		return nil, err
	}
	return buildCall(o, args, coerced)
}

func castTarget(name string) types.Type {
	if base, mods, ok := strings.Cut(strings.TrimSuffix(name, ")"), "("); ok {
		var list []int32
		for m := range strings.SplitSeq(mods, ",") {
			var n int32
			fmt.Sscan(m, &n)
			list = append(list, n)
		}
		t, err := types.TypeByName(base, list)
		if err != nil {
			panic(err)
		}
		return t
	}
	return typeNamed(strings.Trim(name, `"`))
}

func buildCall(o *Overload, args []Expr, coerced []types.Type) (Expr, error) {
	bound := make([]Expr, len(args))
	for i := range args {
		var err error
		if bound[i], err = Coerce(args[i], coerced[i], Implicit); err != nil {
			return nil, err
		}
	}
	result, err := o.ResultType(coerced)
	if err != nil {
		return nil, err
	}
	return &Call{Node: Node{ResultType: result, Position: -1}, Func: o, Args: bound}, nil
}

// evaluate returns the result's text, NULL, or ERR and the SQLSTATE.
func (c oracleCase) evaluate() (answer string) {
	e, err := c.expression()
	if err != nil {
		return "ERR " + string(sqlerr.CodeOf(err))
	}
	format := types.DefaultFormat()
	ctx := &Context{Format: format, Now: time.Unix(0, 0)}
	d, err := EvalDatum(ctx, e, nil)
	if err != nil {
		return "ERR " + string(sqlerr.CodeOf(err))
	}
	if !d.Valid {
		return "NULL"
	}
	text, err := EvalDatum(ctx, &Cast{Node: Node{ResultType: types.Text, Position: -1}, Arg: &Const{Node: Node{ResultType: e.Type()}, Value: d}}, nil)
	if err != nil {
		return "ERR " + string(sqlerr.CodeOf(err))
	}
	return text.Str
}

// key is the case in one line of the golden file.
func (c oracleCase) key() string {
	parts := []string{c.name}
	for _, a := range c.args {
		parts = append(parts, a.typ+" "+a.text)
	}
	return escapeLine(strings.Join(parts, "\x1f"))
}

var lineEscapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\t", `\t`, "\x1f", " | ")

func escapeLine(s string) string { return lineEscapes.Replace(s) }

const askFunction = `CREATE OR REPLACE FUNCTION pg_temp.ask(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN EXECUTE 'SELECT (' || q || ')::text' INTO r; RETURN coalesce(r, 'NULL');
EXCEPTION WHEN OTHERS THEN RETURN 'ERR ' || sqlstate; END $$`

// askPostgres returns PostgreSQL's answers to cases.
func askPostgres(t *testing.T, cases []oracleCase) []string {
	t.Helper()
	questions := make([]string, len(cases))
	for i, c := range cases {
		questions[i] = c.sql()
	}
	return askPostgresSQL(t, questions)
}

// askPostgresSQL returns PostgreSQL's values of expressions, as text.
func askPostgresSQL(t *testing.T, questions []string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, *oracle)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, askFunction); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "SET timezone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, "SELECT pg_temp.ask(q) FROM unnest($1::text[]) WITH ORDINALITY AS u(q, n) ORDER BY n", questions)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

const goldenFile = "testdata/golden.txt"

// goldenEvery is how many cases there are for each one in the golden file.
const goldenEvery = 16

// TestOracle compares with PostgreSQL's answers: from a server when -oracle is
// given, which also rewrites the golden file, and else from that file.
func TestOracle(t *testing.T) {
	cases := oracleCases()
	if *oracle != "" {
		answers := askPostgres(t, cases)
		compareAnswers(t, cases, answers)
		writeGolden(t, cases, answers)
		return
	}
	golden := readGolden(t)
	var known []oracleCase
	var answers []string
	for _, c := range cases {
		if answer, ok := golden[c.key()]; ok {
			known = append(known, c)
			answers = append(answers, answer)
		}
	}
	if len(known) < len(golden) {
		t.Errorf("%d of %d golden cases are generated no more", len(golden)-len(known), len(golden))
	}
	compareAnswers(t, known, answers)
}

// ambiguousThere reports whether PostgreSQL hesitates between overloads because
// of types that are not supported here: json, ranges, bit strings.
func ambiguousThere(c oracleCase, want string) bool {
	return want == "ERR 42725" && slices.ContainsFunc(c.args, func(l literal) bool {
		return l.typ == "unknown" || strings.HasPrefix(l.typ, "int")
	})
}

// knownDifferences are cases in which PostgreSQL computes with a few digits more
// or less than the exact result deserves.
var knownDifferences = map[string]bool{
	"('12345678901234567890.123'::numeric) ^ ('100'::int4)":        true,
	"power(('99999999999999999999.99'::numeric), ('-1'::numeric))": true,
}

func compareAnswers(t *testing.T, cases []oracleCase, answers []string) {
	t.Helper()
	failures := 0
	perName := map[string]int{}
	for i, c := range cases {
		got := c.evaluate()
		if sameAnswer(got, answers[i]) || knownDifferences[c.sql()] || ambiguousThere(c, answers[i]) {
			continue
		}
		failures++
		if perName[c.name]++; perName[c.name] <= 6 {
			t.Errorf("%s = %q, PostgreSQL says %q", c.sql(), got, answers[i])
		}
	}
	t.Logf("%d of %d cases agree", len(cases)-failures, len(cases))
}

// sameAnswer allows transcendental functions a difference of 1e-14 relative.
func sameAnswer(got, want string) bool {
	if got == want {
		return true
	}
	if len(want) < 15 {
		return false
	}
	g, err := strconv.ParseFloat(got, 64)
	if err != nil {
		return false
	}
	w, err := strconv.ParseFloat(want, 64)
	return err == nil && strings.ContainsAny(want, ".e") && math.Abs(g-w) <= 1e-14*math.Abs(w)
}

func writeGolden(t *testing.T, cases []oracleCase, answers []string) {
	t.Helper()
	var b strings.Builder
	for i, c := range cases {
		if i%goldenEvery == 0 || strings.HasPrefix(answers[i], "ERR") && i%goldenEvery == 2 {
			fmt.Fprintf(&b, "%s\t%s\n", c.key(), escapeLine(answers[i]))
		}
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unescape := strings.NewReplacer(`\\`, "\\", `\n`, "\n", `\t`, "\t")
	golden := map[string]string{}
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		key, answer, _ := strings.Cut(scanner.Text(), "\t")
		golden[key] = unescape.Replace(answer)
	}
	return golden
}
