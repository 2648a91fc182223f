package pull

import (
	"bytes"
	"encoding/binary"
	"math"

	"millrace/planner/plan"
	"millrace/sql/types"
)

// sortOrder is how one key of a sort orders.
type sortOrder struct {
	descending, nullsFirst bool
}

func sortOrders(keys []plan.SortKey) []sortOrder {
	orders := make([]sortOrder, len(keys))
	for i, key := range keys {
		orders[i] = sortOrder{descending: key.Descending, nullsFirst: key.NullsFirst}
	}
	return orders
}

// The first byte of a key's column places NULLs before or behind all values.
const (
	nullFirst byte = iota
	notNull
	nullLast
)

// appendSortKey appends the columns of a row's sort key in a form whose bytes
// order as the keys do.
func appendSortKey(buf []byte, keys []*types.Vector, orders []sortOrder, row int) []byte {
	for k, v := range keys {
		order := orders[k]
		if v.IsNull(row) {
			if order.nullsFirst {
				buf = append(buf, nullFirst)
			} else {
				buf = append(buf, nullLast)
			}
			continue
		}
		buf = append(buf, notNull)
		start := len(buf)
		buf = appendSortValue(buf, v, row)
		if order.descending {
			for i := start; i < len(buf); i++ {
				buf[i] = ^buf[i]
			}
		}
	}
	return buf
}

func appendSortValue(buf []byte, v *types.Vector, row int) []byte {
	switch v.Type.Physical() {
	case types.PhysicalInt:
		return binary.BigEndian.AppendUint64(buf, uint64(v.Ints[row])^1<<63)
	case types.PhysicalFloat:
		return binary.BigEndian.AppendUint64(buf, orderedFloat(v.Floats[row]))
	default:
		return types.AppendKeyFrom(buf, v, row)
	}
}

// orderedFloat maps floats to integers that order as PostgreSQL's floats do:
// the two zeros are equal, and NaN equals itself and is the largest.
func orderedFloat(f float64) uint64 {
	switch {
	case f != f:
		return math.MaxUint64
	case f == 0:
		return 1 << 63
	}
	bits := math.Float64bits(f)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// sortEntry is one row in a sort: the beginning of its key, for most
// comparisons, and its number.
type sortEntry struct {
	prefix uint64 // the eight bytes behind the first
	row    int32
	first  byte
}

// prefixLength is how much of a key an entry holds.
const prefixLength = 9

func newSortEntry(key []byte, row int32) sortEntry {
	e := sortEntry{row: row}
	if len(key) == 0 {
		return e
	}
	e.first = key[0]
	if len(key) >= prefixLength {
		e.prefix = binary.BigEndian.Uint64(key[1:])
		return e
	}
	var padded [8]byte
	copy(padded[:], key[1:])
	e.prefix = binary.BigEndian.Uint64(padded[:])
	return e
}

// compareKeys orders two entries by their keys, which are given whole as well.
func compareKeys(a, b sortEntry, keyA, keyB []byte) int {
	switch {
	case a.first != b.first:
		return int(a.first) - int(b.first)
	case a.prefix < b.prefix:
		return -1
	case a.prefix > b.prefix:
		return 1
	case len(keyA) <= prefixLength && len(keyA) == len(keyB):
		return 0
	}
	return bytes.Compare(keyA, keyB)
}
