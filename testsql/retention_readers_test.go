package testsql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestRetentionOvertakesReaders has a stream lose rows that a query has yet to read: it
// ends with an error, and does not go on behind the gap.
func TestRetentionOvertakesReaders(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 1, SegmentBytes: 16 << 10})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT, pad TEXT) WITH (retention_bytes = '4MB')`)
	write := func() {
		harness.Exec(t, c, `INSERT INTO s SELECT n, repeat('x', 100) FROM generate_series(1, 10000) AS n`)
	}
	for range 3 {
		write() // of which a scan reads a piece at a time
	}
	reader := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, reader, `BEGIN`)
	harness.Exec(t, reader, `DECLARE reader NO SCROLL CURSOR FOR SELECT rowoffset FROM s`)
	if got := harness.Rows(t, reader, `FETCH 1 FROM reader`); got[0] != "0" {
		t.Fatalf("the first row is %q", got)
	}
	harness.Eventually(t, time.Minute, func() error {
		write()
		// This may be overtaken as well.
		first, err := harness.TryRows(t.Context(), c, `SELECT min(rowoffset) > 30000 FROM s`)
		if err == nil && first[0] != "t" {
			err = errors.New("the stream keeps all")
		}
		return err
	})
	for next := 1; ; next++ {
		rows, err := harness.TryRows(t.Context(), reader, `FETCH 1 FROM reader`)
		if err != nil {
			if code(err) != "55000" || !strings.Contains(err.Error(), `rows of stream "s" were dropped by its retention while the query read them`) {
				t.Error(err)
			}
			return
		}
		if len(rows) != 1 || rows[0] != fmt.Sprint(next) {
			t.Fatalf("row %d is %v", next, rows)
		}
	}
}
