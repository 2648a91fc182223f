package types

import (
	"strings"
	"unsafe"
)

// arenaBlock is the size of the blocks a StringArena allocates, in bytes.
const arenaBlock = 16 << 10

// StringArena copies many short strings into few allocations. The strings stay
// valid for ever; a block's memory is freed when none of its strings is
// reachable, so an arena should serve values that live and die together, such
// as those of one COPY message. The zero value is ready. It is not safe for
// concurrent use.
type StringArena struct {
	block []byte
}

// Copy returns s as a string that shares no memory with s.
func (a *StringArena) Copy(s []byte) string { return a.CopyString(aliasString(s)) }

// CopyString returns a copy of s that shares no memory with s. A nil arena
// allocates each copy by itself.
func (a *StringArena) CopyString(s string) string {
	if a == nil || len(s) > arenaBlock/4 {
		return strings.Clone(s)
	}
	if len(s) == 0 {
		return ""
	}
	if cap(a.block)-len(a.block) < len(s) {
		a.block = make([]byte, 0, arenaBlock)
	}
	start := len(a.block)
	a.block = append(a.block, s...)
	return aliasString(a.block[start:])
}

// aliasString returns a string that shares b's memory, which must never change
// afterwards.
func aliasString(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
