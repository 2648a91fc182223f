package transport

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A connection of frames carries messages cut into frames:
//
//	frame := here u32 · total u32 · id u64 · kind u8 · 3 zero bytes · checksum u32 · here bytes
//
// Integers are big-endian. The checksum is the CRC-32C of what stands before it and of the
// bytes behind it: TCP's own lets damage pass, and without TLS nothing else would find it
// before a replica had it. total is the length of the whole message and here that of the
// part in this frame; the parts of a message come in order, and frames of other messages
// may stand between them. Messages are told apart by id, which a dialer gives to its
// requests and messages; an answer has the id of its request.
//
//	request := length u8 · method · timeout uvarint (ms, 0 for none) · body
//	raft    := group uvarint · type u8 · body
//	message := length u8 · method · body
//	answer  := status u8 · body, or the error's text
//	cancel, ping, pong: empty
const (
	frameHead = 24
	// checksumAt is where the checksum stands.
	checksumAt = 20
	// maxPart is the largest part of a message in a frame.
	maxPart = 64 << 10
	// MaxMessage is the largest request, answer or message in bytes.
	MaxMessage = 64 << 20
	// maxTotal leaves room for what stands before a body.
	maxTotal = MaxMessage + 1<<10
	// MaxEntries is the largest request of Raft with entries, and maxEntriesTotal leaves
	// room there. An entry that is larger cannot be replicated.
	MaxEntries      = 1 << 30
	maxEntriesTotal = MaxEntries + 1<<10
	// maxPartial bounds the messages of a connection that are incomplete, in the bytes of
	// so many of the largest.
	maxPartial = 4
	// partialCost is what an incomplete message costs beside its bytes, and partialTrust how
	// many times what has come of it is kept ready for it.
	partialCost  = 128
	partialTrust = 4
	// maxMethod is the longest name of a method.
	maxMethod = 255
)

type frameKind uint8

const (
	frameRequest frameKind = iota
	frameRaft
	frameMessage
	frameAnswer
	frameCancel
	framePing
	framePong

	frameKinds
)

// status is what became of a request.
type status uint8

const (
	statusGiven status = iota
	// statusFailed: the handler returned an error.
	statusFailed
	// statusUnhandled: the request was not given to a handler.
	statusUnhandled
	// statusPanicked: the handler panicked.
	statusPanicked
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrameHead appends a frame's head, whose checksum sealFrame sets.
func appendFrameHead(buf []byte, here, total int, id uint64, kind frameKind) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(here))
	buf = binary.BigEndian.AppendUint32(buf, uint32(total))
	buf = binary.BigEndian.AppendUint64(buf, id)
	return append(buf, byte(kind), 0, 0, 0, 0, 0, 0, 0)
}

// sealFrame sets the checksum of a frame.
func sealFrame(frame []byte) {
	sum := crc32.Update(crc32.Checksum(frame[:checksumAt], castagnoli), castagnoli, frame[frameHead:])
	binary.BigEndian.PutUint32(frame[checksumAt:], sum)
}

// message is a complete one. The receiver owns its payload.
type message struct {
	kind    frameKind
	id      uint64
	payload []byte
}

// frameReader puts messages together.
type frameReader struct {
	in *bufio.Reader
	// largest bounds a message.
	largest int
	partial map[uint64]*partialMessage
	// held is the number of bytes in partial, with what each costs beside them.
	held int
}

type partialMessage struct {
	kind  frameKind
	total int
	bytes []byte
}

func newFrameReader(in io.Reader, largest int) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(in, maxPart), largest: largest, partial: map[uint64]*partialMessage{}}
}

// next returns the next message that is complete, or a cancellation, which also drops
// what there is of the request that it names.
func (r *frameReader) next() (message, error) {
	for {
		head, err := r.in.Peek(frameHead)
		if err != nil {
			return message{}, err
		}
		here, total := int(binary.BigEndian.Uint32(head)), int(binary.BigEndian.Uint32(head[4:]))
		m := message{kind: frameKind(head[16]), id: binary.BigEndian.Uint64(head[8:])}
		if here > maxPart || total > r.largest || here > total || m.kind >= frameKinds || here == 0 && total > 0 {
			return message{}, fmt.Errorf("%w: a frame of kind %d with %d of %d bytes", errProtocol, m.kind, here, total)
		}
		sum, before := binary.BigEndian.Uint32(head[checksumAt:]), crc32.Checksum(head[:checksumAt], castagnoli)
		if _, err := r.in.Discard(frameHead); err != nil {
			return message{}, err
		}
		if m.kind == frameCancel {
			r.drop(m.id)
		}
		bytes, done, err := r.part(&m, here, total)
		if err == nil && crc32.Update(before, castagnoli, bytes) != sum {
			err = fmt.Errorf("%w: a frame was damaged on its way", errProtocol)
		}
		if done || err != nil {
			return m, err
		}
	}
}

// ready tells whether a whole frame has arrived, so that next does not wait for it.
func (r *frameReader) ready() bool {
	if r.in.Buffered() < frameHead {
		return false
	}
	head, err := r.in.Peek(4)
	return err == nil && r.in.Buffered()-frameHead >= int(binary.BigEndian.Uint32(head))
}

// part reads a frame's bytes, and tells whether they complete a message.
func (r *frameReader) part(m *message, here, total int) (bytes []byte, done bool, err error) {
	p := r.partial[m.id]
	if p == nil && here == total {
		m.payload = make([]byte, total)
		_, err := io.ReadFull(r.in, m.payload)
		return m.payload, true, err
	}
	if p == nil {
		p = &partialMessage{kind: m.kind, total: total, bytes: make([]byte, 0, min(total, partialTrust*here))}
		r.partial[m.id] = p
		r.held += partialCost
	}
	if p.kind != m.kind || p.total != total || len(p.bytes)+here > total {
		return nil, false, fmt.Errorf("%w: a part that does not fit its message", errProtocol)
	}
	if r.held += here; r.held > maxPartial*r.largest {
		return nil, false, fmt.Errorf("%w: more than %d bytes of incomplete messages", errProtocol, maxPartial*r.largest)
	}
	have := len(p.bytes)
	p.bytes = append(p.bytes, make([]byte, here)...)
	bytes = p.bytes[have:]
	if _, err := io.ReadFull(r.in, bytes); err != nil || len(p.bytes) < total {
		return bytes, false, err
	}
	m.payload = p.bytes
	r.drop(m.id)
	return bytes, true, nil
}

// drop forgets what there is of a message.
func (r *frameReader) drop(id uint64) {
	if p := r.partial[id]; p != nil {
		r.held -= len(p.bytes) + partialCost
		delete(r.partial, id)
	}
}

// largestOf is the largest message of a connection of a class.
func largestOf(class Class) int {
	switch class {
	case ClassJoin:
		return maxJoinTotal
	case ClassEntries:
		return maxEntriesTotal
	default:
		return maxTotal
	}
}
