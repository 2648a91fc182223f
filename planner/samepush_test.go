package planner

import (
	"testing"

	"millrace/planner/plan"
)

// TestSamePush says which push queries are computed once for several clients.
func TestSamePush(t *testing.T) {
	env := newTestSession(t).environment()
	const query = `SELECT origin, count(*) AS n FROM flights WHERE delay > 3 GROUP BY origin EMIT CHANGES`
	planned := func(text string) *plan.Query { return planOne(t, env, text).(*plan.Query) }
	for text, same := range map[string]bool{
		query: true,
		`SELECT f.origin AS o, count(*) FROM flights f WHERE (f.delay > 3) GROUP BY 1 EMIT CHANGES`:                             true,
		`SELECT origin, count(*) AS n FROM flights WHERE delay > 3 GROUP BY origin EMIT CHANGES WITH (progress = '1s') LIMIT 5`: true,
		`SELECT origin, count(*) AS n FROM flights WHERE delay > 4 GROUP BY origin EMIT CHANGES`:                                false,
		`SELECT origin, count(delay) AS n FROM flights WHERE delay > 3 GROUP BY origin EMIT CHANGES`:                            false,
		`SELECT origin, count(*) AS n, rowop FROM flights WHERE delay > 3 GROUP BY origin EMIT CHANGES`:                         false,
		`SELECT count(*) AS n, origin FROM flights WHERE delay > 3 GROUP BY origin EMIT CHANGES`:                                false,
	} {
		if got := SamePush(planned(query), planned(text)); got != same {
			t.Errorf("%s\n%v, want %v", text, got, same)
		}
	}
	for text, shareable := range map[string]bool{
		query:                                true,
		`SELECT * FROM flights EMIT CHANGES`: true,
		`SELECT origin, current_user FROM flights EMIT CHANGES`:    false,
		`SELECT origin, rowtime::text FROM flights EMIT CHANGES`:   false,
		`SELECT origin, rowtime > now() FROM flights EMIT CHANGES`: false,
		`SELECT origin, random() AS r FROM flights EMIT CHANGES`:   false,
		`SELECT origin FROM flights WHERE delay = $1 EMIT CHANGES`: true,
		`SELECT origin, count(*) FROM flights GROUP BY origin`:     false,
	} {
		if got := Shareable(planned(text)); got != shareable {
			t.Errorf("%s\n%v, want %v", text, got, shareable)
		}
	}
}
