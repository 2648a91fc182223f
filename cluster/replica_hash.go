package cluster

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"millrace/log"
	"millrace/tables"
)

// Replicas are compared by hashes of what they contain at a fence: an entry that takes no
// effect and is at the same place in every replica's log. At a fence each replica notes its
// state, as for a copy, and computes the hash beside its work.
//
//   - Of keys and values there is one hash: they are the same on all replicas.
//   - Of a partition there is a hash of the records of each span of offsets. Compaction
//     happens at different times on different replicas and leaves gaps in the offsets, so
//     what lies before the last gap of any replica is not compared. What lies in segments
//     besides records (which are in one batch, how they are compressed) is not compared.

// fenceBase is the base index of a fence, which no entry has that may take effect. Its
// catalog version is 1 when the hash is in no hurry, else 0; its time is when it was made.
const fenceBase = math.MaxUint64

// fenceAge is how old a fence may be for its hash to be computed: nobody asks for those
// that are met when the log is applied again after a restart.
const fenceAge = time.Minute

// hashSpan is how many offsets have a hash of their own.
const hashSpan = 1 << 16

// maxHashes is how many results a replica keeps.
const maxHashes = 4

// replicaHash is what a replica contained at a fence.
type replicaHash struct {
	// state is the state index, keys the hash of keys and values.
	state, keys uint64
	// partitions are by object.
	partitions []partitionHash
}

// partitionHash is what a partition contained.
type partitionHash struct {
	object, created, start, next uint64
	// dense is the offset from which on there are no gaps.
	dense uint64
	// spans are the hashes of the spans in order, from the one with start on.
	spans []uint64
}

// hashResult is the hash at one fence, once done is closed.
type hashResult struct {
	index uint64
	// met tells that the fence has been applied; guarded by the machine's mu.
	met  bool
	done chan struct{}
	hash *replicaHash
	err  error
}

// replicaHashes are the results at the newest fences.
type replicaHashes struct {
	mu      sync.Mutex
	results []*hashResult
}

// at returns the result at a fence, made if necessary.
func (h *replicaHashes) at(index uint64) *hashResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.results {
		if r.index == index {
			return r
		}
	}
	r := &hashResult{index: index, done: make(chan struct{})}
	h.results = append(h.results, r)
	if len(h.results) > maxHashes {
		h.results[0].fail(errManyFences)
		h.results = h.results[1:]
	}
	return r
}

// hashAt returns the result at a fence, which may still be to come.
func (m *machine) hashAt(index uint64) (*hashResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err(); err != nil {
		return nil, err
	}
	if m.offered.reached() >= index && !m.hashes.has(index) {
		return nil, fmt.Errorf("cluster: this replica has passed the fence at index %d without a hash", index)
	}
	return m.hashes.at(index), nil
}

// has tells whether there is, or will be, a result at a fence.
func (h *replicaHashes) has(index uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.results, func(r *hashResult) bool { return r.index == index })
}

// fail ends the waiting for fences that have not been applied.
func (h *replicaHashes) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.results {
		r.fail(err)
	}
}

// errManyFences says that a hash is not kept, or not computed, since there are newer ones.
var errManyFences = errors.New("cluster: newer fences have taken the place of this one")

// fail ends the waiting for a fence, unless it has been applied; the machine's mu is held.
func (r *hashResult) fail(err error) {
	if !r.met {
		r.met, r.err = true, err
		close(r.done)
	}
}

// fence has the hash computed of what the replica contains; mu is held.
func (m *machine) fence(index uint64, entry *log.Entry) {
	// One that is waited for is no old one, whatever the clocks say.
	old := time.Since(time.UnixMilli(entry.Time)) > fenceAge && !m.hashes.has(index)
	if m.want.Load() != nil || old {
		return
	}
	result := m.hashes.at(index)
	if result.met {
		return
	}
	result.met = true
	session := &seedSession{shard: m.shard}
	if err := m.captureNow(session); err != nil {
		result.err = err
		close(result.done)
		return
	}
	slow := &pace{}
	if entry.CatalogVersion == 1 {
		slow = m.host.slowly()
	}
	runs := m.host.background(func(ctx context.Context) {
		defer close(result.done)
		defer session.release()
		h := hasher{ctx: ctx, machine: m, session: session, pace: slow}
		result.hash, result.err = h.replica()
	})
	if !runs {
		session.release()
		result.err = ErrStopped
		close(result.done)
	}
}

// hasher computes the hash of a state.
type hasher struct {
	ctx     context.Context
	machine *machine
	session *seedSession
	pace    *pace
	digest  xxhash.Digest
	buf     []byte
}

// replica computes the hash.
func (h *hasher) replica() (*replicaHash, error) {
	hash := &replicaHash{state: h.session.state.stateIndex}
	var err error
	if hash.keys, err = h.keys(); err != nil {
		return nil, err
	}
	live := map[uint64]*partition{}
	for _, p := range h.session.partitions.live {
		live[p.object] = p
	}
	states := slices.SortedFunc(slices.Values(h.session.state.partitions), func(a, b partitionState) int {
		return cmp.Compare(a.object, b.object)
	})
	for i := range states {
		p, err := h.partition(live[states[i].object], &states[i])
		if err != nil {
			return nil, err
		}
		hash.partitions = append(hash.partitions, p)
	}
	return hash, nil
}

// part adds bytes with their length to the digest.
func (h *hasher) part(b []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(b)))
	_, _ = h.digest.Write(length[:]) // never fails
	_, _ = h.digest.Write(b)
}

// number adds a number to the digest.
func (h *hasher) number(v uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	_, _ = h.digest.Write(b[:]) // never fails
}

// keys computes the hash of keys and values.
func (h *hasher) keys() (hash uint64, err error) {
	it, err := h.session.snapshot.Shard(uint32(h.session.shard)).Scan(nil, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	h.digest.Reset()
	read := 0
	for it.Next() {
		if tables.Kind(it.Key()[0]) == tables.KindApplied {
			continue
		}
		h.part(it.Key())
		h.part(it.Value())
		if read += len(it.Key()) + len(it.Value()); read >= seedFrameBytes {
			if err := h.pace.take(h.ctx, read); err != nil {
				return 0, err
			}
			read = 0
		}
	}
	return h.digest.Sum64(), nil
}

// partition computes the hashes of a partition.
func (h *hasher) partition(p *partition, state *partitionState) (partitionHash, error) {
	hash := partitionHash{
		object: state.object, created: state.created,
		start: uint64(state.end.StartOffset), next: uint64(state.end.NextOffset), dense: uint64(state.end.StartOffset),
	}
	opened, err := h.machine.partitions.open(p)
	if err != nil {
		return hash, err
	}
	h.digest.Reset()
	span := hash.start / hashSpan
	for offset := state.end.StartOffset; offset < state.end.NextOffset; {
		batches, err := opened.Read(offset, seedFrameBytes, h.buf)
		if err != nil {
			return hash, fmt.Errorf("object %d: %w", state.object, err)
		}
		h.buf = batches
		if err := h.pace.take(h.ctx, len(batches)); err != nil {
			return hash, err
		}
		if offset, err = h.batches(&hash, &span, batches, offset, state.end.NextOffset); err != nil {
			return hash, err
		}
	}
	if hash.next > hash.start {
		hash.spans = append(hash.spans, h.digest.Sum64())
	}
	return hash, nil
}

// batches adds the records of batches in [offset, end), and returns the offset behind them.
func (h *hasher) batches(hash *partitionHash, span *uint64, batches []byte, offset, end int64) (int64, error) {
	for len(batches) > 0 && offset < end {
		batch, rest, err := log.ParseBatch(batches)
		if err != nil {
			return 0, err
		}
		records := batch.Records()
		for records.Next() {
			r := records.Record()
			if r.Offset < offset || r.Offset >= end {
				continue
			}
			if r.Offset > offset {
				hash.dense = uint64(r.Offset)
			}
			offset = r.Offset + 1
			for ; *span < uint64(r.Offset)/hashSpan; *span++ {
				hash.spans = append(hash.spans, h.digest.Sum64())
				h.digest.Reset()
			}
			h.record(r)
		}
		if err := records.Err(); err != nil {
			return 0, err
		}
		if next := min(batch.NextOffset(), end); next > offset {
			offset, hash.dense = next, uint64(next)
		}
		batches = rest
	}
	return offset, nil
}

// record adds a record.
func (h *hasher) record(r *log.Record) {
	h.number(uint64(r.Offset))
	h.number(uint64(r.Timestamp))
	if r.Key == nil {
		h.number(1)
	}
	h.part(r.Key)
	if r.Value == nil {
		h.number(1)
	}
	h.part(r.Value)
}

// encode returns the hash as it is sent.
func (r *replicaHash) encode() []byte {
	data := binary.AppendUvarint(nil, r.state)
	data = binary.AppendUvarint(data, r.keys)
	data = binary.AppendUvarint(data, uint64(len(r.partitions)))
	for i := range r.partitions {
		p := &r.partitions[i]
		for _, v := range [...]uint64{p.object, p.created, p.start, p.next, p.dense, uint64(len(p.spans))} {
			data = binary.AppendUvarint(data, v)
		}
		for _, v := range p.spans {
			data = binary.AppendUvarint(data, v)
		}
	}
	return data
}

// decodeReplicaHash is the inverse of encode.
func decodeReplicaHash(data []byte) (*replicaHash, error) {
	r := uvarintReader{data: data}
	hash := &replicaHash{state: r.next(), keys: r.next()}
	for range r.count() {
		p := partitionHash{object: r.next(), created: r.next(), start: r.next(), next: r.next(), dense: r.next()}
		for range r.count() {
			p.spans = append(p.spans, r.next())
		}
		hash.partitions = append(hash.partitions, p)
	}
	if r.bad || len(r.data) > 0 {
		return nil, errMalformed
	}
	return hash, nil
}

// comparableHashes returns for each hash one number: they are equal for replicas that contain
// the same, as far as that can be compared among these.
func comparableHashes(hashes []*replicaHash) []uint64 {
	dense := map[uint64]uint64{}
	for _, h := range hashes {
		for i := range h.partitions {
			dense[h.partitions[i].object] = max(dense[h.partitions[i].object], h.partitions[i].dense)
		}
	}
	sums := make([]uint64, len(hashes))
	for i, h := range hashes {
		var sum hasher
		sum.digest.Reset()
		sum.number(h.state)
		sum.number(h.keys)
		for j := range h.partitions {
			p := &h.partitions[j]
			for _, v := range [...]uint64{p.object, p.created, p.start, p.next} {
				sum.number(v)
			}
			for k, span := range p.spans {
				if begin := (p.start/hashSpan + uint64(k)) * hashSpan; max(begin, p.start) >= dense[p.object] {
					sum.number(span)
				}
			}
		}
		sums[i] = sum.digest.Sum64()
	}
	return sums
}
