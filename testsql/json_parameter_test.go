package testsql

import (
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestJSONParameters gives parameters the type json, in text and in binary, which is text
// for json.
func TestJSONParameters(t *testing.T) {
	n := harness.StartNode(t, node.Options{})
	c := harness.Connect(t, harness.NodeURL(n.Addr())).PgConn()
	const query = `SELECT $1->>'a', json_typeof($2), $3::text`
	values := [][]byte{[]byte(`{"a": 7}`), []byte(" [1]"), []byte(`{"{}",NULL}`)}
	for _, formats := range [][]int16{{0, 0, 0}, {1, 1, 0}} {
		result := c.ExecParams(t.Context(), query, values, []uint32{114, 114, 199}, formats, nil).Read()
		if result.Err != nil || len(result.Rows) != 1 {
			t.Errorf("formats %v: %v", formats, result.Err)
			continue
		}
		for i, want := range []string{"7", "array", `{"{}",NULL}`} {
			if got := string(result.Rows[0][i]); got != want {
				t.Errorf("formats %v: value %d is %s, want %s", formats, i+1, got, want)
			}
		}
	}
	bad := c.ExecParams(t.Context(), `SELECT $1::jsonb`, [][]byte{{2, '1'}}, []uint32{3802}, []int16{1}, nil).Read()
	if bad.Err == nil {
		t.Error("jsonb of version 2 was taken")
	}
}
