package cluster

import (
	"context"
	"net"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestSeedAheadOfTheLog copies a replica whose own log is still behind the source's state,
// and stops it before the log has come as far: it has to start again, and to become whole.
func TestSeedAheadOfTheLog(t *testing.T) {
	u := newSeedUniverse(t, 1, 0)
	fs := vfs.NewMem()
	replica, err := openReplica(t, fs)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		u.step(replica)
	}
	had := len(u.entries)
	for range 20 {
		u.step(nil)
	}
	if err := replica.machine.lack(0, "a test", everyFile); err != nil {
		t.Fatal(err)
	}
	receiver := u.receiver(replica)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		_ = u.server.serve(u.source.ctx, there, func(int) *machine { return u.source.machine })
	}()
	copied := make(chan error, 1)
	go func() { copied <- receiver.receive(ctx, here) }()
	waitFor(t, func() bool { return replica.machine.offered.waiters.Load() > 0 || len(copied) > 0 })
	cancel()
	if err := <-copied; err == nil {
		t.Error("the replica is whole without its log")
	}
	if err := receiver.suspend(); err != nil {
		t.Error(err)
	}
	replica.close()
	if replica, err = openReplica(t, fs); err != nil {
		t.Fatalf("starting again: %v", err)
	}
	defer replica.close()
	for _, entry := range u.entries[had:] {
		replica.append(entry)
		replica.give(entry)
	}
	if err := u.copy(u.receiver(replica), 1<<20); err != nil {
		t.Fatal(err)
	}
	u.check(replica)
}
