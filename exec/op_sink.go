package exec

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"millrace/planner/plan"
	"millrace/sql/types"
	"millrace/tables"
)

// tableSink keeps a derived table equal to what its input's changes add up to,
// and tells what changed in the table. Changes to one key within a turn are
// consolidated.
//
// Invariant: of a keyed table, the input never holds two rows of one key; the
// old row of a key comes before its new one.
type tableSink struct {
	codec *relationCodec
	// emit takes the table's own changes of the turn, at most one per key and
	// sign, and of a bag the multiplicities that they leave.
	emit func(t *turn, changes *types.Batch, remaining []int64)

	keys    map[string]int32
	changes []keyChange
	rows    *types.Batch
	scratch []byte

	// keep is set where rows go some time after their windows' end, without a
	// deletion that anyone is told of: those of windows that end at or before kept
	// are gone.
	keep *plan.Closing
	kept int64
}

// keyChange is what a turn does to one key: rows are numbers in tableSink.rows,
// -1 for none. For a bag, net is the change of the multiplicity of row new.
type keyChange struct {
	key      string
	old, new int32
	net      int64
}

func newTableSink(codec *relationCodec, emit func(*turn, *types.Batch, []int64)) *tableSink {
	return &tableSink{codec: codec, emit: emit, keys: map[string]int32{}, kept: noTime}
}

func (s *tableSink) process(t *turn, in *types.Batch) {
	if s.rows == nil {
		s.rows = types.NewBatch(s.codec.columns)
	}
	base := int32(s.rows.Len)
	for c := range s.rows.Columns {
		s.rows.Columns[c].AppendAll(&in.Columns[c])
	}
	s.rows.Len += in.Len
	for i := range in.Len {
		s.scratch = s.codec.appendKey(s.scratch[:0], in, i)
		n, known := s.keys[string(s.scratch)]
		if !known {
			n = int32(len(s.changes))
			key := string(s.scratch)
			s.keys[key] = n
			s.changes = append(s.changes, keyChange{key: key, old: -1, new: -1})
		}
		s.changes[n].apply(base+int32(i), in.Weight(i), s.codec.relation.Bag)
	}
}

func (c *keyChange) apply(row int32, weight int64, bag bool) {
	switch {
	case bag:
		c.net += weight
		c.new = row
	case weight > 0:
		c.new = row
	case c.new >= 0:
		c.new = -1
	case c.old < 0:
		c.old = row
	}
}

func (s *tableSink) finish(t *turn) {
	s.writeChanges(t)
	if s.keep != nil && t.failed == nil {
		s.deleteOld(t)
	}
}

// deleteOld deletes the rows of windows that are kept no longer: one range, since
// the key begins with the window's end.
func (s *tableSink) deleteOld(t *turn) {
	end := lastEnd(s.keep, saturated(t.time.at, -s.keep.Keep))
	if end <= s.kept {
		return
	}
	s.kept = end
	prefix := tables.AppendRowKey(nil, uint64(s.codec.relation.ID), nil)
	t.write.DeleteRange(prefix, types.AppendKey(slices.Clone(prefix), types.TimestampTZ, types.IntDatum(end+1)))
}

func (s *tableSink) writeChanges(t *turn) {
	if len(s.changes) == 0 {
		return
	}
	out := types.NewBatch(s.codec.columns)
	var remaining []int64
	if s.codec.relation.Bag {
		remaining = s.finishBag(t, out)
	} else {
		s.finishKeyed(t, out)
	}
	clear(s.keys)
	s.changes = s.changes[:0]
	s.rows = nil
	if out.Len > 0 && t.failed == nil {
		s.emit(t, out, remaining)
	}
}

func (s *tableSink) finishKeyed(t *turn, out *types.Batch) {
	for i := range s.changes {
		c := &s.changes[i]
		if c.old < 0 && c.new < 0 || c.old >= 0 && c.new >= 0 && s.equalRows(c.old, c.new) {
			continue
		}
		s.scratch = s.codec.appendStorageKey(s.scratch[:0])
		s.scratch = append(s.scratch, c.key...)
		if c.old >= 0 {
			appendChange(out, s.rows, c.old, -1)
		}
		if c.new < 0 {
			t.write.Delete(s.scratch)
			continue
		}
		appendChange(out, s.rows, c.new, 1)
		keyLen := len(s.scratch)
		s.scratch = s.codec.row.AppendRow(s.scratch, s.rows, int(c.new))
		t.write.Set(s.scratch[:keyLen], s.scratch[keyLen:])
	}
}

func (s *tableSink) equalRows(i, j int32) bool {
	return sameRow(s.rows.Columns, int(i), s.rows.Columns, int(j))
}

// finishBag adds the net changes to the stored multiplicities, read in key
// order, and returns what they are then.
func (s *tableSink) finishBag(t *turn, out *types.Batch) []int64 {
	slices.SortFunc(s.changes, func(x, y keyChange) int { return compareStrings(x.key, y.key) })
	keys := make([][]byte, len(s.changes))
	for i := range s.changes {
		keys[i] = append(s.codec.appendStorageKey(nil), s.changes[i].key...)
	}
	counts := make([]int64, len(keys))
	err := t.state.GetSorted(keys, func(i int, value []byte, found bool) error {
		if !found {
			return nil
		}
		var err error
		counts[i], _, err = splitMultiplicity(value)
		return err
	})
	if err != nil {
		t.fail(err)
		return nil
	}
	var remaining []int64
	for i := range s.changes {
		c := &s.changes[i]
		if c.net == 0 {
			continue
		}
		appendChange(out, s.rows, c.new, c.net)
		remaining = append(remaining, counts[i]+c.net)
		if counts[i]+c.net <= 0 {
			t.write.Delete(keys[i])
			continue
		}
		s.scratch = binary.AppendUvarint(s.scratch[:0], uint64(counts[i]+c.net))
		s.scratch = s.codec.row.AppendRow(s.scratch, s.rows, int(c.new))
		t.write.Set(keys[i], s.scratch)
	}
	return remaining
}

// appendChange appends row i of rows to out with a weight; out's weights are
// always set.
func appendChange(out, rows *types.Batch, i int32, weight int64) {
	for c := range out.Columns {
		out.Columns[c].AppendFrom(&rows.Columns[c], int(i))
	}
	out.Weights = append(out.Weights, weight)
	out.Len++
}

// streamSink appends its input's rows to a derived stream.
type streamSink struct {
	emit func(t *turn, rows *types.Batch)
	rows *types.Batch
}

func (s *streamSink) process(t *turn, in *types.Batch) {
	if s.rows == nil {
		s.rows = types.NewBatch(columnTypesOf(in))
	}
	for c := range s.rows.Columns {
		s.rows.Columns[c].AppendAll(&in.Columns[c])
	}
	s.rows.Rowtimes = append(s.rows.Rowtimes, in.Rowtimes...)
	s.rows.Len += in.Len
	s.rows.AppendHeadersOf(in)
}

func (s *streamSink) finish(t *turn) {
	if s.rows != nil && t.failed == nil {
		s.emit(t, s.rows)
	}
	s.rows = nil
}

func columnTypesOf(b *types.Batch) []types.Type {
	out := make([]types.Type, len(b.Columns))
	for i := range b.Columns {
		out[i] = b.Columns[i].Type
	}
	return out
}

// shuffleOut parts its input by the hash of the key columns and hands each
// shard's rows on, one batch per shard and turn.
type shuffleOut struct {
	keys       []int
	partitions int
	emit       func(t *turn, shard int, sent arrival)
	parts      []*types.Batch
	scratch    []byte
	// closing is set where the receivers close windows by stream time, and told is
	// what each of them was told last.
	closing *plan.Closing
	told    []streamTime
	// pause is how long a receiver that gets no rows waits for the next word about
	// time, and toldAt when each had the last one.
	pause  time.Duration
	toldAt []time.Time
}

// tellEvery is the pause where windows end at any instant.
const tellEvery = 100 * time.Millisecond

// tell has the receivers told of stream time.
func (s *shuffleOut) tell(closing *plan.Closing, pause time.Duration) {
	s.closing, s.pause = closing, pause
	s.told, s.toldAt = make([]streamTime, s.partitions), make([]time.Time, s.partitions)
	for p := range s.told {
		s.told[p].at = noTime
	}
}

func (s *shuffleOut) process(t *turn, in *types.Batch) {
	if s.parts == nil {
		s.parts = make([]*types.Batch, s.partitions)
	}
	selections := make([][]int32, s.partitions)
	for i := range in.Len {
		s.scratch = appendColumnsKey(s.scratch[:0], in, s.keys, i)
		p := types.PartitionOf(s.scratch, s.partitions)
		selections[p] = append(selections[p], int32(i))
	}
	for p, selection := range selections {
		if len(selection) == 0 {
			continue
		}
		if s.parts[p] == nil {
			s.parts[p] = in.Select(selection)
			continue
		}
		appendBatch(s.parts[p], in.Select(selection))
	}
}

// appendBatch appends the rows of in to b, which has the same columns, with their
// headers. Event times and offsets stay where both have them.
func appendBatch(b, in *types.Batch) {
	if in.Weights != nil || b.Weights != nil {
		b.Weights = append(allWeights(b), allWeights(in)...)
	}
	b.Rowtimes = appendWhereBoth(b.Rowtimes, in.Rowtimes, b.Len)
	b.Offsets = appendWhereBoth(b.Offsets, in.Offsets, b.Len)
	for c := range b.Columns {
		b.Columns[c].AppendAll(&in.Columns[c])
	}
	b.Len += in.Len
	b.AppendHeadersOf(in)
}

// appendWhereBoth appends what rows have to what the n rows before them have; nil
// where either have nothing.
func appendWhereBoth(all, more []int64, n int) []int64 {
	if more == nil || all == nil && n > 0 {
		return nil
	}
	return append(all, more...)
}

func allWeights(b *types.Batch) []int64 {
	if b.Weights != nil {
		return b.Weights
	}
	return slices.Repeat([]int64{1}, b.Len)
}

func (s *shuffleOut) finish(t *turn) {
	for p := range s.partitions {
		var sent arrival
		if s.parts != nil {
			sent.rows, s.parts[p] = s.parts[p], nil
		}
		if s.closing != nil && (sent.rows != nil || s.tells(t, p)) {
			sent.timed, sent.time, s.told[p], s.toldAt[p] = true, t.time, t.time, t.now
		}
		if t.failed == nil && (sent.rows != nil || sent.timed) {
			s.emit(t, p, sent)
		}
	}
}

// tells reports whether a receiver that gets no rows must hear of the time now. What
// it must hear a little later it is told then.
func (s *shuffleOut) tells(t *turn, p int) bool {
	if !matters(s.closing, s.told[p], t.time) {
		return false
	}
	due := s.toldAt[p].Add(s.pause)
	if s.pause > 0 && t.time.idle == s.told[p].idle && t.now.Before(due) {
		t.wakeAt(due)
		return false
	}
	return true
}

// arrival is what a shuffle carries from a stage on one shard to one on another:
// rows, the sender's stream time, or both.
//
//	sender u · timed u8 · [idleness u8 · time varint] · [batch]
type arrival struct {
	rows  *types.Batch // nil for none
	from  int
	timed bool
	time  streamTime
}

func (a *arrival) append(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(a.from))
	if a.timed {
		buf = a.time.append(append(buf, 1))
	} else {
		buf = append(buf, 0)
	}
	if a.rows != nil {
		buf = types.AppendBatch(buf, a.rows)
	}
	return buf
}

var errBadArrival = errors.New("damaged rows of a shuffle")

func decodeArrival(data []byte, columns []types.Type) (arrival, error) {
	r := uvarintReader{data: data}
	a := arrival{from: int(r.next())}
	if r.bad || len(r.data) == 0 {
		return a, errBadArrival
	}
	a.timed, r.data = r.data[0] == 1, r.data[1:]
	if a.timed {
		a.time = r.streamTime()
	}
	if r.bad {
		return a, errBadArrival
	}
	if len(r.data) == 0 {
		return a, nil
	}
	var err error
	a.rows, err = types.DecodeBatch(r.data, columns)
	return a, err
}
