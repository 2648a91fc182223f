package equivalence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// follower runs a push query and folds its rows to the result that they make.
type follower struct {
	relation *relation
	sql      string
	// key is the columns by which rows are told apart, unique that there is one row
	// of each.
	key    []int
	unique bool
	cancel context.CancelFunc
	ended  chan struct{}

	mu sync.Mutex
	// keys has the rows by the key columns; of a bag there may be several of one
	// key.
	keys map[string][][]string
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
	key, unique, err := keyOf(ctx, connection, s.relation)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{
		relation: s.relation, sql: s.push(), key: key, unique: unique, cancel: cancel, ended: make(chan struct{}),
		keys: map[string][][]string{}, changed: make(chan struct{}),
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
		f.fail(ending(results.Close()))
	}()
	select {
	case <-started:
		return f, nil
	case <-f.ended:
		return nil, f.err
	}
}

// ending is what a push query's end is told as, with the reason why the query that it
// follows has failed.
func ending(err error) error {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return fmt.Errorf("end: %w %s", err, failure.Detail)
	}
	return fmt.Errorf("end: %w", err)
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
	key := f.keyText(row)
	old, exists := f.keys[key]
	at := -1
	if rowop == "delete" {
		at = slices.IndexFunc(old, func(other []string) bool { return slices.Equal(other, row) })
	}
	switch {
	case rowop == "insert" && !(exists && f.unique):
		f.keys[key] = append(old, row)
	case rowop == "update" && len(old) == 1:
		f.keys[key] = [][]string{row}
	case rowop == "delete" && at >= 0:
		if f.keys[key] = slices.Delete(old, at, at+1); len(f.keys[key]) == 0 {
			delete(f.keys, key)
		}
	default:
		return fmt.Errorf("fold: %s of %q where %q is", rowop, row, old)
	}
	return nil
}

func (f *follower) keyText(row []string) string {
	var key strings.Builder
	for _, column := range f.key {
		key.WriteString(row[column] + "\x00")
	}
	return key.String()
}

// keyOf asks the catalog for the key of a result; a result without one is a bag,
// or a single row.
func keyOf(ctx context.Context, connection *pgx.Conn, r *relation) (key []int, unique bool, err error) {
	a, err := ask(ctx, connection, "SELECT unnest(indkey) FROM pg_index WHERE indrelid = "+quote(r.name)+"::regclass")
	if err != nil {
		return nil, false, err
	}
	if a.code != "" {
		return nil, false, fmt.Errorf("catalog %s: %s", a.code, a.message)
	}
	for _, row := range a.rows {
		number, err := strconv.Atoi(row[0])
		if err != nil {
			return nil, false, err
		}
		key = append(key, number-1)
	}
	return key, len(key) > 0, nil
}

// result is the result now; changed is closed when it may be another.
func (f *follower) result() (rows [][]string, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, some := range f.keys {
		rows = append(rows, some...)
	}
	return rows, f.changed, f.err
}
