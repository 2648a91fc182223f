package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The handshake is the first thing on a connection, inside TLS where there is TLS:
//
//	hello   := magic · size u16 · lowest u16 · highest u16 · class u8 · from u64 · to u64 · cluster · process u64
//	welcome := magic · size u16 · refused u8 · version u16 · node u64 · cluster · reason
//	cluster := length u8 · bytes
//	reason  := length u16 · bytes
//
// Integers are big-endian; size is that of what follows it. Bytes behind the known
// fields are left alone, so that later versions can add to both. The acceptor decides:
// it takes the highest version that both speak, or refuses with a reason in words, which
// both sides log.

// The versions of the protocol that this program speaks.
const (
	lowestVersion  = 1
	highestVersion = 1
)

const (
	magic = "MRNODE\r\n"

	maxHello   = 512
	maxWelcome = 2048
	// maxCluster is the longest name of a cluster.
	maxCluster = 255
	// maxReason is the longest reason of a refusal that is sent.
	maxReason = 1024
)

// Class is what a connection carries; the package comment lists them.
type Class uint8

// The classes of connections. The first three carry frames.
const (
	ClassControl Class = iota
	ClassEntries
	ClassCalls
	ClassStream
	ClassJoin

	classes = int(ClassJoin) + 1
)

var classNames = [classes]string{"control", "entries", "calls", "stream", "join"}

// String is the class's name.
func (c Class) String() string {
	if int(c) < classes {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// hello is what the dialer says first.
type hello struct {
	lowest, highest uint16
	class           Class
	// from is the dialer's number, 0 while it has none, and to whom it means, 0 for
	// whoever is there.
	from, to uint64
	// cluster is the dialer's cluster, "" while it is in none.
	cluster string
	// process is a number that the dialer has drawn when it started.
	process uint64
}

// welcome is what the acceptor answers.
type welcome struct {
	// reason is why the connection is refused, "" when it is not.
	reason  string
	version uint16
	node    uint64
	cluster string
}

var errNoNode = errors.New("transport: what answers there is not a node of Millrace, or TLS is used on one side only")

func (h *hello) append(buf []byte) []byte {
	start := len(buf) + len(magic)
	buf = append(append(buf, magic...), 0, 0)
	buf = binary.BigEndian.AppendUint16(buf, h.lowest)
	buf = binary.BigEndian.AppendUint16(buf, h.highest)
	buf = append(buf, byte(h.class))
	buf = binary.BigEndian.AppendUint64(buf, h.from)
	buf = binary.BigEndian.AppendUint64(buf, h.to)
	buf = append(append(buf, byte(len(h.cluster))), h.cluster...)
	buf = binary.BigEndian.AppendUint64(buf, h.process)
	binary.BigEndian.PutUint16(buf[start:], uint16(len(buf)-start-2))
	return buf
}

func decodeHello(body []byte) (h hello, err error) {
	f := fields{data: body}
	h.lowest, h.highest = f.u16(), f.u16()
	h.class = Class(f.u8())
	h.from, h.to = f.u64(), f.u64()
	h.cluster = string(f.bytes(int(f.u8())))
	h.process = f.u64()
	return h, f.err
}

func (w *welcome) append(buf []byte) []byte {
	start := len(buf) + len(magic)
	buf = append(append(buf, magic...), 0, 0, 0)
	if w.reason != "" {
		buf[len(buf)-1] = 1
	}
	buf = binary.BigEndian.AppendUint16(buf, w.version)
	buf = binary.BigEndian.AppendUint64(buf, w.node)
	buf = append(append(buf, byte(len(w.cluster))), w.cluster...)
	reason := w.reason[:min(len(w.reason), maxReason)]
	buf = append(binary.BigEndian.AppendUint16(buf, uint16(len(reason))), reason...)
	binary.BigEndian.PutUint16(buf[start:], uint16(len(buf)-start-2))
	return buf
}

func decodeWelcome(body []byte) (w welcome, err error) {
	f := fields{data: body}
	refused := f.u8() != 0
	w.version = f.u16()
	w.node = f.u64()
	w.cluster = string(f.bytes(int(f.u8())))
	w.reason = string(f.bytes(int(f.u16())))
	if refused && w.reason == "" {
		w.reason = "no reason was given"
	}
	if !refused {
		w.reason = ""
	}
	return w, f.err
}

// readGreeting reads a hello's or a welcome's body of at most limit bytes.
func readGreeting(r io.Reader, limit int) ([]byte, error) {
	var head [len(magic) + 2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoNode, err)
	}
	if string(head[:len(magic)]) != magic {
		return nil, errNoNode
	}
	size := int(binary.BigEndian.Uint16(head[len(magic):]))
	if size > limit {
		return nil, errNoNode
	}
	body := make([]byte, size)
	_, err := io.ReadFull(r, body)
	return body, err
}

// commonVersion is the highest version that a dialer and this program speak, 0 for none.
func commonVersion(lowest, highest uint16) uint16 {
	version := min(highest, highestVersion)
	if version < max(lowest, lowestVersion) {
		return 0
	}
	return version
}

// fields reads fields of fixed form one after the other. After the first that is not
// there, err is set and all are zero.
type fields struct {
	data []byte
	err  error
}

func (f *fields) bytes(n int) []byte {
	if f.err != nil || n < 0 || n > len(f.data) {
		f.err = errProtocol
		return nil
	}
	out := f.data[:n:n]
	f.data = f.data[n:]
	return out
}

func (f *fields) u8() uint8 {
	if b := f.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if b := f.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (f *fields) uvarint() uint64 {
	if f.err != nil {
		return 0
	}
	value, n := binary.Uvarint(f.data)
	if n <= 0 {
		f.err = errProtocol
		return 0
	}
	f.data = f.data[n:]
	return value
}

// prefixed reads bytes behind their length.
func (f *fields) prefixed() []byte {
	n := f.uvarint()
	if n > uint64(len(f.data)) {
		f.err = errProtocol
		return nil
	}
	return f.bytes(int(n))
}

// rest is all that is left.
func (f *fields) rest() []byte {
	if f.err != nil {
		return nil
	}
	out := f.data
	f.data = nil
	return out
}
