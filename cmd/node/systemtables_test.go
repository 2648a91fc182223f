package node

import (
	"testing"

	"millrace/cluster"
)

func TestStateOf(t *testing.T) {
	for _, test := range []struct {
		state   cluster.MemberState
		answers bool
		want    string
	}{
		{cluster.Running, true, "running"},
		{cluster.Running, false, "unreachable"},
		{cluster.Draining, true, "draining"},
		{cluster.Draining, false, "unreachable"},
		{cluster.Leaving, true, "leaving"},
		{cluster.Leaving, false, "leaving"},
	} {
		if got := stateOf(test.state, test.answers); got != test.want {
			t.Errorf("%v, answers %v: %s, want %s", test.state, test.answers, got, test.want)
		}
	}
}
