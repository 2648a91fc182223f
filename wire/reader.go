package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"millrace/sql/sqlerr"
)

const (
	// headerLength is the length of a message's type and length fields.
	headerLength = 5
	// idleBufferSize is what a connection that waits for a message keeps.
	idleBufferSize = 512
	// readBufferSize is the usual buffer of a connection that is receiving.
	readBufferSize = 32 << 10
	// largeBuffer is the size from which buffers count against the server's bound.
	largeBuffer = 1 << 20
	// readAheadLimit bounds what is read while a statement runs.
	readAheadLimit = 64 << 10
)

// messageReader cuts the stream of bytes from a client into messages. One
// goroutine uses it at a time.
//
// Invariants: buffer[start:end] was received and not given out yet. A message
// given out lies before start and is valid until the next call.
type messageReader struct {
	source     net.Conn
	buffer     []byte
	start, end int
	// received counts the bytes read from the source.
	received func(int)
	// failure is the error that the source gave, reported once the bytes before it
	// are used up.
	failure error
	// memory bounds the large buffers of all connections; reserved is this one's
	// part of it.
	memory   *memoryBudget
	reserved int
}

func newMessageReader(source net.Conn, memory *memoryBudget, received func(int)) *messageReader {
	return &messageReader{source: source, memory: memory, received: received, buffer: make([]byte, idleBufferSize)}
}

// close gives back what the reader has reserved.
func (r *messageReader) close() {
	r.memory.release(r.reserved)
	r.reserved = 0
}

// buffered returns how many bytes were received and not given out.
func (r *messageReader) buffered() int { return r.end - r.start }

// release lets a large buffer go when there is nothing in it.
func (r *messageReader) release() {
	if r.start == r.end {
		r.start, r.end = 0, 0
		if len(r.buffer) > idleBufferSize {
			r.buffer = make([]byte, idleBufferSize)
			r.close()
		}
	}
}

// next returns the type and body of the next message. A body longer than limit
// is an error (08P01). A message is given out whole or not at all: when the
// source fails in its middle, with a deadline for instance, a later call begins
// with it again.
func (r *messageReader) next(limit int) (kind byte, body []byte, err error) {
	if err := r.await(headerLength); err != nil {
		return 0, nil, err
	}
	kind = r.buffer[r.start]
	length := int(int32(binary.BigEndian.Uint32(r.buffer[r.start+1:]))) - 4
	if length < 0 || length > limit {
		return kind, nil, sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid message length").
			WithDetail("A message of type 0x%02X announces %d bytes; at most %d are accepted.", kind, length+4, limit)
	}
	if err := r.await(headerLength + length); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return kind, nil, err
	}
	message, err := r.take(headerLength + length)
	return kind, message[headerLength:], err
}

// startupPacket returns the body of a packet without a type, which begins a
// connection.
func (r *messageReader) startupPacket() ([]byte, error) {
	prefix, err := r.take(4)
	if err != nil {
		return nil, err
	}
	length := int(int32(binary.BigEndian.Uint32(prefix))) - 4
	if length < 4 || length > maxStartupLength {
		return nil, sqlerr.New(sqlerr.ProtocolViolation, -1, "invalid length of startup packet").
			WithHint("This port speaks the PostgreSQL protocol, version 3.0.")
	}
	return r.take(length)
}

// await receives until n bytes are buffered.
func (r *messageReader) await(n int) error {
	for r.buffered() < n {
		if err := r.fill(n); err != nil {
			return err
		}
	}
	return nil
}

// take returns the next n bytes.
func (r *messageReader) take(n int) ([]byte, error) {
	if err := r.await(n); err != nil {
		return nil, err
	}
	bytes := r.buffer[r.start : r.start+n : r.start+n]
	r.start += n
	return bytes, nil
}

// fill reads what the source has, at least one byte, on the way to n buffered
// bytes. The buffer doubles as bytes arrive, so that memory follows what was
// sent.
func (r *messageReader) fill(n int) error {
	if r.failure != nil {
		return r.failure
	}
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if r.end == len(r.buffer) || (r.start > 0 && len(r.buffer)-r.start < n) {
		if err := r.makeRoom(n); err != nil {
			return err
		}
	}
	read, err := r.source.Read(r.buffer[r.end:])
	r.end += read
	r.received(read)
	if read > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		r.failure = err
	}
	return err
}

// makeRoom moves the buffered bytes to the front of a buffer with free space.
// When a body is being received and its size is known, the last doubling is cut
// to it.
func (r *messageReader) makeRoom(n int) error {
	held := r.buffered()
	size := len(r.buffer)
	if held < size && size >= min(n, readBufferSize) {
		copy(r.buffer, r.buffer[r.start:r.end])
		r.start, r.end = 0, held
		return nil
	}
	size = max(2*size, readBufferSize)
	if n > readBufferSize {
		size = min(size, n)
	}
	size = max(size, held+1)
	if size >= largeBuffer {
		if !r.memory.reserve(size - r.reserved) {
			return sqlerr.New(sqlerr.OutOfMemory, -1, "out of memory").
				WithDetail("The messages that clients are sending take more than %d bytes together.", r.memory.limit)
		}
		r.reserved = size
	}
	grown := make([]byte, size)
	copy(grown, r.buffer[r.start:r.end])
	r.buffer, r.start, r.end = grown, 0, held
	return nil
}

// errReadAheadFull says that the client has sent all that is read ahead.
var errReadAheadFull = fmt.Errorf("the client has sent %d bytes ahead", readAheadLimit)

// readAhead receives bytes while a statement runs, and returns when the client
// is gone (io.EOF and other errors), has said goodbye (io.EOF), has sent more
// than is read ahead, or when a read deadline passes.
func (r *messageReader) readAhead() error {
	for {
		if r.terminateBuffered() {
			return io.EOF
		}
		if r.buffered() >= readAheadLimit {
			return errReadAheadFull
		}
		if err := r.fill(r.buffered() + 1); err != nil {
			return err
		}
	}
}

// terminateBuffered reports whether a Terminate message has been received.
func (r *messageReader) terminateBuffered() bool {
	for at := r.start; at+headerLength <= r.end; {
		length := int(int32(binary.BigEndian.Uint32(r.buffer[at+1:])))
		if r.buffer[at] == 'X' && length == 4 {
			return true
		}
		if length < 4 {
			return false
		}
		at += 1 + length
	}
	return false
}

// syncFollows reports whether the next message has been received and is Sync.
func (r *messageReader) syncFollows() bool {
	return r.buffered() >= headerLength && r.buffer[r.start] == 'S'
}

// messageBuffered reports whether a whole message has been received.
func (r *messageReader) messageBuffered() bool {
	if r.buffered() < headerLength {
		return false
	}
	length := int(int32(binary.BigEndian.Uint32(r.buffer[r.start+1:])))
	return length < 4 || r.buffered() >= 1+length
}
