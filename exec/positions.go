package exec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What the loops keep in the table store besides rows and operator state, all
// written in the entries that they describe. Integers are uvarints.
//
//	position (query, stage, input) := version u8 · flags u8 · offset · waiting first ·
//	                                  waiting next · waiting bytes · told · senders ·
//	                                  wanted number per sender · stream times ·
//	                                  (idleness u8 · time varint) per sender ·
//	                                  cursor length · cursor
//	multiplicity of a bag's row    := count uvarint, before the row

const positionVersion = 2

const (
	positionLive        = 1 << 0
	positionCursorBegun = 1 << 1
	positionScanned     = 1 << 2
	positionLost        = 1 << 3
)

var errBadPosition = errors.New("damaged position")

// position is how far one input of a stage has come on one shard.
type position struct {
	// live says that the input's rows are taken in the tick they arrive in.
	// Otherwise a stream's rows wait in the stream, all others in the input's
	// waiting rows.
	live bool
	// offset is the next row to read of a stream.
	offset int64
	// scanned says that a table's rows as of the query's creation have all been
	// read; until then cursor is the key up to which (inclusive, when begun) they
	// have been.
	scanned bool
	begun   bool
	cursor  []byte
	// Batches of rows that wait are numbered waitingFirst .. waitingNext-1, and
	// waitingBytes is their size in the store. lost says that some were let go.
	waitingFirst, waitingNext uint64
	waitingBytes              uint64
	lost                      bool
	// wanted is the number of the next delivery of each sending shard, and told the
	// number of shards whose sending stage has told that it has worked off what was
	// there when the query began.
	wanted []uint64
	told   uint64
	// times are the stream times of the sending shards, where the stage uses them.
	times []streamTime
}

func (p *position) append(buf []byte) []byte {
	var flags byte
	if p.live {
		flags |= positionLive
	}
	if p.begun {
		flags |= positionCursorBegun
	}
	if p.scanned {
		flags |= positionScanned
	}
	if p.lost {
		flags |= positionLost
	}
	buf = append(buf, positionVersion, flags)
	buf = binary.AppendUvarint(buf, uint64(p.offset))
	buf = binary.AppendUvarint(buf, p.waitingFirst)
	buf = binary.AppendUvarint(buf, p.waitingNext)
	buf = binary.AppendUvarint(buf, p.waitingBytes)
	buf = binary.AppendUvarint(buf, p.told)
	buf = binary.AppendUvarint(buf, uint64(len(p.wanted)))
	for _, n := range p.wanted {
		buf = binary.AppendUvarint(buf, n)
	}
	buf = binary.AppendUvarint(buf, uint64(len(p.times)))
	for _, at := range p.times {
		buf = at.append(buf)
	}
	buf = binary.AppendUvarint(buf, uint64(len(p.cursor)))
	return append(buf, p.cursor...)
}

func decodePosition(data []byte) (position, error) {
	var p position
	if len(data) < 2 || data[0] != positionVersion {
		return p, errBadPosition
	}
	p.live, p.begun = data[1]&positionLive != 0, data[1]&positionCursorBegun != 0
	p.scanned, p.lost = data[1]&positionScanned != 0, data[1]&positionLost != 0
	r := uvarintReader{data: data[2:]}
	p.offset = int64(r.next())
	p.waitingFirst, p.waitingNext, p.waitingBytes, p.told = r.next(), r.next(), r.next(), r.next()
	senders := r.next()
	if senders > uint64(len(r.data)) {
		return p, errBadPosition
	}
	p.wanted = make([]uint64, senders)
	for i := range p.wanted {
		p.wanted[i] = r.next()
	}
	timed := r.next()
	if timed > uint64(len(r.data)) {
		return p, errBadPosition
	}
	for range timed {
		p.times = append(p.times, r.streamTime())
	}
	cursor := r.next()
	if r.bad || cursor != uint64(len(r.data)) {
		return p, errBadPosition
	}
	p.cursor = append([]byte(nil), r.data...)
	return p, nil
}

// uvarintReader reads uvarints; after the first failure it reads zeros and is
// bad.
type uvarintReader struct {
	data []byte
	bad  bool
}

func (r *uvarintReader) next() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func appendVarints(buf []byte, list ...int64) []byte {
	for _, v := range list {
		buf = binary.AppendVarint(buf, v)
	}
	return buf
}

func (r *uvarintReader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

// bytes reads a length-prefixed byte string, which aliases the data.
func (r *uvarintReader) bytes() []byte {
	n := r.next()
	if n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// splitMultiplicity splits a bag's stored row into its multiplicity and the
// row.
func splitMultiplicity(value []byte) (count int64, row []byte, err error) {
	v, n := binary.Uvarint(value)
	if n <= 0 || int64(v) <= 0 {
		return 0, nil, fmt.Errorf("damaged multiplicity of a row")
	}
	return int64(v), value[n:], nil
}
