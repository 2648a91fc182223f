package equivalence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// pullCase is relations with rows, and queries over them.
type pullCase struct {
	relations []*relation
	inserts   []*fragment
	queries   []query
}

func newPullCase(seed uint64, shards, queries int) *pullCase {
	g := &generator{random: rand.New(rand.NewPCG(seed, 1))}
	c := &pullCase{}
	for i := range 1 + g.random.IntN(3) {
		r := g.source(string(rune('a'+i)), shards)
		c.relations = append(c.relations, r)
		var rows [][]string
		for range pick(g, 0, 1, 5, 10, 14) {
			rows = append(rows, g.row(r))
		}
		r.empty = len(rows) == 0
		c.inserts = append(c.inserts, maybe(insert(r, rows)))
	}
	g.relations = c.relations
	for range queries {
		g.mistakes = 0
		if g.one(12) {
			g.mistakes = 1
		}
		mistaken := g.mistakes > 0
		q := g.pull()
		q.mistaken = mistaken
		c.queries = append(c.queries, q)
	}
	return c
}

// servers are the two sides of a comparison.
type servers struct {
	millrace *pgx.Conn
	postgres *oracle
	made     []*relation
	// statistics of the queries as they were made; nil while one is made smaller.
	statistics *statistics
}

// setUp makes the relations of a case anew on both sides, with their rows.
func (s *servers) setUp(ctx context.Context, c *pullCase) error {
	if err := s.tearDown(ctx); err != nil {
		return err
	}
	if err := s.postgres.reset(ctx); err != nil {
		return err
	}
	for i, r := range c.relations {
		ours, theirs := r.create()
		insert := c.inserts[i].String()
		for _, sql := range []string{ours, insert} {
			if a, err := ask(ctx, s.millrace, sql); err != nil || a.code != "" {
				return fmt.Errorf("%s\n%v %w", sql, a, err)
			}
		}
		s.made = append(s.made, r)
		if _, err := s.postgres.Exec(ctx, theirs+"; "+insert, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s\n%w", insert, err)
		}
	}
	return nil
}

func (s *servers) tearDown(ctx context.Context) error {
	for _, r := range s.made {
		kind := "TABLE"
		if r.stream {
			kind = "STREAM"
		}
		if _, err := s.millrace.Exec(ctx, "DROP "+kind+" "+r.name); err != nil {
			return err
		}
	}
	s.made = nil
	return nil
}

// check asks both sides.
func (s *servers) check(ctx context.Context, q query) error {
	sql := q.String()
	want, err := ask(ctx, s.postgres.Conn, q.forPostgres())
	if err != nil {
		return err
	}
	if timedOut(want) {
		s.statistics.count("skipped")
		return errSkipped
	}
	s.statistics.add(sql, want)
	got, err := ask(ctx, s.millrace, sql)
	if err != nil {
		return err
	}
	if allowedErrors(q, want, got) {
		return nil
	}
	return compare(want, got, q.ordered)
}

func testPull(t *testing.T, postgres *harness.Postgres) {
	counted := newStatistics()
	defer counted.log(t)
	for _, shards := range []int{1, 8} {
		n := harness.StartNode(t, node.Options{Shards: shards})
		theirs, err := connectOracle(t.Context(), postgres)
		if err != nil {
			t.Fatal(err)
		}
		s := &servers{millrace: harness.Connect(t, harness.NodeURL(n.Addr())), postgres: theirs, statistics: counted}
		for seed := range seeds(40) {
			seed = seed*2 + uint64(shards)%2 // the seeds of the nodes differ
			t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) { s.pullSeed(t, seed, shards) })
		}
	}
}

// queriesPerCase is how many queries each schema is asked.
const queriesPerCase = 60

func (s *servers) pullSeed(t *testing.T, seed uint64, shards int) {
	c := newPullCase(seed, shards, queriesPerCase)
	if err := s.setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, q := range c.queries {
		err := s.check(t.Context(), q)
		if err == nil || errors.Is(err, errSkipped) {
			continue
		}
		if os.Getenv("MILLRACE_NO_SHRINK") == "" {
			err = s.shrink(t.Context(), c, q, err)
		}
		t.Errorf("seed %d: %v\n%s", seed, err, c.script(t.Context(), s.postgres, q))
		if err := s.setUp(t.Context(), newPullCase(seed, shards, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// shrink makes the query and the rows smaller as long as both sides differ in
// the same way, and returns how they differ then.
func (s *servers) shrink(ctx context.Context, c *pullCase, q query, difference error) error {
	counted := s.statistics
	s.statistics = nil
	defer func() { s.statistics = counted }()
	last := difference
	deadline := time.Now().Add(shrinkTime)
	stillFails := func() bool {
		err := s.check(ctx, q)
		if err == nil || kindOf(err) != kindOf(difference) {
			return false
		}
		last = err
		return true
	}
	shrink([]*fragment{q.fragment}, deadline, stillFails)
	shrink(c.inserts, deadline, func() bool { return s.setUp(ctx, c) == nil && stillFails() })
	if err := s.setUp(ctx, c); err != nil {
		return err
	}
	return last
}

// kindOf is the part of a difference that shrinking must keep.
func kindOf(difference error) string {
	kind, detail, _ := strings.Cut(difference.Error(), ":")
	if kind == "code" {
		codes := strings.Split(detail, `"`)
		return strings.Join(codes[:2], "")
	}
	return kind
}

// script is the case as a script for testsql/scripts.
func (c *pullCase) script(ctx context.Context, postgres *oracle, q query) string {
	var out strings.Builder
	for i, r := range c.relations {
		if !strings.Contains(q.String(), r.name+" ") {
			continue
		}
		ours, _ := r.create()
		fmt.Fprintf(&out, "statement ok\n%s\n\n", ours)
		if insert := c.inserts[i].String(); insert != "" {
			fmt.Fprintf(&out, "statement ok\n%s\n\n", insert)
		}
	}
	out.WriteString(expectation(ctx, postgres, q.String(), q.forPostgres(), q.ordered))
	return out.String()
}

// expectation is a record of a script with what PostgreSQL says to the same query in its
// words.
func expectation(ctx context.Context, postgres *oracle, sql, theirs string, ordered bool) string {
	want, err := ask(ctx, postgres.Conn, theirs)
	if err != nil {
		return "# " + err.Error()
	}
	if want.code != "" {
		return fmt.Sprintf("statement error %s\n%s\n", want.code, sql)
	}
	header := "query rowsort"
	if ordered {
		header = "query"
	}
	var rows strings.Builder
	escape := strings.NewReplacer("\n", `\n`, "\t", `\t`)
	for _, row := range want.rows {
		for i, value := range row {
			row[i] = escape.Replace(value)
		}
		rows.WriteString(strings.Join(row, "\t") + "\n")
	}
	return fmt.Sprintf("%s\n%s\n----\n%s", header, sql, rows.String())
}
