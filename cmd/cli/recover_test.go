package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"millrace/cmd/node"
)

func TestNodeRecover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := runCommand(t, "node", "recover", "--data", dir); err == nil || !strings.Contains(err.Error(), "is not the folder of a node") {
		t.Errorf("without a folder: %v", err)
	}
	options := node.Options{Dir: dir, Listen: "127.0.0.1:0", Shards: 2}
	n, err := node.Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runCommand(t, "node", "recover", "--data", dir, "--force"); err == nil || !strings.Contains(err.Error(), "another process uses the folder") {
		t.Errorf("while the node runs: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{nil, "Nothing has been changed"},
		{[]string{"--force"}, "Node 1 is a cluster of one now"},
	} {
		printed, err := runCommand(t, append([]string{"node", "recover", "--data", dir}, test.arguments...)...)
		if err != nil || !strings.Contains(printed, test.want) || !strings.Contains(printed, "shard-0001") {
			t.Errorf("%q: %v\n%s", test.arguments, err, printed)
		}
	}
	if n, err = node.Start(context.Background(), options); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}
