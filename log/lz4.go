package log

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// The LZ4 frame format (LZ4 Frame Format Description, version 1.6.x), as Kafka
// uses it. Little endian.
//
//	frame := magic u32 · flags u8 · block descriptor u8 · [content size u64]
//	         · [dictionary id u32] · header checksum u8 · block* · 0 u32
//	         · [content checksum u32]
//	block := size u32 (top bit: stored as is) · bytes · [block checksum u32]
//
// Checksums are xxHash32; the header's is its second byte.
const (
	lz4Magic            = 0x184D2204
	lz4Version          = 0x40
	lz4VersionMask      = 0xC0
	lz4Independent      = 0x20
	lz4BlockChecksum    = 0x10
	lz4ContentSize      = 0x08
	lz4ContentChecksum  = 0x04
	lz4DictionaryID     = 0x01
	lz4Stored           = 1 << 31
	lz4BlockSize        = 64 << 10 // code 4 in the block descriptor
	lz4BlockDescriptor  = 4 << 4
	lz4MinMatch         = 4
	lz4EndLiterals      = 5  // the last bytes of a block are literals
	lz4MatchSafeMargin  = 12 // the last match begins at least this far from the end
	lz4HashBits         = 13
	lz4MaxMatchDistance = 64<<10 - 1
)

var (
	errLZ4         = errors.New("malformed lz4 frame")
	errLZ4Checksum = errors.New("lz4 checksum differs")
)

// decompressLZ4 decodes one frame of at most limit decompressed bytes.
func decompressLZ4(src []byte, limit int) ([]byte, error) {
	flags, src, err := readLZ4Header(src)
	if err != nil {
		return nil, err
	}
	var out []byte
	for {
		if len(src) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		size := binary.LittleEndian.Uint32(src)
		src = src[4:]
		if size == 0 {
			break
		}
		stored := size&lz4Stored != 0
		size &^= lz4Stored
		if uint64(size) > uint64(len(src)) {
			return nil, io.ErrUnexpectedEOF
		}
		block := src[:size]
		src = src[size:]
		if flags&lz4BlockChecksum != 0 {
			if src, err = checkLZ4Sum(src, block); err != nil {
				return nil, err
			}
		}
		window := 0
		if flags&lz4Independent != 0 {
			window = len(out)
		}
		if out, err = appendLZ4Block(out, block, stored, window, limit); err != nil {
			return nil, err
		}
	}
	if flags&lz4ContentChecksum != 0 {
		_, err = checkLZ4Sum(src, out)
	}
	return out, err
}

// readLZ4Header verifies a frame's header and returns its flags and what is
// behind it.
func readLZ4Header(src []byte) (flags byte, rest []byte, err error) {
	if len(src) < 7 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(src) != lz4Magic {
		return 0, nil, errLZ4
	}
	flags = src[4]
	if flags&lz4VersionMask != lz4Version || flags&lz4DictionaryID != 0 {
		return 0, nil, errLZ4
	}
	size := 6
	if flags&lz4ContentSize != 0 {
		size += 8
	}
	if len(src) <= size {
		return 0, nil, io.ErrUnexpectedEOF
	}
	if src[size] != byte(xxHash32(src[4:size])>>8) {
		return 0, nil, errLZ4Checksum
	}
	return flags, src[size+1:], nil
}

// checkLZ4Sum compares the checksum at the start of src with that of content
// and returns what is behind it.
func checkLZ4Sum(src, content []byte) (rest []byte, err error) {
	if len(src) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(src) != xxHash32(content) {
		return nil, errLZ4Checksum
	}
	return src[4:], nil
}

// appendLZ4Block decodes one block behind dst; matches may reach back to
// dst[window:].
func appendLZ4Block(dst, block []byte, stored bool, window, limit int) ([]byte, error) {
	if stored {
		if len(dst)+len(block) > limit {
			return nil, errBatchTooLarge
		}
		return append(dst, block...), nil
	}
	for {
		if len(block) == 0 {
			return nil, errLZ4
		}
		token := block[0]
		literals, rest, ok := lz4Length(int(token>>4), block[1:])
		if !ok || literals > len(rest) || len(dst)+literals > limit {
			return nil, errLZ4
		}
		dst = append(dst, rest[:literals]...)
		block = rest[literals:]
		if len(block) == 0 {
			return dst, nil // a block ends with literals
		}
		if len(block) < 2 {
			return nil, errLZ4
		}
		distance := int(block[0]) | int(block[1])<<8
		length, rest, ok := lz4Length(int(token&15), block[2:])
		length += lz4MinMatch
		if !ok || distance == 0 || distance > len(dst)-window {
			return nil, errLZ4
		}
		if len(dst)+length > limit {
			return nil, errBatchTooLarge
		}
		block = rest
		// A match may overlap what it produces, so copy in whole distances.
		for start := len(dst) - distance; length > 0; {
			n := min(length, len(dst)-start)
			dst = append(dst, dst[start:start+n]...)
			length -= n
		}
	}
}

// lz4Length extends a length nibble of 15 with the bytes that follow.
func lz4Length(nibble int, src []byte) (length int, rest []byte, ok bool) {
	length = nibble
	if nibble < 15 {
		return length, src, true
	}
	for i, b := range src {
		length += int(b)
		if b != 255 {
			return length, src[i+1:], length <= MaxBatchBytes
		}
	}
	return 0, nil, false
}

// lz4Encoder compresses with one greedy pass over a hash table of positions.
type lz4Encoder struct {
	// positions holds, per hash of four bytes, where they were last seen in
	// the block, plus one.
	positions [1 << lz4HashBits]int32
	block     []byte
}

// appendFrame appends src as one frame of independent 64 KiB blocks.
func (e *lz4Encoder) appendFrame(dst, src []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	header := len(dst)
	dst = append(dst, lz4Version|lz4Independent, lz4BlockDescriptor)
	dst = append(dst, byte(xxHash32(dst[header:])>>8))
	for len(src) > 0 {
		block := src[:min(len(src), lz4BlockSize)]
		src = src[len(block):]
		e.block = e.appendBlock(e.block[:0], block)
		if len(e.block) < len(block) {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.block)))
			dst = append(dst, e.block...)
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(block))|lz4Stored)
			dst = append(dst, block...)
		}
	}
	return binary.LittleEndian.AppendUint32(dst, 0)
}

// appendBlock compresses src, at most lz4BlockSize bytes, behind dst.
func (e *lz4Encoder) appendBlock(dst, src []byte) []byte {
	clear(e.positions[:])
	literals := 0 // where the literals of the next sequence begin
	for pos := 0; pos+lz4MatchSafeMargin < len(src); {
		four := binary.LittleEndian.Uint32(src[pos:])
		slot := &e.positions[four*2654435761>>(32-lz4HashBits)]
		candidate := int(*slot) - 1
		*slot = int32(pos + 1)
		if candidate < 0 || pos-candidate > lz4MaxMatchDistance ||
			binary.LittleEndian.Uint32(src[candidate:]) != four {
			pos++
			continue
		}
		length := lz4MinMatch
		for pos+length < len(src)-lz4EndLiterals && src[candidate+length] == src[pos+length] {
			length++
		}
		dst = appendLZ4Sequence(dst, src[literals:pos], pos-candidate, length)
		pos += length
		literals = pos
	}
	return appendLZ4Sequence(dst, src[literals:], 0, 0)
}

// appendLZ4Sequence appends literals and a match; a length of 0 means none.
func appendLZ4Sequence(dst, literals []byte, distance, length int) []byte {
	matchExtra := length - lz4MinMatch
	token := byte(min(len(literals), 15) << 4)
	if length > 0 {
		token |= byte(min(matchExtra, 15))
	}
	dst = append(dst, token)
	dst = appendLZ4Length(dst, len(literals))
	dst = append(dst, literals...)
	if length > 0 {
		dst = append(dst, byte(distance), byte(distance>>8))
		dst = appendLZ4Length(dst, matchExtra)
	}
	return dst
}

// appendLZ4Length appends what the nibble of a length cannot hold.
func appendLZ4Length(dst []byte, length int) []byte {
	if length < 15 {
		return dst
	}
	for length -= 15; length >= 255; length -= 255 {
		dst = append(dst, 255)
	}
	return append(dst, byte(length))
}

// xxHash32 is the 32-bit xxHash of b with seed 0 (xxHash fast digest algorithm
// specification).
func xxHash32(b []byte) uint32 {
	const (
		prime1 uint32 = 2654435761
		prime2 uint32 = 2246822519
		prime3 uint32 = 3266489917
		prime4 uint32 = 668265263
		prime5 uint32 = 374761393
	)
	round := func(lane uint32, b []byte) uint32 {
		return bits.RotateLeft32(lane+binary.LittleEndian.Uint32(b)*prime2, 13) * prime1
	}
	size := uint32(len(b))
	h := prime5
	if len(b) >= 16 {
		p1, p2 := prime1, prime2 // variables, so that the sums may wrap
		v1, v2, v3, v4 := p1+p2, p2, uint32(0), -p1
		for ; len(b) >= 16; b = b[16:] {
			v1, v2, v3, v4 = round(v1, b), round(v2, b[4:]), round(v3, b[8:]), round(v4, b[12:])
		}
		h = bits.RotateLeft32(v1, 1) + bits.RotateLeft32(v2, 7) + bits.RotateLeft32(v3, 12) + bits.RotateLeft32(v4, 18)
	}
	h += size
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*prime3, 17) * prime4
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>15) * prime2
	h = (h ^ h>>13) * prime3
	return h ^ h>>16
}
