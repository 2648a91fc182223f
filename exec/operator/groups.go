package operator

import (
	"hash/maphash"
	"unsafe"

	"millrace/sql/types"
)

// NoGroup is the group of a row that has none.
const NoGroup int32 = -1

// keyForm is how the keys of a Groups are kept for comparison.
type keyForm uint8

const (
	formUnset  keyForm = iota
	formNone           // no key columns: one group
	formInt            // one column of integers
	formText           // one column of strings that are equal where their bytes are
	formEncode         // anything else, by the order-preserving encoding
)

// Groups numbers the distinct keys it is shown: 0, 1, 2 ... in the order in
// which they first appear. Two keys are one when their order-preserving
// encodings are equal, so NULL equals NULL and numeric 1.0 equals 1.00. The
// numbers index whatever the host keeps per group in columns.
//
// A long-lived host removes groups; their numbers are given to later keys. A
// Groups belongs to one goroutine. It copies the keys, so vectors shown to it
// may be reused.
type Groups struct {
	form    keyForm
	columns []types.Type
	seed    maphash.Seed
	mix     uint64

	// table is an open-addressing hash table with linear probing. An entry holds
	// 32 bits of hash above the group's number plus one; 0 is empty.
	table []uint64
	live  int
	slots int32

	// ints (formInt) and texts (formText: the string, formEncode: the encoded
	// key) hold each group's key for comparison.
	ints  []int64
	texts []string
	// encoded holds the encoded keys of formInt and formText once asked for.
	encoded []string
	null    int32 // the group of the NULL key in formInt and formText
	removed []int32
	created []int32

	arena      types.StringArena
	arenaBytes int
	liveBytes  int
	scratch    []byte
}

// NewGroups returns a Groups without groups.
func NewGroups() *Groups {
	seed := maphash.MakeSeed()
	return &Groups{seed: seed, mix: maphash.String(seed, "integer keys") | 1, null: NoGroup}
}

// Len returns the bound of the group numbers: every group is below it. It
// counts removed groups whose number was not given out again.
func (g *Groups) Len() int { return int(g.slots) }

// Live returns how many groups there are.
func (g *Groups) Live() int { return g.live }

// Bytes returns the approximate memory in use.
func (g *Groups) Bytes() int64 {
	const header = int(unsafe.Sizeof(""))
	return int64(8*cap(g.table) + 8*cap(g.ints) + header*(cap(g.texts)+cap(g.encoded)) + g.arenaBytes)
}

// Reset forgets all groups and the types of the keys, and keeps the table's
// memory.
func (g *Groups) Reset() {
	clear(g.table)
	clear(g.texts)
	clear(g.encoded)
	*g = Groups{
		seed: g.seed, mix: g.mix, null: NoGroup,
		table: g.table, ints: g.ints[:0], texts: g.texts[:0], encoded: g.encoded[:0],
		removed: g.removed[:0], created: g.created[:0], scratch: g.scratch[:0],
	}
}

// Assign finds or makes the group of each row's key and writes it to out, which
// has at least rows elements. Rows outside selection (nil: all rows; an empty one
// that is not nil: none) get NoGroup.
// The types of the keys must be the same in every call until Reset; without key
// columns all rows are one group.
//
// It returns the first new number: groups at or past it did not exist before the
// call. Where groups have been removed, a new group may also have an old number:
// Created lists all of them.
func (g *Groups) Assign(keys []*types.Vector, rows int, selection []int32, out []int32) (firstNew int32) {
	g.setForm(keys)
	g.created = g.created[:0]
	firstNew = g.slots
	g.each(keys, rows, selection, out, true)
	return firstNew
}

// Find writes the group of each row's key to out as Assign does, and NoGroup
// for keys that have none; it makes no groups.
func (g *Groups) Find(keys []*types.Vector, rows int, selection []int32, out []int32) {
	g.setForm(keys)
	g.each(keys, rows, selection, out, false)
}

// Created returns the groups that the last Assign made, in the order of their
// first rows. It is valid until the next call.
func (g *Groups) Created() []int32 { return g.created }

// Key returns the order-preserving encoding of a group's key: the encodings of
// its columns, one after the other. The group must exist.
func (g *Groups) Key(group int32) string {
	switch g.form {
	case formEncode:
		return g.texts[group]
	case formInt, formText:
		return g.lazyKey(group)
	default:
		return ""
	}
}

// lazyKey encodes a key of formInt or formText the first time it is asked for.
func (g *Groups) lazyKey(group int32) string {
	for len(g.encoded) <= int(group) {
		g.encoded = append(g.encoded, "")
	}
	if g.encoded[group] == "" {
		datum := types.Null
		switch {
		case group == g.null:
		case g.form == formInt:
			datum = types.IntDatum(g.ints[group])
		default:
			datum = types.StringDatum(g.texts[group])
		}
		g.scratch = types.AppendKey(g.scratch[:0], g.columns[0], datum)
		g.encoded[group] = g.keep(g.scratch)
	}
	return g.encoded[group]
}

// Remove forgets a group, which must exist. Its number is given to a key that
// comes later.
func (g *Groups) Remove(group int32) {
	switch {
	case g.form == formNone:
		g.null = NoGroup
	case group == g.null:
		g.null = NoGroup
	default:
		g.unlink(group)
	}
	g.live--
	g.removed = append(g.removed, group)
	if g.form == formText || g.form == formEncode {
		g.liveBytes -= len(g.texts[group])
		g.texts[group] = ""
	}
	if int(group) < len(g.encoded) {
		g.liveBytes -= len(g.encoded[group])
		g.encoded[group] = ""
	}
	if g.arenaBytes > 2*g.liveBytes+64<<10 {
		g.compact()
	}
}

// compact copies the keys that are left, so that the memory of removed ones can
// be freed.
func (g *Groups) compact() {
	g.arena, g.arenaBytes, g.liveBytes = types.StringArena{}, 0, 0
	for _, keys := range [][]string{g.texts, g.encoded} {
		for i, key := range keys {
			if key != "" {
				keys[i] = g.keep(unsafe.Slice(unsafe.StringData(key), len(key)))
			}
		}
	}
}

func (g *Groups) keep(key []byte) string {
	g.arenaBytes += len(key)
	g.liveBytes += len(key)
	return g.arena.Copy(key)
}

func (g *Groups) setForm(keys []*types.Vector) {
	if g.form != formUnset {
		return
	}
	for _, key := range keys {
		g.columns = append(g.columns, key.Type)
	}
	switch {
	case len(keys) == 0:
		g.form = formNone
	case len(keys) > 1:
		g.form = formEncode
	case keys[0].Type.Physical() == types.PhysicalInt:
		g.form = formInt
	case equalByBytes(keys[0].Type):
		g.form = formText
	default:
		g.form = formEncode
	}
}

// equalByBytes reports whether values of the type are equal exactly where their
// strings are.
func equalByBytes(t types.Type) bool {
	switch t.Kind {
	case types.KindText, types.KindVarchar, types.KindName, types.KindBytea, types.KindUUID:
		return true
	default:
		return false
	}
}
