package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"
)

// TestFramesSurviveAnyCut sends messages of all sizes through a reader that gives them in
// small pieces.
func TestFramesSurviveAnyCut(t *testing.T) {
	out := newOutbox(time.Now())
	var want [][32]byte
	for i := range 40 {
		body := bytes.Repeat([]byte{byte(i)}, i*i*200)
		want = append(want, sha256.Sum256(body))
		o := &outgoing{kind: frameMessage, id: uint64(i), body: body, head: []byte{1}}
		if i%2 == 0 {
			o.lane = "even"
		}
		if room, err := out.offer(o); room != nil || err != nil {
			t.Fatal(room, err)
		}
	}
	var stream []byte
	for {
		before := len(stream)
		frames, err := out.next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if stream = append(stream, frames...); len(stream) == before {
			break
		}
	}
	in := newFrameReader(&pieces{data: stream}, maxTotal)
	lastEven := -1
	for range want {
		m, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(m.payload[1:]) != want[m.id] {
			t.Errorf("message %d came as something else", m.id)
		}
		if m.id%2 == 0 {
			if int(m.id) < lastEven {
				t.Errorf("message %d came after message %d of its lane", m.id, lastEven)
			}
			lastEven = int(m.id)
		}
	}
	if _, err := in.next(); err != io.EOF {
		t.Errorf("after the last message: %v", err)
	}
	if in.held != 0 || len(in.partial) != 0 || out.waiting != 0 || len(out.lanes) != 0 {
		t.Errorf("left over: %d bytes in, %d bytes out, %d lanes", in.held, out.waiting, len(out.lanes))
	}
}

// pieces gives its data in pieces of 1, 2, 3 … bytes.
type pieces struct {
	data []byte
	size int
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	p.size = p.size%5000 + 1
	n := copy(b[:min(len(b), p.size)], p.data)
	p.data = p.data[n:]
	return n, nil
}

// sealed is a frame.
func sealed(here, total int, id uint64, kind frameKind, body []byte) []byte {
	frame := append(appendFrameHead(nil, here, total, id, kind), body...)
	sealFrame(frame)
	return frame
}

// TestDamageIsFound flips each bit of a frame.
func TestDamageIsFound(t *testing.T) {
	frame := sealed(5, 5, 7, frameMessage, []byte("hello"))
	for bit := range 8 * len(frame) {
		damaged := bytes.Clone(frame)
		damaged[bit/8] ^= 1 << (bit % 8)
		if m, err := newFrameReader(bytes.NewReader(damaged), maxTotal).next(); err == nil {
			t.Errorf("with bit %d flipped, %q is taken", bit, m.payload)
		}
	}
}

// TestIncompleteMessagesAreBounded begins many messages that are said to be large.
func TestIncompleteMessagesAreBounded(t *testing.T) {
	var data []byte
	for id := range uint64(100_000) {
		data = append(data, sealed(1, maxJoinTotal, id, frameRequest, []byte{0})...)
	}
	in := newFrameReader(bytes.NewReader(data), maxJoinTotal)
	if _, err := in.next(); !errors.Is(err, errProtocol) {
		t.Errorf("the connection ends with %v", err)
	}
	kept := 0
	for _, p := range in.partial {
		kept += cap(p.bytes)
	}
	if kept > maxPartial*maxJoinTotal || len(in.partial)*partialCost > maxPartial*maxJoinTotal+partialCost {
		t.Errorf("%d bytes are kept for %d messages", kept, len(in.partial))
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(sealed(0, 0, 1, framePing, nil))
	f.Add(sealed(3, 3, 1, frameRequest, []byte{1, 'a', 0}))
	f.Add(append(sealed(1, 2, 9, frameMessage, []byte{1}), sealed(1, 2, 9, frameMessage, []byte{'a'})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Checksums would keep the fuzzer out.
		data = bytes.Clone(data)
		for rest := data; len(rest) >= frameHead; {
			frame := rest[:min(len(rest), frameHead+int(binary.BigEndian.Uint32(rest)%(maxPart+1)))]
			sealFrame(frame)
			rest = rest[len(frame):]
		}
		in := newFrameReader(bytes.NewReader(data), maxTotal)
		for {
			m, err := in.next()
			if in.held < 0 || in.held > (1+partialCost/frameHead)*len(data)+maxPart || len(m.payload) > len(data) && err == nil {
				t.Fatalf("%d bytes are held, of %d", in.held, len(data))
			}
			if err != nil {
				return
			}
		}
	})
}
