package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// board is the result as the push query has told it so far.
type board struct {
	mu      sync.Mutex
	rows    map[string]row
	changes int
}

type row struct {
	origin  string
	flights int64
	mean    string
	worst   int32
}

// watch follows the push query until ctx ends.
func (b *board) watch(ctx context.Context, url string) error {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	changes, err := connection.Query(ctx, pushQuery)
	if err != nil {
		return err
	}
	defer changes.Close()
	for changes.Next() {
		var r row
		var rowop string
		if err := changes.Scan(&r.origin, &r.flights, &r.mean, &r.worst, &rowop); err != nil {
			return err
		}
		b.mu.Lock()
		b.changes++
		if rowop == "delete" {
			delete(b.rows, r.origin)
		} else {
			b.rows[r.origin] = r
		}
		b.mu.Unlock()
	}
	if ctx.Err() != nil {
		return nil
	}
	return changes.Err()
}

// print prints the five busiest airports.
func (b *board) print() {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []row
	for _, r := range b.rows {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(x, y row) int {
		if x.flights != y.flights {
			return int(y.flights - x.flights)
		}
		return strings.Compare(x.origin, y.origin)
	})
	fmt.Printf("%6d changes", b.changes)
	for _, r := range rows[:min(5, len(rows))] {
		fmt.Printf("  | %s %4d flights, mean %5s, worst %4d", r.origin, r.flights, r.mean, r.worst)
	}
	fmt.Println()
}
