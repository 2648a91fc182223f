package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"millrace/log"
	"millrace/tables"
)

// seedReceiver copies a replica from other nodes until it is whole. It outlives lost
// connections: the partitions go on behind what they have, and the keys of a session
// behind the last one received. It is for one goroutine.
type seedReceiver struct {
	machine *machine
	store   *tables.Store
	mark    *seedMark

	// point is the state being copied; nil until the source has said it.
	point *seedState
	// keys are those of the point that have come.
	keys *tables.Import
	// unsynced are the bytes of partitions received since they were last noted.
	unsynced int64
	progress *seedProgress
	buf      []byte
}

// seedProgress is how far a copy is, for operators.
type seedProgress struct {
	began time.Time
	// received are the bytes that have come, expected about how many keys and values
	// make in all, keys how many of them have come.
	received, keys, expected atomic.Int64
}

// importDir is where the keys of a copy are kept until all have come.
const importDir = "import"

// remarkBytes is how many bytes of partitions are received before it is noted durably.
const remarkBytes = 64 << 20

// errRefused is wrapped by what a source says instead of sending.
var errRefused = errors.New("cluster: the other node cannot be copied from")

// newSeedReceiver begins to copy what a machine lacks.
func newSeedReceiver(m *machine, store *tables.Store, mark *seedMark) *seedReceiver {
	return &seedReceiver{machine: m, store: store, mark: mark, progress: &seedProgress{began: time.Now()}}
}

// receive copies over one stream, and returns nil when the replica is whole. After an
// error another stream may go on.
func (r *seedReceiver) receive(ctx context.Context, stream io.ReadWriter) error {
	// What it changes from here on must not meet a replica that counts as whole.
	if err := r.machine.remark(r.mark); err != nil {
		return err
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
	ask := seedAsk{shard: r.machine.shard, state: r.mark.state}
	for _, p := range r.machine.partitions.capture().live {
		start, next := p.extent()
		state := partitionState{object: p.object, created: p.created, end: emptyAt(next)}
		state.end.StartOffset = start
		ask.have = append(ask.have, state)
	}
	if r.point != nil {
		ask.session, ask.lastKey = r.point.session, r.keys.LastKey()
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
		if r.keys == nil {
			return errMalformed
		}
		r.progress.keys.Add(int64(len(body)))
		return walkSeedKeys(body, r.keys.Set)
	case seedRefusal:
		return fmt.Errorf("%w: %s", errRefused, body)
	}
	return errMalformed
}

// begin begins with a state, unless it is the one that was interrupted.
func (r *seedReceiver) begin(point *seedState) error {
	if point.stateIndex < r.mark.state {
		return fmt.Errorf("%w: it is at index %d, %d is needed", errRefused, point.stateIndex, r.mark.state)
	}
	if r.point != nil && r.point.session == point.session {
		return nil
	}
	if err := r.close(); err != nil {
		return err
	}
	fs, dir := r.machine.partitions.options.FS, r.machine.partitions.options.Dir
	keys, err := r.store.NewImport(uint32(r.machine.shard), fs.PathJoin(dir, importDir))
	if err != nil {
		return err
	}
	r.keys, r.point = keys, point
	r.progress.keys.Store(0)
	r.progress.expected.Store(int64(point.bytes))
	return nil
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
	return r.machine.remark(r.mark)
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
	gone := r.machine.partitions.forget(keep)
	if len(gone) == 0 {
		return nil
	}
	if err := r.machine.remark(r.mark); err != nil {
		return err
	}
	return r.machine.partitions.deleteAll(gone)
}

// end makes the copy count, and the replica whole.
func (r *seedReceiver) end(ctx context.Context, body []byte) error {
	last := uvarintReader{data: body}
	until := last.next()
	if last.bad || r.point == nil {
		return errMalformed
	}
	if err := r.complete(); err != nil {
		// The next copy is of another state.
		return errors.Join(err, r.close())
	}
	ends, err := r.machine.partitions.syncAll()
	if err != nil {
		return err
	}
	if err := r.keys.Finish(ctx, r.point.stateIndex); err != nil {
		return err
	}
	r.keys = nil
	state := r.point.stateIndex
	r.point = nil
	if err := r.machine.seeded(r.mark, state, ends); err != nil {
		return err
	}
	return r.machine.catchUp(ctx, r.mark, until)
}

// complete verifies that the partitions are those of the state, and removes others. One
// may be ahead of the state when it was copied from a third node before: what it has then
// comes with entries that others wait for.
func (r *seedReceiver) complete() error {
	ps := r.machine.partitions
	wanted := map[uint64]*partitionState{}
	for i := range r.point.partitions {
		wanted[r.point.partitions[i].object] = &r.point.partitions[i]
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
	p := ps.find(w.object)
	if p == nil && end.StartOffset == end.NextOffset {
		_, err := ps.begin(w.object, w.created, end.NextOffset)
		return err
	}
	next := int64(0)
	if p != nil {
		opened, err := ps.open(p)
		if err != nil {
			return err
		}
		if next = opened.NextOffset(); next == end.NextOffset {
			return opened.TruncateBefore(end.StartOffset)
		}
	}
	return fmt.Errorf("cluster: object %d was copied up to offset %d, the source has %d", w.object, next, end.NextOffset)
}

// close drops the keys that have come.
func (r *seedReceiver) close() error {
	keys := r.keys
	r.keys, r.point = nil, nil
	if keys == nil {
		return nil
	}
	return keys.Close()
}
