package cluster

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"millrace/log"
)

// TestReplicasWithoutVotesConfirmNoLeader cuts a leader off from the other voters, but not
// from replicas that only follow. Answers that were under way for a while keep it leading
// longer than the voters wait: what it says then must not be older than what another leader
// has acknowledged.
func TestReplicasWithoutVotesConfirmNoLeader(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestCluster(t, 5, 1)
		for range 5 {
			old := c.waitLeader(1)
			shard := old.Shard(0)
			base, err := shard.Barrier(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			propose(t, shard, log.Entry{BaseIndex: base, Writes: []log.Write{setRow(7, "key", "old")}})
			voters := shard.group.voters()
			var with, without []string
			for _, name := range c.hosts() {
				switch id := c.node(name).ID(); {
				case id == old.ID() || !slices.Contains(voters, id):
					with = append(with, name)
				default:
					without = append(without, name)
				}
			}
			var name string
			for _, host := range with {
				if c.node(host) == old {
					name = host
				}
			}
			for _, other := range without {
				c.network.Delay(other, name, 400*time.Millisecond)
			}
			waitWhile(t, time.Second)
			for _, other := range without {
				for _, host := range with {
					c.network.Cut(host, other)
					if host != name {
						c.network.Cut(other, host)
					}
				}
			}
			reads := readContinuously(shard)
			var next *Node
			waitFor(t, func() bool {
				for _, other := range without {
					if n := c.node(other); n.Shard(0).IsLeader() {
						next = n
					}
				}
				return next != nil
			})
			if base, err = next.Shard(0).Barrier(testContext(t)); err != nil {
				t.Fatal(err)
			}
			index := propose(t, next.Shard(0), log.Entry{BaseIndex: base, Writes: []log.Write{setRow(7, "key", "new")}})
			acknowledged := time.Now()
			waitWhile(t, time.Second)
			for _, read := range reads() {
				if read.began.After(acknowledged) && read.index < index {
					t.Errorf("a read that began %v after index %d was acknowledged was told index %d",
						read.began.Sub(acknowledged), index, read.index)
				}
			}
			c.network.HealAll()
			c.waitPlaced()
		}
	})
}

// timedRead is a read index and when it was asked for.
type timedRead struct {
	began time.Time
	index uint64
}

// readContinuously asks a shard for its read index, again and again, until the function
// that it returns is called, which returns the answers.
func readContinuously(shard *Shard) (stop func() []timedRead) {
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	var mu sync.Mutex
	var reads []timedRead
	ticker := time.NewTicker(10 * time.Millisecond)
	reading.Go(func() {
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			reading.Go(func() {
				began := time.Now()
				if index, err := shard.ReadIndex(ctx); err == nil {
					mu.Lock()
					defer mu.Unlock()
					reads = append(reads, timedRead{began, index})
				}
			})
		}
	})
	return func() []timedRead {
		cancel()
		reading.Wait()
		ticker.Stop()
		return reads
	}
}

// waitWhile lets virtual time pass.
func waitWhile(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
