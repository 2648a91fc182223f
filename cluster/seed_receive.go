package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"millrace/log"
	"millrace/tables"
)

// seedReceiver copies a replica from other nodes until it is whole. After a lost connection,
// with its source or another one, and after a restart it goes on: the partitions behind what
// they have, and the keys behind the last one received. It is for one goroutine.
type seedReceiver struct {
	machine *machine
	store   *tables.Store
	mark    *seedMark
	total   *atomic.Int64

	// point is the state being copied; nil until the source has said it.
	point *seedState
	// keys are those that have come; nil before there are any.
	keys *seedImport
	// unsynced are the bytes of partitions received since they were last noted.
	unsynced int64
	progress *seedProgress
	// buf has a frame, expanded its keys.
	buf, expanded []byte
}

// seedProgress is how far a copy is, for operators.
type seedProgress struct {
	// received are the bytes that have come, expected about how many come in all.
	received, expected atomic.Int64
}

// remarkBytes is how many bytes of partitions are received before it is noted durably.
const remarkBytes = 16 << 20

// errRefused is wrapped by what a source says instead of sending.
var errRefused = errors.New("cluster: the other node cannot be copied from")

// newSeedReceiver begins, or goes on, to copy what a machine lacks. Bytes are counted in
// total, too.
func newSeedReceiver(m *machine, store *tables.Store, mark *seedMark, total *atomic.Int64) *seedReceiver {
	return &seedReceiver{machine: m, store: store, mark: mark, total: total, progress: &seedProgress{}}
}

// least is the least state index that a copy must have from now on.
func (r *seedReceiver) least() uint64 {
	if r.keys == nil {
		return r.mark.state
	}
	return max(r.mark.state, r.keys.newest)
}

// receive copies over one stream, and returns nil when the replica is whole. After an
// error another stream may go on.
func (r *seedReceiver) receive(ctx context.Context, stream io.ReadWriter) error {
	// What it changes from here on must not meet a replica that counts as whole.
	if err := r.machine.remark(r.mark, nil); err != nil {
		return err
	}
	if r.keys == nil {
		keys, err := resumeSeedImport(r.store, r.machine, r.mark.state)
		if err != nil {
			return err
		}
		r.keys = keys
	}
	if err := r.ask(stream); err != nil {
		return err
	}
	for {
		kind, body, err := readSeedFrame(stream, r.buf)
		if err != nil {
			return fmt.Errorf("cluster: copying: %w", err)
		}
		r.buf = body
		r.progress.received.Add(int64(len(body)))
		r.total.Add(int64(len(body)))
		if kind == seedEnd {
			return r.end(ctx, body)
		}
		if err := r.take(kind, body); err != nil {
			return err
		}
	}
}

// ask sends the request.
func (r *seedReceiver) ask(stream io.Writer) error {
	ask := seedAsk{shard: r.machine.shard, state: r.least()}
	for _, p := range r.machine.partitions.capture().live {
		start, next := p.extent()
		state := partitionState{object: p.object, created: p.created, end: emptyAt(next)}
		state.end.StartOffset = start
		ask.have = append(ask.have, state)
	}
	if r.point != nil {
		ask.session = r.point.session
	}
	if r.keys != nil {
		ask.lastKey = r.keys.LastKey()
	}
	return writeSeedFrame(stream, seedRequest, ask.encode())
}

// take takes one frame.
func (r *seedReceiver) take(kind byte, body []byte) error {
	switch kind {
	case seedRows:
		object, created, batches, err := decodeSeedRows(body)
		if err != nil {
			return err
		}
		return r.rows(object, created, batches)
	case seedPoint:
		point, err := decodeSeedState(body)
		if err != nil {
			return err
		}
		return r.begin(point)
	case seedKeys:
		if r.point == nil {
			return errMalformed
		}
		var err error
		r.expanded, err = walkSeedKeys(body, r.expanded, r.keys.Set)
		return err
	case seedSize:
		size := uvarintReader{data: body}
		r.progress.expected.Store(r.progress.received.Load() + size.offset())
		if size.bad {
			return errMalformed
		}
		return nil
	case seedRefusal:
		return fmt.Errorf("%w: %s", errRefused, body)
	}
	return errMalformed
}

// begin begins with a state, or goes on with it after an interruption. The keys that have
// come of other states stay.
func (r *seedReceiver) begin(point *seedState) error {
	if point.stateIndex < r.least() {
		return fmt.Errorf("%w: it is at index %d, %d is needed", errRefused, point.stateIndex, r.least())
	}
	if r.point != nil && r.point.session == point.session {
		return nil
	}
	var err error
	if r.keys == nil {
		r.keys, err = newSeedImport(r.store, r.machine, point.stateIndex)
	} else {
		err = r.keys.extend(point.stateIndex)
	}
	if err != nil {
		return errors.Join(err, r.discardKeys())
	}
	r.point = point
	return r.note()
}

// rows appends record batches to a partition.
func (r *seedReceiver) rows(object, created uint64, batches []byte) error {
	first, _, err := log.ParseBatch(batches)
	if err != nil {
		return err
	}
	opened, err := r.partition(object, created, first.BaseOffset)
	if err != nil {
		return err
	}
	if err := opened.Append(batches); err != nil {
		return err
	}
	if r.unsynced += int64(len(batches)); r.unsynced < remarkBytes {
		return nil
	}
	return r.note()
}

// note makes durable what has come of the partitions, and that it has.
func (r *seedReceiver) note() error {
	r.unsynced = 0
	if _, err := r.machine.partitions.syncAll(); err != nil {
		return err
	}
	return r.machine.remark(r.mark, nil)
}

// partition opens the partition that rows are for. What this node has under the object
// goes if it is of another partition, if the source does not have what follows it any
// more, or if it cannot be opened.
func (r *seedReceiver) partition(object, created uint64, base int64) (*log.Partition, error) {
	ps := r.machine.partitions
	if p := ps.find(object); p != nil && p.created == created {
		opened, err := ps.open(p)
		if err == nil && base <= opened.NextOffset() {
			return opened, nil
		}
	}
	if err := r.discard(func(p *partition) bool { return p.object != object }); err != nil {
		return nil, err
	}
	return ps.begin(object, created, base)
}

// discard removes the partitions that are not to be kept.
func (r *seedReceiver) discard(keep func(*partition) bool) error {
	gone := r.machine.partitions.matching(func(p *partition) bool { return !keep(p) })
	if len(gone) == 0 {
		return nil
	}
	if err := r.machine.remark(r.mark, gone); err != nil {
		return err
	}
	r.machine.partitions.forget(gone)
	return r.machine.partitions.deleteAll(gone)
}

// end makes the copy count, and the replica whole.
func (r *seedReceiver) end(ctx context.Context, body []byte) error {
	last := uvarintReader{data: body}
	until := last.next()
	if last.bad || r.point == nil {
		return errMalformed
	}
	point := r.point
	r.point = nil
	if err := r.complete(point); err != nil {
		return err // another state may fit
	}
	ends, err := r.machine.partitions.syncAll()
	if err != nil {
		return err
	}
	// The log has to have come as far. It has the entries that some keys lack, and a store
	// that is ahead of its log after a crash is taken for one whose log was lost. Up to the
	// snapshot there is nothing more to come.
	if point.stateIndex > r.machine.snapshots.latest.Load() {
		if err := r.machine.offered.wait(ctx, point.stateIndex); err != nil {
			return err
		}
	}
	keys := r.keys
	r.keys = nil
	if err := keys.finish(ctx, r.store, r.machine); err != nil {
		return err
	}
	if err := r.machine.seeded(r.mark, point.stateIndex, ends); err != nil {
		return err
	}
	return r.machine.catchUp(ctx, r.mark, until)
}

// complete verifies that the partitions are those of the state, and removes others. One
// may be ahead of the state when it was copied from a third node before: what it has then
// comes with entries that others wait for.
func (r *seedReceiver) complete(point *seedState) error {
	ps := r.machine.partitions
	wanted := map[uint64]*partitionState{}
	for i := range point.partitions {
		wanted[point.partitions[i].object] = &point.partitions[i]
	}
	err := r.discard(func(p *partition) bool {
		w := wanted[p.object]
		return w != nil && w.created == p.created
	})
	if err := errors.Join(err, ps.deleteAll(ps.takeDropped())); err != nil {
		return err
	}
	for _, w := range wanted {
		if err := r.completePartition(w); err != nil {
			return err
		}
	}
	return nil
}

// completePartition verifies one partition, which may have no rows to be copied.
func (r *seedReceiver) completePartition(w *partitionState) error {
	ps, end := r.machine.partitions, w.end
	next := int64(-1)
	if p := ps.find(w.object); p != nil {
		opened, err := ps.open(p)
		if err != nil {
			return err
		}
		if next = opened.NextOffset(); next == end.NextOffset {
			return opened.TruncateBefore(end.StartOffset)
		}
	}
	if end.StartOffset == end.NextOffset {
		// What there is of it are rows that the source has removed since.
		if err := r.discard(func(p *partition) bool { return p.object != w.object }); err != nil {
			return err
		}
		_, err := ps.begin(w.object, w.created, end.NextOffset)
		return err
	}
	return fmt.Errorf("cluster: object %d was copied up to offset %d, the source has %d", w.object, max(next, 0), end.NextOffset)
}

// discardKeys drops the keys that have come.
func (r *seedReceiver) discardKeys() error {
	keys := r.keys
	r.keys, r.point = nil, nil
	if keys == nil || keys.Import == nil {
		return nil
	}
	return keys.Close()
}

// suspend ends the receiver. Another one can go on with what it has.
func (r *seedReceiver) suspend() error {
	keys := r.keys
	r.keys, r.point = nil, nil
	if keys == nil {
		return nil
	}
	return keys.Suspend()
}
