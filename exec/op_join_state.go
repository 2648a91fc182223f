package exec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"millrace/sql/expr"
	"millrace/sql/types"
	"millrace/tables"
)

// joinSide keeps the rows of one input of a join, by join key.
//
// Stored form: the state key of the join's operator, the side (0 left, 1
// right), the values of the join key in the key encoding, and what tells the
// key's rows apart; the value is the row's multiplicity, its number of matches and
// its event time (uvarints, the last zigzag) and the row. Rows are told apart by the input's key, or where it has
// none by a hash of the whole row, so that a row's retraction finds it.
//
// Invariants:
//   - groups are the stored rows of some join keys, all of a key's or none, in
//     order, as of the last turn's end; changed is what the turn at work has done
//     to rows. Where there is no store, groups holds all rows.
//   - A row's matches are the rows of the other side that the condition joins with
//     it, with their multiplicities; they are kept where the side's unmatched says
//     so, and 0 elsewhere.
type joinSide struct {
	state   []byte // the state key up to the join key
	keys    []*expr.Program
	columns []types.Type
	row     *types.RowCodec
	// rowKey are the columns that tell rows apart; nil for all.
	rowKey []int
	// kept says that the side's rows are stored: those of a stream that meets a
	// table are not.
	kept bool
	// unmatched says what the join does with a row of this side that has no match.
	unmatched unmatched

	inMemory bool
	groups   map[string]joinRows
	cached   int // rows in groups
	changed  map[string]map[string]*joinChange
	order    []*joinChange
	scratch  []byte
}

// unmatched is what becomes of a side's rows besides being joined.
type unmatched uint8

const (
	// unmatchedDropped: nothing, an inner join's.
	unmatchedDropped unmatched = iota
	// unmatchedGiven: the row is given, with NULLs for the other side, while it has
	// no match: an outer join's, or an anti join's left side.
	unmatchedGiven
	// matchedGiven: the row is given once while it has a match: a semi join's.
	matchedGiven
	// matchMarked: the row is given once, with whether it has a match: a mark join's.
	matchMarked
)

// gives reports whether a row of the side is given for itself, while it has a
// match, or while it has none.
func (s *joinSide) gives(matched bool) bool {
	return s.unmatched == matchMarked || matched && s.unmatched == matchedGiven || !matched && s.unmatched == unmatchedGiven
}

// joinRow is a row of one side.
type joinRow struct {
	id, row        string
	count, matches int64
	// rowtime is the row's event time where rows of the side have one.
	rowtime int64
}

// joinChange is what a turn does to a row: joinRow as it is now, and as it is
// stored.
type joinChange struct {
	joinRow
	key    string
	before joinRow
}

const (
	// cachedGroupRows bounds the rows of a join key that are kept in memory between
	// turns, and cachedJoinRows those of one side in all.
	cachedGroupRows = 64
	cachedJoinRows  = 1 << 16
)

// change adds weight to the multiplicity of a row. matches are those that it has
// now.
func (s *joinSide) change(t *turn, key string, in *types.Batch, i int, weight, matches int64) error {
	encoded := s.row.AppendRow(nil, in, i)
	s.scratch = appendRowIdentity(s.scratch[:0], in, i, s.rowKey, encoded)
	c, err := s.find(t, key, s.scratch)
	if err != nil {
		return err
	}
	c.count += weight
	if weight > 0 || c.row == "" {
		c.row = string(encoded)
		if in.Rowtimes != nil {
			c.rowtime = in.Rowtimes[i]
		}
	}
	c.matches = 0
	if s.unmatched != unmatchedDropped {
		c.matches = matches
	}
	return nil
}

// find returns the change of a row, which need not exist.
func (s *joinSide) find(t *turn, key string, id []byte) (*joinChange, error) {
	if c := s.changed[key][string(id)]; c != nil {
		return c, nil
	}
	row := joinRow{id: string(id)}
	if group, known := s.groups[key]; known || s.inMemory {
		if stored, found := group.find(row.id); found {
			row = stored
		}
		return s.touch(key, row), nil
	}
	stored, found, err := t.state.Get(s.storedKey(nil, key, row.id), nil)
	if err != nil {
		return nil, fmt.Errorf("read the state of a join: %w", err)
	}
	if found {
		if row, err = decodeJoinRow(row.id, stored); err != nil {
			return nil, err
		}
	}
	return s.touch(key, row), nil
}

// touch returns the change of a row that was read.
func (s *joinSide) touch(key string, row joinRow) *joinChange {
	rows := s.changed[key]
	if rows == nil {
		rows = map[string]*joinChange{}
		s.changed[key] = rows
	}
	c := rows[row.id]
	if c == nil {
		c = &joinChange{joinRow: row, key: key, before: row}
		rows[row.id] = c
		s.order = append(s.order, c)
	}
	return c
}

// read returns rows of a join key in the order of their ids, those behind an id
// (from the first, where begun is false), about limit of them; more says that
// others may follow, behind the id last, which may be of a row that the turn has
// taken away. The slice is valid until the turn's end and must not be changed.
func (s *joinSide) read(t *turn, key, after string, begun bool, limit int) (rows []joinRow, last string, more bool, err error) {
	if group, known := s.groups[key]; known || s.inMemory {
		rows, more = group.read(after, begun, limit)
	} else if rows, more, err = s.readStored(t, key, after, begun, limit); err != nil {
		return nil, "", false, err
	}
	if more {
		last = rows[len(rows)-1].id
	}
	changed := s.changed[key]
	if len(changed) == 0 {
		return rows, last, more, nil
	}
	return mergeChanges(rows, changed, after, begun, more), last, more, nil
}

// readFrom returns rows of a join key whose ids are greater than after. Where they are
// few all are read first, so that they stay in memory.
func (s *joinSide) readFrom(t *turn, key, after string, limit int) (rows []joinRow, last string, more bool, err error) {
	if _, known := s.groups[key]; !known && !s.inMemory && t.state != nil {
		if _, _, err = s.readStored(t, key, "", false, cachedGroupRows); err != nil {
			return nil, "", false, err
		}
	}
	return s.read(t, key, after, true, limit)
}

// forget deletes the rows of join keys before one.
func (s *joinSide) forget(t *turn, end string) {
	if t.write != nil {
		t.write.DeleteRange(s.storedKey(nil, "", ""), s.storedKey(nil, end, ""))
	}
	for key, group := range s.groups {
		if key < end {
			delete(s.groups, key)
			s.cached -= group.len + 1
		}
	}
}

// mergeChanges lays a turn's changes over stored rows: those behind after and,
// where more rows follow, up to the last one read.
func mergeChanges(rows []joinRow, changed map[string]*joinChange, after string, begun, more bool) []joinRow {
	merged := make([]joinRow, 0, len(rows)+len(changed))
	for _, row := range rows {
		if changed[row.id] == nil {
			merged = append(merged, row)
		}
	}
	for id, c := range changed {
		behind := !begun || id > after
		within := !more || id <= rows[len(rows)-1].id
		if c.count != 0 && behind && within {
			merged = append(merged, c.joinRow)
		}
	}
	slices.SortFunc(merged, func(x, y joinRow) int { return strings.Compare(x.id, y.id) })
	return merged
}

// readStored reads rows of a join key from the store, and keeps them in memory
// where they are all and few.
func (s *joinSide) readStored(t *turn, key, after string, begun bool, limit int) (rows []joinRow, more bool, err error) {
	prefix := s.storedKey(nil, key, "")
	from := prefix
	if begun {
		from = append(s.storedKey(nil, key, after), 0)
	}
	it, err := t.state.Scan(from, tables.PrefixEnd(nil, prefix))
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	for it.Next() {
		if len(rows) == limit {
			return rows, true, nil
		}
		row, err := decodeJoinRow(string(it.Key()[len(prefix):]), it.Value())
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, row)
	}
	if err := it.Err(); err != nil {
		return nil, false, fmt.Errorf("read the state of a join: %w", err)
	}
	if !begun && len(rows) <= cachedGroupRows {
		s.cache(key, rows)
	}
	return rows, false, nil
}

// cache keeps the stored rows of a join key in memory. When there are too many,
// all are let go, which costs little where keys come again soon.
func (s *joinSide) cache(key string, rows []joinRow) {
	if s.cached+len(rows)+1 > cachedJoinRows {
		clear(s.groups)
		s.cached = 0
	}
	s.groups[key] = newJoinRows(rows)
	s.cached += len(rows) + 1
}

// finish stores what the turn has changed.
func (s *joinSide) finish(t *turn) {
	for _, c := range s.order {
		if c.joinRow == c.before {
			continue
		}
		if t.write != nil {
			s.write(t, c)
		}
		if group, known := s.groups[c.key]; known || s.inMemory {
			s.regroup(group, c)
		}
	}
	clear(s.changed)
	s.order = s.order[:0]
}

func (s *joinSide) write(t *turn, c *joinChange) {
	s.scratch = s.storedKey(s.scratch[:0], c.key, c.id)
	if c.count == 0 {
		t.write.Delete(s.scratch)
		return
	}
	keyLen := len(s.scratch)
	s.scratch = binary.AppendUvarint(s.scratch, uint64(c.count))
	s.scratch = binary.AppendUvarint(s.scratch, uint64(c.matches))
	s.scratch = binary.AppendVarint(s.scratch, c.rowtime)
	s.scratch = append(s.scratch, c.row...)
	t.write.Set(s.scratch[:keyLen], s.scratch[keyLen:])
}

// regroup brings a group in memory up to date with a change.
func (s *joinSide) regroup(group joinRows, c *joinChange) {
	size := group.len
	if c.count == 0 {
		group.remove(c.id)
	} else {
		group.put(c.joinRow)
	}
	s.cached += group.len - size
	switch {
	case !s.inMemory && group.len > cachedGroupRows:
		delete(s.groups, c.key)
		s.cached -= group.len + 1
	case s.inMemory && group.len == 0:
		delete(s.groups, c.key)
	default:
		s.groups[c.key] = group
	}
}

func (s *joinSide) storedKey(buf []byte, key, id string) []byte {
	buf = append(buf, s.state...)
	buf = append(buf, key...)
	return append(buf, id...)
}

func decodeJoinRow(id string, stored []byte) (joinRow, error) {
	in := uvarintReader{data: stored}
	row := joinRow{id: id, count: int64(in.next()), matches: int64(in.next())}
	row.rowtime = in.varint()
	if in.bad || row.count == 0 {
		return row, fmt.Errorf("damaged row in the state of a join")
	}
	row.row = string(in.data)
	return row, nil
}
