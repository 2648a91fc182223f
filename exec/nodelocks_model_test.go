package exec

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace/exec/lock"
)

// modelOwner is an owner of a node and its like in a manager that is the model.
type modelOwner struct {
	node, like LockOwner
	// marks are points in the locks of both.
	marks [][2]int
}

// TestLocksOfNodesAreThoseOfAManager has sessions of all nodes lock and release at
// random: each request ends as it does in one manager.
func TestLocksOfNodesAreThoseOfAManager(t *testing.T) {
	c := newNodes(t, 1, 3, 1)
	rapid.Check(t, func(t *rapid.T) {
		model := LocalLocks(lock.NewManager(nil, nil))
		var owners []*modelOwner
		for i := range int32(6) {
			owners = append(owners, &modelOwner{
				node: c.nodes[i%3].engine.Locks().NewSession(i).NewTransaction(), like: model.NewSession(i).NewTransaction(),
			})
		}
		defer func() {
			for _, o := range owners {
				o.node.Release(0)
			}
		}()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			o := rapid.SampledFrom(owners).Draw(t, "owner")
			o.step(t)
			if err := o.node.Check(t.Context()); err != nil {
				t.Fatalf("the locks are lost: %v", err)
			}
		}
	})
}

func (o *modelOwner) step(t *rapid.T) {
	relation := rapid.Uint64Range(1, 2).Draw(t, "table")
	keys := slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "rows")))
	wait := lock.Wait{Policy: rapid.SampledFrom([]lock.Policy{lock.NoWait, lock.SkipLocked}).Draw(t, "policy")}
	var got, want string
	both := func(request func(LockOwner) string) { got, want = request(o.node), request(o.like) }
	switch rapid.IntRange(0, 6).Draw(t, "step") {
	case 0:
		mode := lock.Mode(rapid.IntRange(0, int(lock.AccessExclusive)).Draw(t, "mode"))
		both(func(o LockOwner) string {
			waited, err := o.LockTable(t.Context(), relation, mode, wait)
			return fmt.Sprint(waited, errors.Is(err, lock.ErrNotAvailable), err == nil)
		})
	case 1, 2, 3:
		mode := lock.Mode(rapid.IntRange(int(lock.KeyShare), int(lock.Probe)).Draw(t, "mode"))
		both(func(o LockOwner) string {
			rows, err := o.LockRows(t.Context(), relation, keys, mode, wait)
			if err != nil {
				rows = lock.Rows{} // nobody asks
			}
			return fmt.Sprint(rows, errors.Is(err, lock.ErrNotAvailable), err == nil)
		})
	case 4:
		key := lock.AdvisoryKey{Object: rapid.Uint32Range(1, 2).Draw(t, "key"), Sub: 1}
		mode := rapid.SampledFrom([]lock.Mode{lock.Share, lock.Exclusive}).Draw(t, "mode")
		both(func(o LockOwner) string {
			err := o.LockAdvisory(t.Context(), key, mode, lock.Wait{Policy: lock.NoWait})
			return fmt.Sprint(errors.Is(err, lock.ErrNotAvailable), err == nil)
		})
	case 5:
		mark := [2]int{o.node.Mark(), o.like.Mark()}
		if _, err := o.node.LockRows(t.Context(), relation, keys, lock.KeyShare, wait); (err == nil) != (errOf(o.like.LockRows(t.Context(), relation, keys, lock.KeyShare, wait)) == nil) {
			t.Fatal("the rows are locked in one place only")
		}
		if rapid.Bool().Draw(t, "rows") {
			o.node.ReleaseRows(mark[0], relation, keys[:1])
			o.like.ReleaseRows(mark[1], relation, keys[:1])
			return
		}
		o.marks = append(o.marks, mark)
	default:
		if len(o.marks) == 0 || rapid.Bool().Draw(t, "all") {
			o.node.Release(0)
			o.like.Release(0)
			o.marks = nil
			return
		}
		i := rapid.IntRange(0, len(o.marks)-1).Draw(t, "mark")
		o.node.Release(o.marks[i][0])
		o.like.Release(o.marks[i][1])
		o.marks = o.marks[:i]
	}
	if got != want {
		t.Fatalf("a node's session got %s, and the model %s", got, want)
	}
}

func errOf(_ lock.Rows, err error) error { return err }
