package workload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Check waits until followers have what there is, and runs all checks. All nodes have to
// be up.
func (w *Workload) Check(ctx context.Context) {
	w.settle(ctx)
	var first map[string][]string
	for node := range w.cluster.Nodes() {
		answers, err := w.answersSoon(ctx, node)
		if err != nil {
			w.cluster.Errorf("%s does not answer: %v", w.cluster.Name(node), err)
			return
		}
		if first == nil {
			first = answers
		}
		for query, rows := range answers {
			if !slices.Equal(rows, first[query]) {
				w.cluster.Errorf("%s of %s and of %s differ: %s", query, w.cluster.Name(0), w.cluster.Name(node), difference(first[query], rows))
			}
		}
	}
	w.checkEvents(first[eventsQuery])
	for _, pair := range recomputed {
		if kept, anew := first[pair[0]], first[pair[1]]; !slices.Equal(kept, anew) {
			w.cluster.Errorf("%s and %s differ: %s", pair[0], pair[1], difference(kept, anew))
		}
	}
	if wealth := first[`SELECT n, total FROM wealth`]; !slices.Equal(wealth, []string{fmt.Sprint(accounts, " ", accounts*deposit)}) {
		w.cluster.Errorf("the accounts hold %v", wealth)
	}
	w.checkRegisters()
	w.checkFollowers(ctx, first)
}

// settleTimeout bounds the wait for sessions whose clients have gone, which a node that
// cannot know of it may keep.
const settleTimeout = 30 * time.Second

// answerTimeout bounds how long a node may take to answer everything, the repair of damage
// that it meets included.
const answerTimeout = time.Minute

// settle waits until no node carries out what a client has given up: a node that stood
// still finds statements in its connections when it goes on.
func (w *Workload) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for node := range w.cluster.Nodes() {
		for !w.settled(ctx, node) {
			select {
			case <-time.After(100 * time.Millisecond): // and asks again
			case <-ctx.Done():
				return
			}
		}
	}
}

// settled reports whether a node serves nobody but those that follow.
func (w *Workload) settled(ctx context.Context, node int) bool {
	connection, err := w.cluster.Connect(ctx, node, "checker")
	if err != nil {
		return false
	}
	defer func() { _ = connection.Close(ctx) }() // it has answered
	rows, err := textRows(ctx, connection, `SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND query NOT LIKE '%EMIT CHANGES%'`)
	return err == nil && len(rows) == 0
}

// difference tells which rows only one of two results has, and which it has more often.
func difference(first, second []string) string {
	counts := map[string]int{}
	for _, row := range first {
		counts[row]++
	}
	for _, row := range second {
		counts[row]--
	}
	var lines []string
	for _, row := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[row]; n != 0 {
			lines = append(lines, fmt.Sprintf("%+d  %s", -n, row))
		}
	}
	return fmt.Sprintf("of %d and %d rows the second has\n%s", len(first), len(second), strings.Join(lines[:min(len(lines), 50)], "\n"))
}

const eventsQuery = `SELECT writer, number FROM events`

// recomputed are queries of kept tables, and what gives the same anew.
var recomputed = [][2]string{
	{`SELECT k, n, total FROM totals`, `SELECT k, count(*), sum(number) FROM events GROUP BY k`},
	{`SELECT name, n FROM named`, `SELECT x.name, count(*) FROM events e JOIN names x ON e.k = x.k GROUP BY x.name`},
	{`SELECT n, total FROM wealth`, `SELECT count(*), sum(balance) FROM accounts`},
	{`SELECT id, balance FROM rich`, `SELECT id, balance FROM accounts WHERE balance > 100`},
}

// answersSoon asks a node everything, and again where it may yet answer: it meets damage that
// nobody has read before, say, and is repaired.
func (w *Workload) answersSoon(ctx context.Context, node int) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for {
		answers, err := w.answers(ctx, node)
		failure, answered := errors.AsType[*pgconn.PgError](err)
		if err == nil || !answered || !retryable[failure.Code] {
			return answers, err
		}
		select {
		case <-time.After(100 * time.Millisecond): // and asks again
		case <-ctx.Done():
			return nil, err
		}
	}
}

// answers asks a node everything.
func (w *Workload) answers(ctx context.Context, node int) (map[string][]string, error) {
	connection, err := w.cluster.Connect(ctx, node, "checker")
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

func (w *Workload) checkEvents(rows []string) {
	count := map[string]int{}
	for _, row := range rows {
		count[row]++
	}
	known := 0
	for event, what := range w.known.events {
		row := fmt.Sprint(event[0], " ", event[1])
		n := count[row]
		delete(count, row)
		switch {
		case what == acknowledged && n != 1:
			w.cluster.Errorf("event %s was acknowledged and is there %d times", row, n)
		case what == refused && n != 0:
			w.cluster.Errorf("event %s was refused and is there %d times", row, n)
		case n > 1:
			w.cluster.Errorf("event %s is there %d times", row, n)
		}
		if what == acknowledged {
			known++
		}
	}
	for row := range count {
		w.cluster.Errorf("event %s was never inserted", row)
	}
	if known == 0 {
		w.cluster.Errorf("no event was acknowledged")
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

func (w *Workload) checkRegisters() {
	switch porcupine.CheckOperationsTimeout(registerModel, w.known.operations, time.Minute) {
	case porcupine.Ok:
	case porcupine.Illegal:
		w.cluster.Errorf("the history of the registers is not linearizable")
	default:
		w.cluster.Errorf("whether the history of the registers is linearizable was not found out within a minute")
	}
}

// checkFollowers waits until followers have what there is.
func (w *Workload) checkFollowers(ctx context.Context, answers map[string][]string) {
	want := map[string]string{}
	for _, row := range answers[eventsQuery] {
		want[row] = ""
	}
	w.checkFollower(ctx, w.stream, want)
	for query, f := range w.tables {
		want := map[string]string{}
		for _, row := range answers[query] {
			key, _, _ := strings.Cut(row, " ")
			want[key] = row
		}
		w.checkFollower(ctx, f, want)
	}
}

func (w *Workload) checkFollower(ctx context.Context, f *follower, want map[string]string) {
	for {
		complete, twice := f.has(want)
		if twice != "" {
			w.cluster.Errorf("%s was given %s", f.name, twice)
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
				w.cluster.Errorf("%s has %v, not %v", f.name, f.kept, want)
				return
			}
			for row := range want {
				if f.rows[row] == 0 {
					w.cluster.Errorf("%s was never given %s", f.name, row)
				}
			}
			return
		}
	}
}
