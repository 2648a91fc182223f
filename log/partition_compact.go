package log

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"slices"
)

// Compaction by key: of the records with one key, the last one is kept.
//
// Invariants:
//
//   - What it leaves depends on the log alone. A compaction before offset U, which
//     the shard's leader puts in an entry, removes each record before U that has a
//     later record of its key before U, and each tombstone before U that is the last
//     of its key and older than the entry says. Which segments a replica has, and
//     when it gets to them, changes nothing of that.
//   - Offsets stay. Batches are built anew, but each offset of a segment is in one
//     of its batches, so that batches and segments still follow each other without
//     gaps; the gaps are between the records of a batch. A batch may have no records.
//   - Records without key are kept.
//   - A compacted segment is one of a prefix of the segments. No two records of that
//     prefix have the same key. So a pass needs the keys of what lies behind the
//     prefix only, and adds whole segments to it, first ones first: wherever a crash
//     stops it, the prefix is what the segments' indexes say.
//   - A pass holds the keys of at most maxKeys records, by hashes of 128 bits. Where
//     more are new, there are several passes, and a segment counts as compacted with
//     the last one that reaches its end.
//   - Segments that may be compacted are closed and lie before the recorded synced
//     end (SyncedEnd.SegmentBase) of a snapshot, behind which opening cuts.
//   - One segment takes the place of one or several at once. Its generation, in its
//     name, is larger than theirs. Its batches are on disk before its index file
//     gets its name, and that name is on disk before theirs are removed. So on
//     opening, a segment of generation 1 and above without index was never finished,
//     and one with index stands for all of smaller generations in its range.

// maxKeys is how many keys a pass of a compaction holds in memory, about 40 bytes
// each.
const maxKeys = 1 << 20

// compactedBatchBytes is about how large the batches are that compaction writes.
const compactedBatchBytes = 64 << 10

// TombstoneHeader is the key of the record header that says of a record that it is
// the end of its key: compaction removes it, too, when it is old.
const TombstoneHeader = "millrace.tombstone"

// Compaction says what Compact does.
type Compaction struct {
	// Before is the offset before which records count, and go.
	Before int64
	// TombstonesBefore is the timestamp in milliseconds since the Unix epoch before
	// which tombstones go, too.
	TombstonesBefore int64
	// Rest is called after each piece of work, of about a megabyte.
	Rest func()
	// MaxKeys bounds the keys held in memory; 1048576 by default.
	MaxKeys int
}

// CompactionResult is what Compact did.
type CompactionResult struct {
	// Records is how many records were removed, Bytes by how much the segments
	// became smaller, and BytesRead what was read for it.
	Records, Bytes, BytesRead int64
	// Done is the offset before which the partition is compacted now.
	Done int64
}

// CompactionOffset returns the offset before which a compaction is worth its work,
// 0 when there is none: the end of the last closed segment before limit, if what
// was not compacted there is at least half of it all. As RetentionOffset it decides
// nothing.
func (p *Partition) CompactionOffset(limit int64) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var clean, dirty, offset int64
	for _, s := range p.segments {
		if !s.closed || s.next > limit {
			break
		}
		if s.compacted {
			clean += s.size
		} else {
			dirty += s.size
		}
		offset = s.next
	}
	if dirty == 0 || dirty < clean {
		return 0
	}
	return offset
}

// CompactedBefore is the offset such that records before it may be gone because a
// later one before it has their key. A reader that stops at an earlier offset than
// this one may have missed a key; one whose rows may not be left out has missed
// none while this is not beyond its position.
func (p *Partition) CompactedBefore() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.compactedBefore
}

// compactedPrefix is the end of the compacted segments at the beginning; mu is
// held.
func (p *Partition) compactedPrefix() int64 {
	end := p.start
	for _, s := range p.segments {
		if !s.compacted {
			break
		}
		end = s.next
	}
	return end
}

// Compact removes, from the closed segments that end at or before c.Before,
// records of which a later one there has the key, and old tombstones. Those segments
// must lie before the segment base of a synced end that a snapshot has recorded. It
// may run beside everything else but another Compact, and gives up with ctx's error
// or ErrClosed at the next piece. What it has done then stays, as after any error: it
// can be called again.
func (p *Partition) Compact(ctx context.Context, c Compaction) (CompactionResult, error) {
	p.compactMu.Lock()
	defer p.compactMu.Unlock()
	if c.MaxKeys <= 0 {
		c.MaxKeys = maxKeys
	}
	if c.Rest == nil {
		c.Rest = func() {}
	}
	pass := &compactionPass{
		ctx: ctx, partition: p, compaction: c, offsets: map[keyHash]int64{},
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
	pass.begin()
	for more, err := true, p.inDoubt; ; {
		if err == nil && more {
			more, err = pass.run()
		}
		if errors.Is(err, errRemoved) {
			pass.begin()
			more, err = true, nil
		} else if err != nil || !more {
			p.mu.RLock()
			pass.result.Done = p.compactedPrefix()
			p.mu.RUnlock()
			return pass.result, err
		}
	}
}

// errRemoved says that retention has removed a segment meanwhile.
var errRemoved = errors.New("log: the segment was removed by retention")

// keyHash stands for a key. The seeds are random, so nobody can make two keys meet.
type keyHash [2]uint64

// compactionPass is a pass over a partition.
type compactionPass struct {
	ctx        context.Context
	partition  *Partition
	compaction Compaction
	seeds      [2]maphash.Seed
	// offsets are the last offsets of the keys in [from, to).
	offsets  map[keyHash]int64
	from, to int64
	result   CompactionResult
	buf      []byte
	rested   int64
}

// begin makes the next pass begin behind what is compacted.
func (c *compactionPass) begin() {
	clear(c.offsets)
	c.partition.mu.RLock()
	defer c.partition.mu.RUnlock()
	c.from = c.partition.compactedPrefix()
}

func (c *compactionPass) hash(key []byte) keyHash {
	return keyHash{maphash.Bytes(c.seeds[0], key), maphash.Bytes(c.seeds[1], key)}
}

// segments lists the segments that the compaction concerns, as they are.
func (c *compactionPass) segments() []*segment {
	p := c.partition
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []*segment
	for _, s := range p.segments {
		if !s.closed || s.next > c.compaction.Before {
			break
		}
		list = append(list, s)
	}
	return list
}

// run does one pass: it gathers the keys from the first offset that was not in a
// pass, then goes over all segments.
func (c *compactionPass) run() (more bool, err error) {
	segments := c.segments()
	if len(segments) == 0 || segments[len(segments)-1].next <= c.from {
		return false, nil
	}
	c.from = max(c.from, segments[0].base)
	end := segments[len(segments)-1].next
	if err := c.gather(segments, end); err != nil {
		return false, err
	}
	p := c.partition
	p.mu.Lock()
	p.compactedBefore = max(p.compactedBefore, c.to)
	p.mu.Unlock()
	for len(segments) > 0 && segments[0].base < c.to {
		n := c.group(segments)
		if err := c.rewrite(segments[:n]); err != nil {
			return false, err
		}
		segments = segments[n:]
	}
	c.from = c.to
	clear(c.offsets)
	return c.from < end, nil
}

// gather notes the last offsets of keys from c.from on, and up to where it came.
func (c *compactionPass) gather(segments []*segment, end int64) error {
	c.to = end
	for _, s := range segments {
		if s.next <= c.from {
			continue
		}
		full := false
		err := c.walk(s, func(batch *Batch) (bool, error) {
			records := batch.Records()
			for records.Next() {
				r := records.Record()
				if r.Key == nil || r.Offset < c.from {
					continue
				}
				key := c.hash(r.Key)
				if _, known := c.offsets[key]; !known && len(c.offsets) >= c.compaction.MaxKeys {
					c.to, full = r.Offset, true
					return false, nil
				}
				c.offsets[key] = r.Offset
			}
			return true, records.Err()
		})
		if err != nil || full {
			return err
		}
	}
	return nil
}

// walk passes the batches of a segment to visit, until visit returns false.
func (c *compactionPass) walk(s *segment, visit func(batch *Batch) (more bool, err error)) error {
	const piece = 1 << 20
	if c.buf == nil {
		c.buf = make([]byte, piece)
	}
	p := c.partition
	p.mu.RLock()
	reader := p.reader(s)
	p.mu.RUnlock()
	defer reader.release()
	if err := reader.openData(); err != nil {
		if errors.Is(err, fs.ErrNotExist) && p.removed(s) {
			return errRemoved
		}
		return err
	}
	return reader.walk(reader.data, reader.path, 0, reader.base, c.buf, func(position int64, batch *Batch) (bool, error) {
		c.result.BytesRead += int64(len(batch.Raw))
		if c.result.BytesRead-c.rested >= piece {
			c.rested = c.result.BytesRead
			c.compaction.Rest()
		}
		if p.closing.Load() {
			return false, ErrClosed
		}
		if err := c.ctx.Err(); err != nil {
			return false, err
		}
		more, err := visit(batch)
		return more, inFile(err, reader.path, position)
	})
}

// group returns how many of the segments are to become one: as many as fit, even
// if nothing were removed.
func (c *compactionPass) group(segments []*segment) int {
	size := segments[0].size
	for n, s := range segments[1:] {
		size += s.size
		if size > c.partition.options.SegmentBytes || s.next-segments[0].base > maxSegmentOffsets || s.base >= c.to {
			return n + 1
		}
	}
	return len(segments)
}

// keeps tells whether a record stays.
func (c *compactionPass) keeps(r *Record) (bool, error) {
	if r.Key == nil || r.Offset >= c.to {
		return true, nil
	}
	if last, known := c.offsets[c.hash(r.Key)]; known && last > r.Offset {
		return false, nil
	}
	if r.Timestamp >= c.compaction.TombstonesBefore {
		return true, nil
	}
	tombstone, err := r.tombstone()
	return !tombstone, err
}

// tombstone tells whether a record is the end of its key.
func (r *Record) tombstone() (bool, error) {
	if r.Value == nil {
		return true, nil
	}
	if len(r.headers) == 1 {
		return false, nil // the usual case: a count of zero
	}
	headers, err := r.AppendHeaders(nil)
	return slices.ContainsFunc(headers, func(h RecordHeader) bool { return h.Key == TombstoneHeader }), err
}

// rewrite puts one segment with what stays of several in their place.
func (c *compactionPass) rewrite(old []*segment) error {
	p := c.partition
	first, last := old[0], old[len(old)-1]
	name := segmentName{base: first.base}
	var before, size int64
	clean := true
	for _, s := range old {
		name.generation = max(name.generation, s.generation+1)
		before += s.records
		size += s.size
		clean = clean && s.compacted
	}
	w := &compactedSegment{segment: newSegment(p.options.FS, p.options.Dir, name), options: &p.options, covered: first.base}
	w.segment.compacted = last.next <= c.to
	err := w.create()
	for _, s := range old {
		if err == nil {
			err = c.walk(s, func(batch *Batch) (bool, error) { return true, w.take(batch, c.keeps) })
		}
	}
	if err == nil {
		err = w.finish(last.next)
	}
	if err == nil && len(old) == 1 && w.segment.records == before && clean {
		return w.discard() // there is nothing to gain
	}
	if err == nil {
		err = p.replace(old, w.segment)
	}
	if err != nil {
		if p.inDoubt == nil {
			_ = w.discard() // what is left is removed when the partition is opened
		}
		return err
	}
	c.result.Records += before - w.segment.records
	c.result.Bytes += size - w.segment.size
	return nil
}
