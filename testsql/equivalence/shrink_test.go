package equivalence

import (
	"strings"
	"testing"
	"time"
)

// TestShrink shows that a statement keeps only what a difference needs.
func TestShrink(t *testing.T) {
	sum := expression("integer", "({} + {})", expression("integer", "abs({})", expression("integer", "bad")), expression("integer", "1"))
	where := list(" WHERE ", " AND ", maybe(expression("boolean", "a")), maybe(expression("boolean", "b")))
	statement := piece("SELECT {} FROM t{}", list("", ", ", maybe(piece("{} AS x", sum)), maybe(piece("2 AS y"))), where)
	if got, want := statement.String(), "SELECT (abs(bad) + 1) AS x, 2 AS y FROM t WHERE a AND b"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	shrink([]*fragment{statement}, time.Now().Add(time.Minute), func() bool { return strings.Contains(statement.String(), "bad") })
	if got, want := statement.String(), "SELECT bad AS x FROM t"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
