package sql

import (
	"testing"

	"millrace/sql/ast"
)

func TestTightenArrows(t *testing.T) {
	tests := []struct{ text, tight, base string }{
		{"s->f", "s->f", "s"},
		{"s->f->g", "(s->f)->g", "s"},
		{"a + s->f * 2", "a + (s->f) * 2", "s"},
		{"s->f * t->g", "(s->f) * (t->g)", "s"},
		{"-s->f", "-(s->f)", "s"},
		{"a || s->f || b", "(a || (s->f)) || b", "s"},
		{"s->f[1]", "(s->f)[1]", "s"},
		{"s->f::int + 1", "CAST((s->f) AS int) + 1", "s"},
		{"s->f AT TIME ZONE 'utc'", "(s->f) AT TIME ZONE 'utc'", "s"},
		{"a * s->f->g - 1", "(a * ((s->f)->g)) - 1", "s"},
		{"a * s->f + 2", "(a * (s->f)) + 2", "s"},
		{"a - s->f - 2", "(a - (s->f)) - 2", "s"},
		{"-s->f ^ 2", "(-(s->f)) ^ 2", "s"},
		{"a + b * s->f * c + d", "(a + ((b * (s->f)) * c)) + d", "s"},
		{"m['k']->f", "(m['k'])->f", "m['k']"},
	}
	for _, test := range tests {
		e := mustParseExpr(t, test.text)
		// The arrow stands below the operators that bind less tightly.
		arrow, ok := e.(*ast.Binary)
		for ok && arrow.Operator.Symbol == "||" {
			left, isBinary := arrow.Left.(*ast.Binary)
			if !isBinary {
				break
			}
			arrow = left
		}
		if !ok {
			t.Fatalf("%s: %T", test.text, e)
		}
		before := dump(e)
		want := mustParseExpr(t, test.tight)
		if top := e.(*ast.Binary); top != arrow {
			want = want.(*ast.Binary).Left
		}
		if got := dump(ast.TightenArrows(arrow)); got != dump(want) {
			t.Errorf("%s:\n got %s\nwant %s", test.text, got, dump(want))
		}
		if got := ast.String(ast.ArrowBase(arrow)); got != test.base {
			t.Errorf("%s: base %s, want %s", test.text, got, test.base)
		}
		if dump(e) != before {
			t.Errorf("%s: the tree was changed", test.text)
		}
	}
}

func mustParseExpr(t *testing.T, text string) ast.Expr {
	t.Helper()
	e, err := ParseExpr(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}
