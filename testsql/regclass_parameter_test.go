package testsql

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestRegclassParameter gives names of relations as text of parameters of type
// regclass, as PostgreSQL takes them.
func TestRegclassParameter(t *testing.T) {
	c := harness.Connect(t, harness.NodeURL(harness.StartNode(t, node.Options{Shards: 1}).Addr()))
	harness.Exec(t, c, `CREATE TABLE "T" (a int)`)
	for name, want := range map[string]string{
		"pg_catalog.pg_class": "pg_class", "pg_class": "pg_class", `public."T"`: `"T"`, "1259": "pg_class", "-": "-",
	} {
		var got string
		if err := c.QueryRow(t.Context(), `SELECT ($1::regclass)::text`, pgx.QueryResultFormats{0}, name).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}
