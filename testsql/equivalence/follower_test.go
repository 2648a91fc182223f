package equivalence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// follower runs a push query and folds its rows to the result that they make.
type follower struct {
	relation *relation
	sql      string
	cancel   context.CancelFunc
	ended    chan struct{}

	mu sync.Mutex
	// rows counts the rows of the result; keys has the row of each key, where the
	// result is keyed.
	rows map[string]int
	keys map[string][]string
	err  error
	// changed is closed with the next row.
	changed chan struct{}
}

// follow starts a push query and returns when the server works on it.
func follow(ctx context.Context, url string, s *step) (*follower, error) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{
		relation: s.relation, sql: s.push(), cancel: cancel, ended: make(chan struct{}),
		rows: map[string]int{}, keys: map[string][]string{}, changed: make(chan struct{}),
	}
	started := make(chan struct{})
	go func() {
		defer close(f.ended)
		defer connection.Close(context.WithoutCancel(ctx))
		results := connection.PgConn().Exec(ctx, f.sql)
		for results.NextResult() {
			close(started)
			rows := results.ResultReader()
			for rows.NextRow() {
				f.take(texts(rows.Values()))
			}
		}
		f.fail(fmt.Errorf("end: %w", results.Close()))
	}()
	select {
	case <-started:
		return f, nil
	case <-f.ended:
		return nil, f.err
	}
}

func (f *follower) stop() {
	f.cancel()
	<-f.ended
}

func (f *follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// take folds one row, whose last column is rowop.
func (f *follower) take(row []string) {
	rowop := row[len(row)-1]
	if err := f.apply(slices.Clone(row[:len(row)-1]), rowop); err != nil {
		f.fail(err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *follower) apply(row []string, rowop string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.relation.keyed {
		return f.applyToBag(strings.Join(row, "\x00"), rowop)
	}
	var key strings.Builder
	for _, column := range f.relation.keyColumns {
		key.WriteString(row[column] + "\x00")
	}
	old, exists := f.keys[key.String()]
	switch {
	case rowop == "insert" && !exists, rowop == "update" && exists:
		f.keys[key.String()] = row
	case rowop == "delete" && exists && slices.Equal(old, row):
		delete(f.keys, key.String())
	default:
		return fmt.Errorf("fold: %s of %q where %q is", rowop, row, old)
	}
	return nil
}

func (f *follower) applyToBag(row, rowop string) error {
	switch {
	case rowop == "insert":
		f.rows[row]++
	case rowop == "delete" && f.rows[row] > 0:
		f.rows[row]--
	default:
		return fmt.Errorf("fold: %s of %q, which is there %d times", rowop, row, f.rows[row])
	}
	return nil
}

// result is the result now; changed is closed when it may be another.
func (f *follower) result() (rows [][]string, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range f.keys {
		rows = append(rows, row)
	}
	for row, count := range f.rows {
		for range count {
			rows = append(rows, strings.Split(row, "\x00"))
		}
	}
	return rows, f.changed, f.err
}
