package testsql

import (
	"bytes"
	"context"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestCopyHeaders copies the headers of records out and in again, in a transaction and
// outside, and has lines with headers that cannot be refused where they stand.
func TestCopyHeaders(t *testing.T) {
	ctx := t.Context()
	n := harness.StartNode(t, node.Options{Shards: 8})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, "CREATE STREAM written (k TEXT KEY, v INT)")
	harness.Exec(t, c, "CREATE STREAM read (k TEXT KEY, v INT, trace BYTES HEADER('trace'))")
	harness.Exec(t, c, `INSERT INTO written (k, v, headers) SELECT 'k' || i, i, CASE i % 3
		WHEN 0 THEN ARRAY[STRUCT(key := 'trace', value := convert_to(E'tab\t, "quote" \\' || i, 'UTF8')), STRUCT(key := E'e\nmpty', value := NULL::bytea)]
		WHEN 1 THEN '{}' END FROM generate_series(1, 3000) AS i`)
	copyTo := func(sql string) []byte {
		t.Helper()
		var out bytes.Buffer
		if _, err := c.PgConn().CopyTo(ctx, &out, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return out.Bytes()
	}
	copyFrom := func(sql string, data []byte) error {
		_, err := c.PgConn().CopyFrom(context.WithoutCancel(ctx), bytes.NewReader(data), sql)
		return err
	}
	for _, format := range []string{"text", "csv"} {
		data := copyTo("COPY (SELECT headers, rowtime, k, v FROM written) TO STDOUT WITH (FORMAT " + format + ")")
		if err := copyFrom("COPY read (headers, rowtime, k, v) FROM STDIN WITH (FORMAT "+format+")", data); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
	}
	harness.Exec(t, c, "BEGIN")
	data := copyTo("COPY (SELECT k, v, headers FROM written WHERE v <= 30) TO STDOUT")
	if err := copyFrom("COPY read (k, v, headers) FROM STDIN", data); err != nil {
		t.Fatal(err)
	}
	harness.Exec(t, c, "COMMIT")
	for _, count := range []struct {
		sql  string
		want int
	}{
		{"SELECT count(*) FROM read", 6030},
		{"SELECT count(*) FROM read JOIN written USING (k) WHERE read.headers = written.headers AND trace IS NOT DISTINCT FROM header(written.headers, 'trace')", 6030},
		{"SELECT count(*) FROM read WHERE trace IS NOT NULL AND cardinality(headers) = 2 AND headers[2] -> value IS NULL", 2010},
		{"SELECT count(*) FROM read WHERE cardinality(headers) = 0 AND trace IS NULL", 4020},
	} {
		var got int
		if err := c.QueryRow(ctx, count.sql).Scan(&got); err != nil || got != count.want {
			t.Errorf("%s: %d, want %d (%v)", count.sql, got, count.want, err)
		}
	}
	err := copyFrom("COPY read (k, headers) FROM STDIN", []byte("a\t\\N\nb\t{\"{\\\\\"key\\\\\": null}\"}\n"))
	if code(err) != "22004" {
		t.Errorf("a header without a key: %v", err)
	}
}
