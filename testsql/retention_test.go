package testsql

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestRetention drops the beginning of streams by size and by age. Results that
// were computed from the rows stay, a restart changes nothing, and a stream
// without retention keeps everything.
func TestRetention(t *testing.T) {
	var ahead atomic.Int64
	options := node.Options{Dir: t.TempDir(), Shards: 2, SegmentBytes: 16 << 10, Now: func() time.Time {
		return time.Now().Add(time.Duration(ahead.Load()))
	}}
	n := harness.StartNode(t, options)
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE STREAM by_size (n INT, text TEXT) WITH (retention_bytes = '64kB')`,
		`CREATE STREAM by_age (n INT, text TEXT) WITH (retention = '1 hour')`,
		`CREATE STREAM forever (n INT, text TEXT)`,
		`CREATE TABLE size_count AS SELECT count(*) AS n, sum(n) AS total FROM by_size`,
		`CREATE TABLE age_count AS SELECT count(*) AS n, sum(n) AS total FROM by_age`,
	} {
		harness.Exec(t, c, statement)
	}
	const pieces, rows = 40, 100
	for i := range pieces {
		if i == pieces/2 {
			ahead.Add(int64(2 * time.Hour))
		}
		var values []string
		for k := range rows {
			values = append(values, fmt.Sprintf("(%d, '%s')", i*rows+k, strings.Repeat("x", 40)))
		}
		for _, stream := range []string{"by_size", "by_age", "forever"} {
			harness.Exec(t, c, `INSERT INTO `+stream+` VALUES `+strings.Join(values, ", "))
		}
	}
	ahead.Add(int64(time.Minute))
	harness.Eventually(t, 20*time.Second, func() error {
		harness.Exec(t, c, `INSERT INTO forever VALUES (0, '')`) // gives every shard a turn
		for _, stream := range []string{"by_size", "by_age"} {
			kept, _ := strconv.Atoi(harness.Rows(t, c, `SELECT count(*) FROM `+stream)[0])
			if kept == pieces*rows || kept == 0 {
				return fmt.Errorf("%s keeps %d rows", stream, kept)
			}
		}
		return nil
	})
	check := func() {
		t.Helper()
		want := fmt.Sprintf("%d\t%d", pieces*rows, pieces*rows*(pieces*rows-1)/2)
		for _, table := range []string{"size_count", "age_count"} {
			if got := harness.Rows(t, c, `SELECT * FROM `+table); got[0] != want {
				t.Errorf("%s is %s, want %s", table, got[0], want)
			}
		}
		if got := harness.Rows(t, c, `SELECT count(*) FROM forever WHERE text <> ''`); got[0] != strconv.Itoa(pieces*rows) {
			t.Errorf("forever keeps %s rows", got[0])
		}
		if got := harness.Rows(t, c, `SELECT count(*) FROM by_age WHERE n >= `+strconv.Itoa(pieces*rows/2)); got[0] != strconv.Itoa(pieces*rows/2) {
			t.Errorf("by_age keeps %s of the rows that are not old", got[0])
		}
	}
	check()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = harness.StartNode(t, options)
	c = harness.Connect(t, harness.NodeURL(n.Addr()))
	check()
}
