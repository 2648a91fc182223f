package session

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"millrace/sql/sqlerr"
)

// checkText refuses bytes that are no text: invalid UTF-8, and zero bytes.
func checkText(data []byte) error {
	if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 {
		return nil
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == 0 {
			return invalidBytes(data[i : i+1])
		}
		if r == utf8.RuneError && size <= 1 {
			return invalidBytes(data[i:min(len(data), i+sequenceLength(data[i]))])
		}
		i += size
	}
	return nil
}

// sequenceLength returns how many bytes a UTF-8 sequence has that begins with
// ch.
func sequenceLength(ch byte) int {
	switch {
	case ch&0xe0 == 0xc0:
		return 2
	case ch&0xf0 == 0xe0:
		return 3
	case ch&0xf8 == 0xf0:
		return 4
	default:
		return 1
	}
}

func invalidBytes(data []byte) error {
	var list strings.Builder
	for i, ch := range data {
		if i > 0 {
			list.WriteByte(' ')
		}
		fmt.Fprintf(&list, "0x%02x", ch)
	}
	return sqlerr.New(sqlerr.CharacterNotInRepertoire, -1, "invalid byte sequence for encoding \"UTF8\": %s", list.String())
}

// shownBytes is how much of a value or line error messages show.
const shownBytes = 100

// shortText returns data as messages show it: cut to 100 bytes, at a character.
func shortText(data []byte) string {
	if len(data) <= shownBytes {
		return string(bytes.ToValidUTF8(data, []byte("?")))
	}
	cut := shownBytes
	for cut > 0 && !utf8.RuneStart(data[cut]) {
		cut--
	}
	return string(bytes.ToValidUTF8(data[:cut], []byte("?"))) + "..."
}
