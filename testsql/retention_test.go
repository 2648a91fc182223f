package testsql

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
	harness.Eventually(t, time.Minute, func() error {
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
	checkExpired(t, c)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = harness.StartNode(t, options)
	c = harness.Connect(t, harness.NodeURL(n.Addr()))
	check()
}

// checkExpired has queries begin at offsets that retention has removed, and with the
// first row that is there.
func checkExpired(t *testing.T, c *pgx.Conn) {
	t.Helper()
	row := strings.Split(harness.Rows(t, c, `SELECT partition, start_offset, end_offset FROM millrace.partitions
		WHERE name = 'by_size' AND start_offset > 0 LIMIT 1`)[0], "\t")
	partition, first, next := row[0], row[1], row[2]
	for _, statement := range []string{
		`SELECT n FROM by_size EMIT CHANGES WITH (start_offsets = '` + partition + `:0') LIMIT 1`,
		`CREATE TABLE expired AS SELECT count(*) FROM by_size EMIT CHANGES WITH (start_offsets = '` + partition + `:0')`,
		`INSERT INTO forever SELECT n, text FROM by_size EMIT CHANGES WITH (start_offsets = '` + partition + `:0')`,
	} {
		_, err := harness.TryRows(t.Context(), c, statement)
		var refused *pgconn.PgError
		want := "Retention has deleted its rows. The first offset that is there is " + first + ", and the next row gets " + next + "."
		if !errors.As(err, &refused) || refused.Code != "72000" || refused.Detail != want {
			t.Errorf("%s: %v (%+v), want DETAIL %q", statement, err, refused, want)
		}
	}
	if got := harness.Rows(t, c, `SELECT rowoffset FROM by_size EMIT CHANGES WITH (start_offsets = '`+partition+`:`+first+`') LIMIT 1`); len(got) != 1 {
		t.Errorf("from the first offset that is there: %q", got)
	}
	if got := harness.Rows(t, c, `SELECT n FROM by_size EMIT CHANGES WITH (start = 'earliest') LIMIT 1`); len(got) != 1 {
		t.Errorf("from the earliest row: %q", got)
	}
}
