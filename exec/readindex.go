package exec

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// What a statement reads is the node's own replica, once it is current.
//
// A shard's leader that a quorum has confirmed tells the index of an entry at or behind
// which stands everything that was acknowledged before it was asked (ShardLog.ReadIndex).
// When this node's replica has applied that entry, a snapshot of it that is taken
// afterwards has it all. Nothing is logged and no rows travel.
//
// Invariant: catchUp(shards) returns without an error only when whatever was acknowledged
// before the call, on any node, is applied on this one in these shards.

// readIndexMethod asks leaders for read indexes.
const readIndexMethod = "shard.readindex"

func (e *Engine) serveReadIndex() {
	e.serveShards(readIndexMethod, func(ctx context.Context, shard int, _ []byte) ([]byte, error) {
		index, err := e.loops[shard].log.ReadIndex(ctx)
		return binary.AppendUvarint(nil, index), err
	})
}

// alone reports whether the cluster is this node. Then nothing can be acknowledged
// without it.
func (e *Engine) alone() bool { return len(e.storage.Peers().Members()) == 1 }

// CatchUp waits until this node's replicas have everything that was acknowledged before
// the call.
func (e *Engine) CatchUp(ctx context.Context) error { return e.catchUp(ctx, rangeOf(len(e.loops))) }

// catchUp waits until this node's replicas of shards have everything that was
// acknowledged before the call.
func (e *Engine) catchUp(ctx context.Context, shards []int) error {
	if len(shards) == 0 || e.alone() {
		return nil
	}
	asked := e.now()
	indexes := make([]uint64, len(e.loops))
	err := e.askShards(ctx, shards, &shardQuestion{
		method: readIndexMethod,
		local: func(ctx context.Context, shard int) (err error) {
			indexes[shard], err = e.loops[shard].log.ReadIndex(ctx)
			return err
		},
		request: func(buf []byte, _ int) []byte { return buf },
		answer: func(shard int, answer []byte) error {
			in := uvarintReader{data: answer}
			indexes[shard] = in.next()
			if in.bad {
				return errBadAnswer
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if err := e.waitApplied(ctx, shard, indexes[shard]); err != nil {
			return err
		}
		e.loops[shard].current.at.Store(&asked)
	}
	return nil
}

// currentSince is when this node's replica of a shard last had everything that was
// acknowledged before.
type currentSince struct{ at atomic.Pointer[time.Time] }

// outdated returns those of some shards whose replicas here are not known to have had
// everything so long ago: all, where nothing may be missing.
func (e *Engine) outdated(shards []int, allowed time.Duration) []int {
	if allowed <= 0 {
		return shards
	}
	now := e.now()
	return slices.DeleteFunc(shards, func(shard int) bool {
		since := e.loops[shard].current.at.Load()
		return since != nil && now.Sub(*since) <= allowed
	})
}

// waitApplied waits until this node's replica of a shard has applied an entry.
func (e *Engine) waitApplied(ctx context.Context, shard int, index uint64) error {
	applying, cancel := context.WithCancel(ctx)
	defer cancel()
	l := e.loops[shard]
	applied := make(chan error, 1)
	go func() { applied <- l.log.WaitApplied(applying, index) }()
	select {
	case err := <-applied:
		return err
	case <-e.stopped:
		return ErrStopped
	case <-e.after(leaderPatience):
		return sqlerr.New(sqlerr.CannotConnectNow, -1, "this node's replica of shard %d is behind the others", shard).
			WithDetail("%s", fmt.Sprintf("It has not applied entry %d within %v.", index, leaderPatience)).
			WithHint("SHOW SHARDS tells the state of the replicas. Other nodes may be able to read.")
	}
}

// shardsOf are the shards on which relations have rows.
func (e *Engine) shardsOf(relations []*catalog.Relation) []int {
	partitions := 0
	for _, relation := range relations {
		partitions = max(partitions, relation.Partitions)
	}
	return rangeOf(min(partitions, len(e.loops)))
}

// catchUpKeys is catchUp for the shards on which rows of a table with given keys are.
func (e *Engine) catchUpKeys(ctx context.Context, relation *catalog.Relation, rows *types.Batch) error {
	if e.alone() {
		return nil
	}
	codec := newRelationCodec(relation)
	var shards []int
	var key []byte
	for i := range rows.Len {
		key = codec.appendKey(key[:0], rows, i)
		if shard := types.PartitionOf(key, relation.Partitions); !slices.Contains(shards, shard) {
			shards = append(shards, shard)
		}
	}
	return e.catchUp(ctx, shards)
}

// oneKeyShard returns the shard of the only row that a query reads, where it reads one
// of a table that no continuous query writes.
func (e *Engine) oneKeyShard(q *plan.Query, evaluation *expr.Context) (shard int, known bool) {
	if len(q.Sources) != 1 || len(q.Subqueries) > 0 || len(e.newestCatalog().QueriesWriting(q.Sources[0].ID)) > 0 {
		return 0, false
	}
	node := q.Root
	for len(node.Inputs()) == 1 {
		node = node.Inputs()[0]
	}
	scan, isScan := node.(*plan.Scan)
	if !isScan || scan.KeyEquals == nil {
		return 0, false
	}
	codec := newRelationCodec(scan.Relation)
	var encoded []byte
	var key []types.Datum
	for i, column := range scan.Relation.Key {
		value, err := expr.EvalDatum(evaluation, scan.KeyEquals[i], nil)
		if err != nil || !value.Valid {
			return 0, false // the scan finds that out, too
		}
		key = append(key, value)
		encoded = types.AppendKey(encoded, codec.columns[column], value)
	}
	return types.PartitionOf(codec.placement(encoded, key), scan.Relation.Partitions), true
}
