package types

import "encoding/binary"

// zigZag maps signed numbers to unsigned ones so that those near zero are
// small: 0, -1, 1, -2 become 0, 1, 2, 3.
func zigZag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unZigZag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// appendUvarint is binary.AppendUvarint with the common case of one byte inlined.
func appendUvarint(buf []byte, v uint64) []byte {
	if v < 0x80 {
		return append(buf, byte(v))
	}
	return binary.AppendUvarint(buf, v)
}

// stringUvarint is binary.Uvarint for strings: it returns the value and the
// bytes read, which is 0 when s ends too soon and negative when the number does
// not fit in 64 bits.
func stringUvarint(s string) (uint64, int) {
	var v uint64
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b < 0x80 {
			if i == 9 && b > 1 {
				return 0, -(i + 1)
			}
			return v | uint64(b)<<(7*uint(i)), i + 1
		}
		if i == 9 {
			return 0, -(i + 1)
		}
		v |= uint64(b&0x7f) << (7 * uint(i))
	}
	return 0, 0
}

// magnitude returns |v|.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func compareInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}
