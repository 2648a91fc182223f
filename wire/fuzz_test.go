package wire

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"millrace/wire/session"
)

// FuzzStartup sends arbitrary bytes to a server that accepts no session: it
// answers or hangs up, and never fails.
func FuzzStartup(f *testing.F) {
	packet := func(code uint32, rest string) []byte {
		data := binary.BigEndian.AppendUint32(nil, uint32(8+len(rest)))
		return append(binary.BigEndian.AppendUint32(data, code), rest...)
	}
	f.Add(packet(3<<16, "user\x00u\x00database\x00millrace\x00options\x00-c a=b --c-d=e\\ f\x00\x00"))
	f.Add(append(packet(codeSSLRequest, ""), packet(3<<16|2, "_pq_.x\x001\x00\x00")...))
	f.Add(packet(codeCancelRequest, "12345678"))
	f.Add(packet(codeGSSENCRequest, ""))
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	server, err := New(Options{
		Addr: "unused",
		NewSession: func(session.Identity, session.Client) (*session.Session, error) {
			return nil, io.ErrClosedPipe
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client, socket := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			newConn(server, socket).serve(false)
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		_, _ = client.Write(data)
		_ = client.Close()
		<-done
	})
}

// FuzzMessages cuts arbitrary bytes into messages, in pieces of any size: they
// come out as they do from the whole.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x06a\x00S\x00\x00\x00\x04X\x00\x00\x00\x04"), uint8(1))
	f.Add([]byte("d\x00\x00\x00\xff"), uint8(3))
	f.Add([]byte("Q\x00\x00\x00\x00"), uint8(7))
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		reader := newMessageReader(&pieceConn{data: data, piece: int(piece) + 1}, &memoryBudget{limit: 1 << 30}, func(int) {})
		for rest := data; ; {
			kind, body, err := reader.next(limit)
			if err != nil {
				if len(rest) >= headerLength {
					length := int(int32(binary.BigEndian.Uint32(rest[1:])))
					if length >= 4 && length-4 <= limit && len(rest) > length {
						t.Fatalf("a whole message was refused: %v", err)
					}
				}
				return
			}
			if kind != rest[0] || string(body) != string(rest[headerLength:headerLength+len(body)]) {
				t.Fatalf("message %q %q out of %q", kind, body, rest)
			}
			rest = rest[headerLength+len(body):]
		}
	})
}

// pieceConn gives data in pieces.
type pieceConn struct {
	net.Conn
	data  []byte
	piece int
}

func (c *pieceConn) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.piece)], c.data)
	c.data = c.data[n:]
	return n, nil
}
