package wire

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/types"
	"millrace/wire/session"
)

const (
	// flushSize is how many bytes are gathered before they are sent unasked.
	flushSize = 32 << 10
	// keptWriteBuffer is the largest buffer that an idle connection keeps.
	keptWriteBuffer = 1 << 10
)

// messageWriter gathers messages to a client. One goroutine uses it at a time.
type messageWriter struct {
	target  net.Conn
	buffer  []byte
	timeout time.Duration
	// sent counts the bytes written to the target.
	sent func(int)
	// failure is the first error; nothing is written behind it.
	failure error
	// buffers are those that connections give back while they wait.
	buffers *sync.Pool
}

// send adds a message and, where the buffer is full, sends it.
func (w *messageWriter) send(message pgproto3.BackendMessage) error {
	if w.failure != nil {
		return w.failure
	}
	encoded, err := message.Encode(w.buffer)
	if err != nil {
		return err
	}
	w.buffer = encoded
	return w.flushIfFull()
}

func (w *messageWriter) flushIfFull() error {
	if len(w.buffer) < flushSize {
		return w.failure
	}
	return w.flush()
}

// flush sends what is buffered. A client that takes none of it for the
// timeout counts as gone.
func (w *messageWriter) flush() error {
	if w.failure != nil || len(w.buffer) == 0 {
		return w.failure
	}
	pending := w.buffer
	for len(pending) > 0 && w.failure == nil {
		if w.timeout > 0 {
			w.failure = w.target.SetWriteDeadline(time.Now().Add(w.timeout))
		}
		piece := pending[:min(len(pending), 2*flushSize)]
		if w.failure == nil {
			var n int
			n, w.failure = w.target.Write(piece)
			w.sent(n)
		}
		pending = pending[len(piece):]
	}
	w.buffer = w.buffer[:0]
	if cap(w.buffer) > 4*flushSize {
		w.buffer = nil
	}
	return w.failure
}

// rowsBuffer is the capacity of the buffers that rows are gathered in.
const rowsBuffer = flushSize + flushSize/4

// release gives a large buffer back when there is nothing in it.
func (w *messageWriter) release() {
	if len(w.buffer) > 0 || cap(w.buffer) <= keptWriteBuffer {
		return
	}
	given := w.buffer
	w.buffer = nil
	if cap(given) >= rowsBuffer {
		w.buffers.Put(&given)
	}
}

// borrow replaces a small buffer by one for rows.
func (w *messageWriter) borrow() {
	if cap(w.buffer) >= flushSize {
		return
	}
	if given, ok := w.buffers.Get().(*[]byte); ok {
		w.buffer = append(*given, w.buffer...)
		return
	}
	w.buffer = append(make([]byte, 0, rowsBuffer), w.buffer...)
}

// rows adds a DataRow for each of the rows from up to, not including, to.
func (w *messageWriter) rows(columns []session.Column, format *types.Format, batch *types.Batch, from, to int) error {
	if to-from > 1 {
		w.borrow()
	}
	for row := from; row < to; row++ {
		start := len(w.buffer)
		w.buffer = append(w.buffer, 'D', 0, 0, 0, 0, byte(len(columns)>>8), byte(len(columns)))
		w.buffer = appendRow(w.buffer, columns, format, batch, row)
		binary.BigEndian.PutUint32(w.buffer[start+1:], uint32(len(w.buffer)-start-1))
		if len(w.buffer) >= flushSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.failure
}

// copyData adds a CopyData message.
func (w *messageWriter) copyData(data []byte) error {
	w.buffer = append(w.buffer, 'd')
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, uint32(len(data)+4))
	w.buffer = append(w.buffer, data...)
	return w.flushIfFull()
}

// appendRow adds the values of one row, each behind its length.
func appendRow(buffer []byte, columns []session.Column, format *types.Format, batch *types.Batch, row int) []byte {
	for i := range columns {
		vector := &batch.Columns[i]
		if vector.IsNull(row) {
			buffer = append(buffer, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		start := len(buffer)
		buffer = append(buffer, 0, 0, 0, 0)
		switch {
		case columns[i].Binary:
			buffer = types.AppendBinary(buffer, vector.Type, vector.Datum(row))
		case vector.Type.Kind == types.KindText || vector.Type.Kind == types.KindVarchar:
			buffer = append(buffer, vector.Strs[row]...)
		default:
			buffer = types.AppendVectorText(buffer, vector, row, format)
		}
		binary.BigEndian.PutUint32(buffer[start:], uint32(len(buffer)-start-4))
	}
	return buffer
}
