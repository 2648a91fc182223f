package main

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// replay copies lines in small pieces, evenly over some seconds.
type replay struct {
	connection *pgx.Conn
	lines      []string
	seconds    int
	board      *board
	// events happen at the beginning of a second, beside the copying.
	events map[int]func() error

	// longest is the longest time that a piece has taken to be acknowledged.
	longest time.Duration
}

// piecesPerSecond is how often rows are sent.
const piecesPerSecond = 20

// run copies the lines and prints the board twice a second. It returns when the events
// have happened, too.
func (r *replay) run(ctx context.Context) error {
	pieces := max(1, r.seconds*piecesPerSecond)
	ticker := time.NewTicker(time.Second / piecesPerSecond)
	defer ticker.Stop()
	happening := make(chan error, len(r.events))
	for i := range pieces {
		if event := r.events[i/piecesPerSecond]; event != nil && i%piecesPerSecond == 0 {
			go func() { happening <- event() }()
		}
		piece := strings.Join(r.lines[len(r.lines)*i/pieces:len(r.lines)*(i+1)/pieces], "")
		began := time.Now()
		if _, err := r.connection.PgConn().CopyFrom(ctx, strings.NewReader(piece), `COPY flights FROM STDIN WITH (FORMAT csv)`); err != nil {
			return err
		}
		r.longest = max(r.longest, time.Since(began))
		if i%(piecesPerSecond/2) == piecesPerSecond/4 {
			r.board.print()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	for range r.events {
		if err := <-happening; err != nil {
			return err
		}
	}
	r.board.print()
	return nil
}
