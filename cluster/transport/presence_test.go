package transport

import (
	"testing"
	"time"
)

// TestTwoProcessesOfOneNode starts a second process with a node's number: it is kept out
// as long as the first one runs, however little that has to say.
func TestTwoProcessesOfOneNode(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		first := c.nodes[2]
		c.nodes[1].Handle("echo", echo)
		logged := &lines{}
		second := openTest(t, Options{Network: c.network.Host("copy"), Logger: logged.logger()})
		second.SetIdentity(testCluster, 2)
		second.SetPeer(1, address(1))
		if _, err := first.Call(t.Context(), 1, "echo", nil); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			if _, err := second.Call(t.Context(), 1, "echo", nil); err == nil {
				t.Fatal("a second process is let in")
			}
			time.Sleep(133 * time.Millisecond)
		}
		if !logged.contain("another process is connected as node 2") {
			t.Error("the second process does not tell why")
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lastPause)
		if _, err := second.Call(t.Context(), 1, "echo", nil); err != nil {
			t.Errorf("after the first process has ended: %v", err)
		}
	})
}

// TestProcessThatEndsWithoutAWord cuts a node off and starts it again elsewhere: the
// others must not wait for its old connections to end.
func TestProcessThatEndsWithoutAWord(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 2)
		c.nodes[1].Handle("echo", echo)
		if _, err := c.nodes[2].Call(t.Context(), 1, "echo", nil); err != nil {
			t.Fatal(err)
		}
		c.network.Partition([]string{hostName(1)}, []string{hostName(2)})
		again := openTest(t, Options{Network: c.network.Host("again")})
		again.SetIdentity(testCluster, 2)
		again.SetPeer(1, address(1))
		for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if _, err := again.Call(t.Context(), 1, "echo", nil); err == nil {
				break
			} else if time.Since(start) > presenceTime+2*lastPause {
				t.Fatalf("not let in: %v", err)
			}
		}
	})
}
