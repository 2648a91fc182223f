package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/snappy"

	"millrace/log"
)

// What two nodes say to each other over a stream when one copies a shard's replica from
// the other. The receiver sends one request; the source answers with frames:
//
//	rows of partitions … · point · rows of partitions, keys … · end
//
//	frame := kind u8 · length u32 · crc-32c u32 of kind, length and body · body
//
//	request   := version u8 (2) · shard · least state · session · length · last key
//	             · shard's state: the partitions that the receiver has, with their ends
//	size      := how many bytes follow over this stream, about
//	rows      := object · created · record batches (of partitions)
//	point     := session · shard's state: the state index that the keys are of, and the
//	             partitions with their ends
//	keys      := snappy of (length · key · length · value)*
//	end       := index up to which the receiver's own log must be applied
//	refusal   := text
//
// Numbers are uvarints where no width is given; a shard's state is that of shardstate.go,
// in which a partition's end has no segment. A session is a state that the source keeps
// for a while after a lost connection. The keys that are sent are those behind the last one
// that the receiver has: of the session that it names, if the source has that, otherwise
// of a new one.
const (
	seedRequest byte = iota + 1
	seedRows
	seedPoint
	seedKeys
	seedEnd
	seedRefusal
	seedSize
)

const (
	seedVersion = 2
	// maxSeedFrame bounds a frame's body; one holds at least one record batch.
	maxSeedFrame = 64 << 20
	// seedFrameBytes is about how large the frames are.
	seedFrameBytes = 256 << 10

	seedFrameHead = 1 + 4 + 4
)

// writeSeedFrame writes a frame.
func writeSeedFrame(w io.Writer, kind byte, body []byte) error {
	if len(body) > maxSeedFrame {
		return fmt.Errorf("cluster: a frame of %d bytes is larger than %d", len(body), maxSeedFrame)
	}
	head := make([]byte, 0, seedFrameHead)
	head = binary.BigEndian.AppendUint32(append(head, kind), uint32(len(body)))
	sum := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body)
	head = binary.BigEndian.AppendUint32(head, sum)
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// readSeedFrame reads a frame into the capacity of buf.
func readSeedFrame(r io.Reader, buf []byte) (kind byte, body []byte, err error) {
	var head [seedFrameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxSeedFrame {
		return 0, nil, fmt.Errorf("cluster: a frame of %d bytes is larger than %d", length, maxSeedFrame)
	}
	if cap(buf) < int(length) {
		buf = make([]byte, length)
	}
	body = buf[:length]
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	sum := crc32.Update(crc32.Checksum(head[:5], castagnoli), castagnoli, body)
	if sum != binary.BigEndian.Uint32(head[5:]) {
		return 0, nil, errors.New("cluster: a frame's checksum is wrong")
	}
	return head[0], body, nil
}

// seedAsk is the receiver's request.
type seedAsk struct {
	shard int
	// state is the least state index that is of use.
	state uint64
	// session is the state that was being copied, 0 for none, and lastKey the last key that
	// the receiver has of this or another one.
	session uint64
	lastKey []byte
	// have are the partitions that the receiver has up to their ends.
	have []partitionState
}

// encode returns the request's body.
func (a *seedAsk) encode() []byte {
	body := []byte{seedVersion}
	for _, v := range [...]uint64{uint64(a.shard), a.state, a.session, uint64(len(a.lastKey))} {
		body = binary.AppendUvarint(body, v)
	}
	body = append(body, a.lastKey...)
	have := shardState{partitions: a.have}
	return have.encode(body)
}

// errMalformed says that a frame's body cannot be read.
var errMalformed = errors.New("cluster: a message about a copy is malformed")

// decodeSeedAsk is the inverse of encode.
func decodeSeedAsk(body []byte) (*seedAsk, error) {
	if len(body) == 0 || body[0] != seedVersion {
		return nil, errors.New("cluster: the other node copies replicas in another version")
	}
	r := uvarintReader{data: body[1:]}
	a := &seedAsk{}
	shard := r.next()
	a.state, a.session = r.next(), r.next()
	a.lastKey = r.bytes()
	if r.bad || shard > maxShards {
		return nil, errMalformed
	}
	a.shard = int(shard)
	have, err := decodeShardState(r.data)
	if err != nil {
		return nil, err
	}
	a.have = have.partitions
	return a, nil
}

// seedState is the body of a point.
type seedState struct {
	session uint64
	shardState
}

// encode returns the body.
func (s *seedState) encode() []byte {
	body := binary.AppendUvarint(nil, s.session)
	return s.shardState.encode(body)
}

// decodeSeedState is the inverse of encode.
func decodeSeedState(body []byte) (*seedState, error) {
	r := uvarintReader{data: body}
	s := &seedState{session: r.next()}
	if r.bad {
		return nil, errMalformed
	}
	state, err := decodeShardState(r.data)
	if err != nil {
		return nil, err
	}
	s.shardState = *state
	return s, nil
}

// appendSeedRows appends the head of a frame of rows.
func appendSeedRows(body []byte, p *partition) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(body, p.object), p.created)
}

// decodeSeedRows splits a frame of rows, whose batches alias the body.
func decodeSeedRows(body []byte) (object, created uint64, batches []byte, err error) {
	r := uvarintReader{data: body}
	object, created = r.next(), r.next()
	if r.bad || len(r.data) < log.BatchHeaderSize {
		return 0, 0, nil, errMalformed
	}
	return object, created, r.data, nil
}

// appendSeedKey appends a key to a frame of keys.
func appendSeedKey(body, key, value []byte) []byte {
	body = append(binary.AppendUvarint(body, uint64(len(key))), key...)
	return append(binary.AppendUvarint(body, uint64(len(value))), value...)
}

// walkSeedKeys calls visit for each key of a frame. It expands the body into the capacity
// of buf, which the keys alias and which is returned.
func walkSeedKeys(body, buf []byte, visit func(key, value []byte) error) ([]byte, error) {
	if length, err := snappy.DecodedLen(body); err != nil || length > maxSeedFrame {
		return buf, errMalformed
	}
	buf, err := snappy.Decode(buf[:cap(buf)], body)
	if err != nil {
		return buf, errMalformed
	}
	r := uvarintReader{data: buf}
	for len(r.data) > 0 {
		key := r.bytes()
		value := r.bytes()
		if r.bad || len(key) == 0 {
			return buf, errMalformed
		}
		if err := visit(key, value); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// bytes reads a length and as many bytes, which alias the data.
func (r *uvarintReader) bytes() []byte {
	length := r.next()
	if r.bad || length > uint64(len(r.data)) {
		r.bad = true
		return nil
	}
	b := r.data[:length:length]
	r.data = r.data[length:]
	return b
}
