package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// TestSessionsOfAllNodes has clients of several nodes see, notify and end each other, and
// follow a relation that is altered on another node.
func TestSessionsOfAllNodes(t *testing.T) {
	t.Parallel()
	c := harness.StartCluster(t, harness.ClusterOptions{Nodes: 3, Shards: 2})
	c.AwaitLeaders()
	one, two, three := c.Connect(1), c.Connect(2), c.Connect(3)
	harness.Exec(t, one, `CREATE TABLE gates (id INT PRIMARY KEY, n INT)`)

	for _, listener := range []*pgx.Conn{two, three} {
		harness.Exec(t, listener, `LISTEN news`)
		harness.Exec(t, listener, `LISTEN gates`)
	}
	for i := range 3 {
		harness.Exec(t, one, fmt.Sprintf(`BEGIN; INSERT INTO gates VALUES (%d, %d); NOTIFY news, '%d'; COMMIT`, i, i, i))
	}
	harness.Exec(t, one, `ALTER TABLE gates ADD COLUMN open BOOLEAN NOT NULL DEFAULT true`)
	harness.Exec(t, one, `INSERT INTO gates VALUES (3, 3, false)`)
	for at, listener := range []*pgx.Conn{two, three} {
		payloads := map[string][]string{}
		for range 7 {
			n := notification(t, listener)
			payloads[n.Channel] = append(payloads[n.Channel], n.Payload)
		}
		if !slices.Equal(payloads["news"], []string{"0", "1", "2"}) {
			t.Errorf("node %d: the news are %q", at+2, payloads["news"])
		}
		slices.Sort(payloads["gates"]) // their order is that of their partitions
		want := []string{
			`{"rowop":"insert","id":0,"n":0}`, `{"rowop":"insert","id":1,"n":1}`, `{"rowop":"insert","id":2,"n":2}`,
			`{"rowop":"insert","id":3,"n":3,"open":false}`,
		}
		if !slices.Equal(payloads["gates"], want) {
			t.Errorf("node %d: the changes are %q", at+2, payloads["gates"])
		}
	}

	ended := make(chan error, 1)
	go func() {
		_, err := three.Exec(context.Background(), `SELECT * FROM gates EMIT CHANGES`)
		ended <- err
	}()
	process := int32(three.PgConn().PID())
	follows := fmt.Sprintf(`SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND wait_event = 'Changes' AND pid >> 21 = 3`, process)
	for deadline := time.Now().Add(30 * time.Second); harness.Rows(t, one, follows)[0] != "1"; {
		if time.Now().After(deadline) {
			t.Fatal("node 1 does not see that a client of node 3 follows a table")
		}
	}
	harness.Exec(t, one, fmt.Sprintf(`SELECT pg_cancel_backend(%d)`, process))
	if failure, ok := errors.AsType[*pgconn.PgError](<-ended); !ok || failure.Code != "57014" {
		t.Errorf("the statement on node 3 ended with %v", failure)
	}
}

// notification waits for the next notification of a client.
func notification(t *testing.T, c *pgx.Conn) *pgconn.Notification {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	n, err := c.WaitForNotification(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
