package testsql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestCompactionOvertakesReaders has compactions go beyond what a cursor of a pull query
// and one of a push query have read of a stream. Of the rows ahead of them some have gone
// because of later ones, which they would not see, or not in their place: both end with
// an error that says so, and read on when they begin again.
func TestCompactionOvertakesReaders(t *testing.T) {
	const keys = 10
	clock := &harness.Clock{}
	n := harness.StartNode(t, node.Options{Shards: 1, SegmentBytes: 16 << 10, Now: clock.Now, After: clock.After})
	s := &compactedStream{t: t, clock: clock, keys: keys, values: make([][]string, keys)}
	s.c = harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, s.c, `CREATE STREAM s (k INT KEY, v TEXT) WITH (cleanup_policy = 'compact')`)
	harness.Exec(t, s.c, `CREATE STREAM other (a INT)`)
	s.write(12000) // of which a scan reads a piece at a time

	readers := map[string]*pgx.Conn{}
	for name, query := range map[string]string{
		"pull": `SELECT v FROM s`,
		"push": `SELECT v FROM s EMIT CHANGES WITH (snapshot = true)`,
	} {
		c := harness.Connect(t, harness.NodeURL(n.Addr()))
		readers[name] = c
		harness.Exec(t, c, `BEGIN`)
		harness.Exec(t, c, `DECLARE reader NO SCROLL CURSOR FOR `+query)
		if got := harness.Rows(t, c, `FETCH 1 FROM reader`); len(got) != 1 || !strings.HasPrefix(got[0], "value 0 ") {
			t.Fatalf("%s: the first row is %q", name, got)
		}
	}
	s.write(4000)
	s.compactUntil(2*keys + 400)
	for name, c := range readers {
		harness.Eventually(t, time.Minute, func() error {
			_, err := harness.TryRows(t.Context(), c, `FETCH 1000 FROM reader`)
			switch {
			case err == nil:
				return fmt.Errorf("%s: the cursor reads on", name)
			case code(err) != "55000" || !strings.Contains(err.Error(), `rows of stream "s" were compacted while the query read them`):
				t.Fatalf("%s: %v", name, err)
			}
			return nil
		})
		harness.Exec(t, c, `ROLLBACK`)
		if got := harness.Rows(t, c, `SELECT count(*) > 0 FROM s`); got[0] != "t" {
			t.Errorf("%s: begun again it reads nothing", name)
		}
	}
	s.check()
}
