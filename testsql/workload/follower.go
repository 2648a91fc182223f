package workload

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// follower follows a push query, at another node behind its last row when its own fails.
type follower struct {
	*client
	query string
	// keyed says that the result changes: rows are then the last ones by their key.
	keyed bool

	mu   sync.Mutex
	mark string
	// rows counts the rows of a stream, or has the keys of a table with their rows.
	rows map[string]int
	kept map[string]string
}

func (w *Workload) newFollower(name, query string, keyed bool) *follower {
	return &follower{client: w.newClient(name), query: query, keyed: keyed, rows: map[string]int{}, kept: map[string]string{}}
}

// follow reads until ctx ends.
func (f *follower) follow(ctx context.Context) {
	for ctx.Err() == nil {
		_ = f.runUnbounded(ctx, f.read) // it goes on elsewhere
		f.leave()
		f.pause(ctx)
	}
}

// runUnbounded is run for a statement that ends with ctx.
func (f *follower) runUnbounded(ctx context.Context, do func(ctx context.Context, connection *pgx.Conn) error) error {
	return f.run(ctx, func(_ context.Context, connection *pgx.Conn) error { return do(ctx, connection) })
}

func (f *follower) read(ctx context.Context, connection *pgx.Conn) error {
	with := ` WITH (start = 'earliest')`
	if f.keyed {
		with = ``
	}
	if f.mark != "" {
		with = ` WITH (resume = '` + f.mark + `')`
	}
	rows, err := connection.Query(ctx, f.query+` EMIT CHANGES`+with)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		f.take(values)
	}
	return rows.Err()
}

// take takes a row: its mark, its columns, and for a table what became of it.
func (f *follower) take(values []any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mark = values[0].(string)
	if !f.keyed {
		f.rows[spaced(values[1:])]++
		return
	}
	last := len(values) - 1
	key, row := fmt.Sprint(values[1]), spaced(values[1:last])
	if values[last] == "delete" {
		if _, known := f.kept[key]; !known {
			f.workload.cluster.Errorf("%s: a delete of %s, which was not there", f.name, key)
		}
		delete(f.kept, key)
		return
	}
	f.kept[key] = row
}

// spaced prints values as textRows does.
func spaced(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, " ")
}

// has reports whether the follower has exactly the rows that there are; twice names one
// that it was given more than once.
func (f *follower) has(want map[string]string) (complete bool, twice string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keyed {
		return maps.Equal(f.kept, want), ""
	}
	complete = len(f.rows) == len(want)
	for row, count := range f.rows {
		if _, there := want[row]; !there || count > 1 {
			twice = fmt.Sprintf("%s, %d times", row, count)
		}
	}
	return complete, twice
}
