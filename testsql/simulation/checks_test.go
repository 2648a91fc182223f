package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
)

// What holds when all faults have passed:
//
//   - every acknowledged event is there once, one of unknown fate at most once, and no
//     other;
//   - every table that a query keeps is what the query gives over the rows;
//   - no money was lost or made, and no audit saw some on its way;
//   - the history of each register is linearizable;
//   - a follower of a stream was given every row once, one of a table has what the table
//     has;
//   - every node gives the same answers.

// check runs all checks.
func (u *universe) check(ctx context.Context, k *knowledge, stream *follower, tables map[string]*follower) {
	var first map[string][]string
	for _, h := range u.hosts {
		answers, err := u.answers(ctx, h)
		if err != nil {
			u.t.Errorf("%s does not answer: %v", h.name, err)
			return
		}
		if first == nil {
			first = answers
		}
		for query, rows := range answers {
			if !slices.Equal(rows, first[query]) {
				u.t.Errorf("%s: %s gives\n%s\nand %s\n%s", h.name, query, strings.Join(rows, "\n"), u.hosts[0].name, strings.Join(first[query], "\n"))
			}
		}
	}
	u.checkEvents(k, first[eventsQuery])
	for _, pair := range recomputed {
		if kept, anew := first[pair[0]], first[pair[1]]; !slices.Equal(kept, anew) {
			u.t.Errorf("%s gives\n%s\nand %s\n%s", pair[0], strings.Join(kept, "\n"), pair[1], strings.Join(anew, "\n"))
		}
	}
	if wealth := first[`SELECT n, total FROM wealth`]; !slices.Equal(wealth, []string{fmt.Sprint(accounts, " ", accounts*deposit)}) {
		u.t.Errorf("the accounts hold %v", wealth)
	}
	u.checkRegisters(k)
	u.checkFollowers(ctx, first, stream, tables)
}

const eventsQuery = `SELECT writer, number FROM events`

// recomputed are queries of kept tables, and what gives the same anew.
var recomputed = [][2]string{
	{`SELECT k, n, total FROM totals`, `SELECT k, count(*), sum(number) FROM events GROUP BY k`},
	{`SELECT name, n FROM named`, `SELECT x.name, count(*) FROM events e JOIN names x ON e.k = x.k GROUP BY x.name`},
	{`SELECT n, total FROM wealth`, `SELECT count(*), sum(balance) FROM accounts`},
	{`SELECT id, balance FROM rich`, `SELECT id, balance FROM accounts WHERE balance > 100`},
}

// answers asks a host everything.
func (u *universe) answers(ctx context.Context, h *host) (map[string][]string, error) {
	connection, err := u.connect(ctx, h, "checker")
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close(ctx) }() // it has answered
	out := map[string][]string{}
	queries := []string{eventsQuery}
	for _, pair := range recomputed {
		queries = append(queries, pair[:]...)
	}
	for _, query := range queries {
		if out[query], err = textRows(ctx, connection, query); err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
	}
	return out, nil
}

// textRows are the rows of a query as text, sorted.
func textRows(ctx context.Context, connection *pgx.Conn, query string) ([]string, error) {
	rows, err := connection.Query(ctx, query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var fields []string
		for _, value := range rows.RawValues() {
			fields = append(fields, string(value))
		}
		out = append(out, strings.Join(fields, " "))
	}
	slices.Sort(out)
	return out, rows.Err()
}

func (u *universe) checkEvents(k *knowledge, rows []string) {
	count := map[string]int{}
	for _, row := range rows {
		count[row]++
	}
	known := 0
	for event, what := range k.events {
		row := fmt.Sprint(event[0], " ", event[1])
		n := count[row]
		delete(count, row)
		switch {
		case what == acknowledged && n != 1:
			u.t.Errorf("event %s was acknowledged and is there %d times", row, n)
		case what == refused && n != 0:
			u.t.Errorf("event %s was refused and is there %d times", row, n)
		case n > 1:
			u.t.Errorf("event %s is there %d times", row, n)
		}
		if what == acknowledged {
			known++
		}
	}
	for row := range count {
		u.t.Errorf("event %s was never inserted", row)
	}
	if known == 0 {
		u.t.Error("no event was acknowledged")
	}
}

// registerModel is a register that begins at 0.
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, keys)
		for _, operation := range history {
			id := operation.Input.(registerInput).id
			parts[id] = append(parts[id], operation)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		if in := input.(registerInput); in.write {
			return true, in.value
		}
		return state == output, state
	},
}

func (u *universe) checkRegisters(k *knowledge) {
	if result := porcupine.CheckOperationsTimeout(registerModel, k.operations, time.Minute); result == porcupine.Illegal {
		u.t.Error("the history of the registers is not linearizable")
	}
}

// checkFollowers waits until followers have what there is.
func (u *universe) checkFollowers(ctx context.Context, answers map[string][]string, stream *follower, tables map[string]*follower) {
	want := map[string]string{}
	for _, row := range answers[eventsQuery] {
		want[row] = ""
	}
	u.checkFollower(ctx, stream, want)
	for query, f := range tables {
		want := map[string]string{}
		for _, row := range answers[query] {
			key, _, _ := strings.Cut(row, " ")
			want[key] = row
		}
		u.checkFollower(ctx, f, want)
	}
}

func (u *universe) checkFollower(ctx context.Context, f *follower, want map[string]string) {
	for {
		complete, twice := f.has(want)
		if twice != "" {
			u.t.Errorf("%s was given %s", f.name, twice)
			return
		}
		if complete {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.keyed {
				u.t.Errorf("%s has %v, not %v", f.name, f.kept, want)
				return
			}
			for row := range want {
				if f.rows[row] == 0 {
					u.t.Errorf("%s was never given %s", f.name, row)
				}
			}
			return
		}
	}
}
