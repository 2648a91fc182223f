package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// progressQuery asks how far something is that goes on in the cluster.
type progressQuery struct {
	// text gives one row: whether it is done, a text that tells how far it is, and how
	// many bytes of replicas have been copied and are to be copied.
	text string
	// gone is the error where there is no row, done what is printed at the end.
	gone, done string
}

// seedingBytes are the bytes that replicas which are being copied have, and will have.
const seedingBytes = `(SELECT coalesce(sum(seeded_bytes), 0) FROM millrace.replicas),
	(SELECT coalesce(sum(seed_bytes), 0) FROM millrace.replicas)`

const (
	progressInterval = 250 * time.Millisecond
	// reconnectFor bounds how long a lost connection is tried again.
	reconnectFor = 30 * time.Second
)

// progress is what a progressQuery answered.
type progress struct {
	done           bool
	text           string
	copied, toCopy string
}

// await asks until the answer is that it is done, and prints each answer that is new. A
// connection that is lost is made again: the node that is asked may be the one that goes.
func (o *operation) await(timeout time.Duration, out io.Writer, query progressQuery) error {
	began, lastHeard := time.Now(), time.Now()
	var deadline <-chan time.Time
	if timeout > 0 {
		deadline = time.After(timeout)
	}
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	printed, moved := "", ""
	for {
		p, err := o.ask(query)
		switch {
		case err == nil:
			lastHeard = time.Now()
		case !o.connection.IsClosed() || time.Since(lastHeard) > reconnectFor:
			return err
		}
		line := p.text
		if err == nil && p.toCopy != "0 bytes" {
			line += fmt.Sprintf(", %s of %s copied", p.copied, p.toCopy)
			moved = "; " + p.toCopy + " were copied"
		}
		if err == nil && p.done {
			_, err := fmt.Fprintf(out, "%s after %s%s.\n", query.done, time.Since(began).Round(10*time.Millisecond), moved)
			return err
		}
		if line != "" && line != printed {
			if _, err := fmt.Fprintf(out, "%6.1f s  %s\n", time.Since(began).Seconds(), line); err != nil {
				return err
			}
			printed = line
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return fmt.Errorf("it is not done after %v, and goes on: %s", timeout, printed)
		case <-o.ctx.Done():
			return errors.New("not waited for any longer; it goes on")
		}
	}
}

// ask runs a progress query, over a new connection where the last one is lost.
func (o *operation) ask(query progressQuery) (progress, error) {
	if o.connection.IsClosed() {
		connection := o.connection
		if err := o.connect(); err != nil {
			o.connection = connection
			return progress{}, err
		}
	}
	rows, err := readRows(o, `SELECT done, told, pg_size_pretty(copied::int8), pg_size_pretty(to_copy::int8)
		FROM (`+query.text+`) AS progress (done, told, copied, to_copy)`)
	switch {
	case err != nil:
		return progress{}, told(err)
	case len(rows) == 0:
		return progress{}, errors.New(query.gone)
	}
	return progress{done: rows[0][0] == "t", text: rows[0][1], copied: rows[0][2], toCopy: rows[0][3]}, nil
}

// readRows returns the rows of a query as text.
func readRows(o *operation, query string) ([][]string, error) {
	results, err := o.connection.Exec(o.ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, result := range results {
		for _, row := range result.Rows {
			texts := make([]string, len(row))
			for i, value := range row {
				texts[i] = string(value)
			}
			rows = append(rows, texts)
		}
	}
	return rows, errors.Join(resultErrors(results)...)
}

func resultErrors(results []*pgconn.Result) []error {
	var errs []error
	for _, result := range results {
		errs = append(errs, result.Err)
	}
	return errs
}
