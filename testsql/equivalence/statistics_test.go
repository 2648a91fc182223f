package equivalence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// statistics counts what became of queries, so that it shows where they are mostly
// empty or refused. The zero value of a kind not seen is nothing; a nil one counts
// nothing.
type statistics struct {
	// outcomes counts all queries by outcome: rows, empty, or an SQLSTATE.
	outcomes map[string]int
	// constructs counts the queries with a construct, and those of them that gave rows.
	constructs map[string]*[2]int
}

func newStatistics() *statistics {
	return &statistics{outcomes: map[string]int{}, constructs: map[string]*[2]int{}}
}

// constructs are recognised by their text.
var constructs = []string{
	" ASOF ", "SYSTEM_TIME", "LATERAL", " OVER (", "u.w ", "DISTINCT ON", "SELECT DISTINCT ", "WITH t", "EXISTS", " IN (SELECT", " ALL (SELECT", "= (SELECT",
	" UNION ", " INTERSECT ", " EXCEPT ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " CROSS JOIN ", " JOIN ", " GROUP BY ", " HAVING ", " LIMIT ",
	"unnest(", "CREATE VIEW", "CREATE STREAM", "CREATE TABLE", "EMIT CHANGES",
}

// add counts a query and its answer.
func (s *statistics) add(sql string, a *answer) {
	if s == nil {
		return
	}
	outcome := "rows"
	switch {
	case a.code != "":
		outcome = a.code
	case len(a.rows) == 0:
		outcome = "empty"
	}
	s.outcomes[outcome]++
	for _, construct := range constructs {
		if !strings.Contains(sql, construct) {
			continue
		}
		if s.constructs[construct] == nil {
			s.constructs[construct] = new([2]int)
		}
		s.constructs[construct][0]++
		if outcome == "rows" {
			s.constructs[construct][1]++
		}
	}
}

// count counts what is no answer.
func (s *statistics) count(outcome string) {
	if s != nil {
		s.outcomes[outcome]++
	}
}

// log says what was counted.
func (s *statistics) log(t *testing.T) {
	t.Helper()
	var out strings.Builder
	for _, outcome := range slices.Sorted(maps.Keys(s.outcomes)) {
		fmt.Fprintf(&out, "\n%6d %s", s.outcomes[outcome], outcome)
	}
	out.WriteString("\nwith rows of all:")
	for _, construct := range slices.Sorted(maps.Keys(s.constructs)) {
		counts := s.constructs[construct]
		fmt.Fprintf(&out, "\n%6d of %6d %s", counts[1], counts[0], strings.TrimSpace(construct))
	}
	t.Log(out.String())
}
