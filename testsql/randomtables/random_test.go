// Package randomtables compares random scripts of definitions, changes and
// transactions with PostgreSQL 15.
package randomtables

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/testsql/harness"
)

// TestScripts runs seeded random scripts here and on PostgreSQL: definitions of
// tables and of tables derived from them, inserts, updates, deletes, COPY, and
// transactions with savepoints over two sessions. Results, tags and the fields of
// errors are equal statement by statement, and derived tables are what the view
// with the same query is. In between the node restarts, or its process is killed.
// A script that fails is made smaller and printed as a script for
// testsql/scripts. MILLRACE_SEED repeats one script, or begins with it where
// MILLRACE_SCRIPTS says how many there are.
func TestScripts(t *testing.T) {
	first, scripts := 0, 80
	if os.Getenv("MILLRACE_LONG") != "" {
		scripts = 5000
	}
	if seed, err := strconv.Atoi(os.Getenv("MILLRACE_SEED")); err == nil {
		first, scripts = seed, 1
	}
	if count, err := strconv.Atoi(os.Getenv("MILLRACE_SCRIPTS")); err == nil {
		scripts = count
	}
	harness.Binary(t)
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	for i, group := range []struct {
		name   string
		server func(*testing.T) server
		ends   []stepKind
	}{
		{"1 shard", func(t *testing.T) server { return newInProcess(t, 1) }, []stepKind{restart}},
		{"8 shards", func(t *testing.T) server { return newInProcess(t, 8) }, []stepKind{restart}},
		{"1 shard killed", func(t *testing.T) server { return newOwnProcess(t, 1) }, []stepKind{kill}},
		{"8 shards killed", func(t *testing.T) server { return newOwnProcess(t, 8) }, []stepKind{kill}},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, oracle, fmt.Sprintf("random%d", i), group.server(t))
			seed := first
			for ; seed < first+scripts && !t.Failed(); seed++ {
				p.script(uint64(seed), uint64(i), group.ends)
			}
			t.Logf("%d scripts; statements by SQLSTATE: %v", seed-first, p.answers)
		})
	}
}

// script makes and runs one script.
func (p *pair) script(seed, group uint64, ends []stepKind) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, group)), ends: ends, defining: -1}
	p.reset()
	g.schema = loadSchema(p.t, p.catalog)
	var steps []step
	run := func(list []step) bool {
		for _, s := range list {
			defined := p.defining
			s.extended = s.kind == statement && g.oneIn(3) && !strings.Contains(s.sql, "; ")
			steps = append(steps, s)
			o, d := p.run(s)
			if d != nil {
				p.fail(seed, steps, d)
				return false
			}
			g.failed[s.session] = o.code != ""
			if s.kind == definition || defined >= 0 {
				if c := p.schemaReader(); c != nil {
					g.schema = loadSchema(p.t, c)
				}
			}
		}
		return true
	}
	for range 30 + g.IntN(40) {
		if !run(g.next()) {
			return
		}
	}
	run(g.finish())
}

// fail makes a script that fails smaller and reports it.
func (p *pair) fail(seed uint64, steps []step, d *difference) {
	fails := func(candidate []step) bool {
		_, again := p.replay(candidate)
		return again != nil && again.kind == d.kind
	}
	small := steps
	if fails(steps) {
		small = shrink(steps, time.Now().Add(30*time.Second), fails)
	} else {
		p.t.Log("the script does not fail again; it is as it was")
	}
	outcomes, again := p.replay(small)
	if again != nil {
		d = again
	}
	var log, script strings.Builder
	for _, s := range small {
		fmt.Fprintln(&log, s)
	}
	writeScript(&script, small[:len(outcomes)], outcomes)
	p.t.Errorf("script %d: %s\n%s\nas a script, with what PostgreSQL answers:\n\n%s", seed, d.text, log.String(), script.String())
}
