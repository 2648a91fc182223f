package testsql

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestHTTP looks at what a node shows to operators.
func TestHTTP(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2, HTTP: "127.0.0.1:0"})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM s (n INT)`)
	harness.Exec(t, c, `INSERT INTO s VALUES (1), (2)`)
	for path, want := range map[string]string{
		"/health":                        "ok",
		"/health/alive":                  "ok",
		"/metrics":                       "millrace_exec_rows_written_total 2",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		response, err := http.Get("http://" + n.HTTPAddr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s\n%.2000s", path, response.Status, body)
		}
	}
}
