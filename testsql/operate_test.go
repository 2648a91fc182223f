package testsql

import (
	"os/exec"
	"strings"
	"testing"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestOperatorCommands runs the commands for operators against a cluster of one node.
func TestOperatorCommands(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 2})
	binary := harness.Binary(t)
	for _, test := range []struct {
		args []string
		fail bool
		say  string
	}{
		{[]string{"node", "ls"}, false, "running"},
		{[]string{"node", "ls", "--extended", "--json"}, false, `"id":1`},
		{[]string{"shard", "ls", "--json"}, false, `{"shard":1,"leader":1,`},
		{[]string{"shard", "ls", "--extended"}, false, "voter"},
		{[]string{"node", "drain", "7"}, true, "node 7 does not exist"},
		{[]string{"node", "remove", "one"}, true, "millrace node ls lists them"},
		{[]string{"shard", "move", "9", "--from", "1", "--to", "2"}, true, "The cluster has the shards 0 to 1"},
		{[]string{"shard", "move", "0"}, true, `"from", "to" not set`},
		{[]string{"shard", "leader", "0", "7"}, true, "node 7 does not exist"},
	} {
		args := append(test.args, "-d", harness.NodeURL(n.Addr()))
		output, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(output), test.say) {
			t.Errorf("millrace %v: %v\n%s", test.args, err, output)
		}
	}
}
