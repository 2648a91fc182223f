package exec

import (
	"context"
	"testing"

	"millrace/sql/sqlerr"
)

// TestPushEndsWithItsRelation drops what push queries follow: each of them ends with an
// error that says so, whether it follows a stream or a table, and alone or with others.
func TestPushEndsWithItsRelation(t *testing.T) {
	c := newNodes(t, 1, 1, 2)
	n := c.node(1)
	for kind, key := range map[string]string{"STREAM": "KEY", "TABLE": "PRIMARY KEY"} {
		n.define(`CREATE ` + kind + ` followed (a INT ` + key + `)`)
		var cursors []Cursor
		for range 2 {
			cursor, err := n.open(t.Context(), `SELECT a FROM followed EMIT CHANGES`)
			if err != nil {
				t.Fatal(err)
			}
			defer cursor.Close()
			cursors = append(cursors, cursor)
		}
		writer := n.engine.NewWriter()
		if err := writer.Write(t.Context(), []Rows{n.rows("followed", []int64{1})}, false); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		for _, cursor := range cursors {
			if batch, err := cursor.Next(t.Context()); err != nil || batch.Len != 1 {
				t.Fatalf("%s: %v, %v", kind, batch, err)
			}
		}
		n.define(`DROP ` + kind + ` followed`)
		for _, cursor := range cursors {
			if err := endOf(t.Context(), cursor); sqlerr.CodeOf(err) != sqlerr.UndefinedTable {
				t.Errorf("%s: the query ended with %v", kind, err)
			}
		}
	}
}

// endOf takes rows until the query ends, and returns the error.
func endOf(ctx context.Context, cursor Cursor) error {
	for {
		if _, err := cursor.Next(ctx); err != nil {
			return err
		}
	}
}
