package operator

import (
	"hash/maphash"
	"math/bits"
	"unsafe"

	"millrace/sql/types"
)

// each looks up the keys of the selected rows, making groups where insert says
// so.
func (g *Groups) each(keys []*types.Vector, rows int, selection []int32, out []int32, insert bool) {
	out = out[:rows]
	if selection != nil {
		for i := range out {
			out[i] = NoGroup
		}
	}
	switch g.form {
	case formNone:
		g.eachWithoutKey(selection, out, insert)
	case formInt:
		g.eachInt(keys[0], selection, out, insert)
	case formText:
		g.eachText(keys[0], selection, out, insert)
	default:
		g.eachEncoded(keys, selection, out, insert)
	}
}

// eachWithoutKey puts all rows into one group, whose number is kept in null.
func (g *Groups) eachWithoutKey(selection []int32, out []int32, insert bool) {
	if len(out) == 0 || selection != nil && len(selection) == 0 {
		return
	}
	group := g.nullGroup(insert)
	if selection == nil {
		for i := range out {
			out[i] = group
		}
		return
	}
	for _, i := range selection {
		out[i] = group
	}
}

func (g *Groups) eachInt(key *types.Vector, selection []int32, out []int32, insert bool) {
	values := key.Ints
	nulls := key.HasNulls()
	if selection == nil {
		for i := range out {
			if nulls && key.IsNull(i) {
				out[i] = g.nullGroup(insert)
			} else {
				out[i] = g.intGroup(values[i], insert)
			}
		}
		return
	}
	for _, i := range selection {
		if nulls && key.IsNull(int(i)) {
			out[i] = g.nullGroup(insert)
		} else {
			out[i] = g.intGroup(values[i], insert)
		}
	}
}

func (g *Groups) eachText(key *types.Vector, selection []int32, out []int32, insert bool) {
	values := key.Strs
	nulls := key.HasNulls()
	if selection == nil {
		for i := range out {
			if nulls && key.IsNull(i) {
				out[i] = g.nullGroup(insert)
			} else {
				out[i] = g.textGroup(bytesOf(values[i]), insert)
			}
		}
		return
	}
	for _, i := range selection {
		if nulls && key.IsNull(int(i)) {
			out[i] = g.nullGroup(insert)
		} else {
			out[i] = g.textGroup(bytesOf(values[i]), insert)
		}
	}
}

func (g *Groups) eachEncoded(keys []*types.Vector, selection []int32, out []int32, insert bool) {
	buf := g.scratch
	if selection == nil {
		for i := range out {
			buf = encodeKey(buf[:0], keys, i)
			out[i] = g.textGroup(buf, insert)
		}
	}
	for _, i := range selection {
		buf = encodeKey(buf[:0], keys, int(i))
		out[i] = g.textGroup(buf, insert)
	}
	g.scratch = buf
}

func encodeKey(buf []byte, keys []*types.Vector, row int) []byte {
	for _, key := range keys {
		buf = types.AppendKeyFrom(buf, key, row)
	}
	return buf
}

// nullGroup is the group of the NULL key, or the only one where there are no
// key columns.
func (g *Groups) nullGroup(insert bool) int32 {
	if g.null == NoGroup && insert {
		g.null = g.newGroup()
	}
	return g.null
}

func (g *Groups) intGroup(value int64, insert bool) int32 {
	hash := g.hashInt(value)
	if len(g.table) > 0 {
		mask := uint32(len(g.table) - 1)
		for at := hash & mask; ; at = (at + 1) & mask {
			entry := g.table[at]
			if entry == 0 {
				break
			}
			if group := groupOf(entry); uint32(entry>>32) == hash && g.ints[group] == value {
				return group
			}
		}
	}
	if !insert {
		return NoGroup
	}
	group := g.newGroup()
	g.ints[group] = value
	g.link(hash, group)
	return group
}

func (g *Groups) textGroup(key []byte, insert bool) int32 {
	hash := uint32(maphash.Bytes(g.seed, key))
	if len(g.table) > 0 {
		mask := uint32(len(g.table) - 1)
		for at := hash & mask; ; at = (at + 1) & mask {
			entry := g.table[at]
			if entry == 0 {
				break
			}
			if group := groupOf(entry); uint32(entry>>32) == hash && g.texts[group] == string(key) {
				return group
			}
		}
	}
	if !insert {
		return NoGroup
	}
	group := g.newGroup()
	g.texts[group] = g.keep(key)
	g.link(hash, group)
	return group
}

// newGroup takes a number for a group: one that was removed, or the next.
func (g *Groups) newGroup() int32 {
	g.live++
	group := g.slots
	if n := len(g.removed); n > 0 {
		group = g.removed[n-1]
		g.removed = g.removed[:n-1]
	} else {
		g.slots++
		switch g.form {
		case formInt:
			g.ints = append(g.ints, 0)
		case formText, formEncode:
			g.texts = append(g.texts, "")
		}
	}
	g.created = append(g.created, group)
	return group
}

// link enters a group into the table, which is kept at most half full.
func (g *Groups) link(hash uint32, group int32) {
	if 2*g.live > len(g.table) {
		g.grow()
	}
	place(g.table, uint64(hash)<<32|uint64(uint32(group+1)))
}

func (g *Groups) grow() {
	old := g.table
	g.table = make([]uint64, max(16, 2*len(old)))
	for _, entry := range old {
		if entry != 0 {
			place(g.table, entry)
		}
	}
}

func place(table []uint64, entry uint64) {
	mask := uint32(len(table) - 1)
	at := uint32(entry>>32) & mask
	for table[at] != 0 {
		at = (at + 1) & mask
	}
	table[at] = entry
}

// unlink takes a group out of the table and moves later entries of its run back,
// so that no lookup meets a gap.
func (g *Groups) unlink(group int32) {
	var hash uint32
	if g.form == formInt {
		hash = g.hashInt(g.ints[group])
	} else {
		hash = uint32(maphash.Bytes(g.seed, bytesOf(g.texts[group])))
	}
	mask := uint32(len(g.table) - 1)
	gap := hash & mask
	for groupOf(g.table[gap]) != group {
		gap = (gap + 1) & mask
	}
	for at := (gap + 1) & mask; g.table[at] != 0; at = (at + 1) & mask {
		home := uint32(g.table[at]>>32) & mask
		if (at-home)&mask >= (at-gap)&mask {
			g.table[gap] = g.table[at]
			gap = at
		}
	}
	g.table[gap] = 0
}

func (g *Groups) hashInt(value int64) uint32 {
	high, low := bits.Mul64(uint64(value)^g.mix, 0x9E3779B97F4A7C15)
	return uint32(high ^ low ^ low>>32)
}

func groupOf(entry uint64) int32 { return int32(uint32(entry)) - 1 }

// bytesOf returns the bytes of s, which must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
