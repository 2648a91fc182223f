package notify

import (
	"encoding/binary"
	"errors"
)

// message is what a hub sends to another: notifications with consecutive numbers.
//
//	message      := version u8 (1) · from u64 · to u64 · first uvarint · lost u8
//	                notification*
//	notification := process uvarint · channel · payload
//	channel, payload := length uvarint · bytes
type message struct {
	// from is the life of the sending hub, and to that of the receiving one, 0 where it
	// is not known.
	from, to uint64
	// first is the number of the first notification, or of the next where there is none.
	first uint64
	// lost says that notifications before the first were let go.
	lost          bool
	notifications []Notification
}

const messageVersion = 1

var errBadMessage = errors.New("notify: a message that this version does not know")

// encode is the inverse of decodeMessage.
func (m *message) encode() []byte {
	buf := []byte{messageVersion}
	buf = binary.BigEndian.AppendUint64(buf, m.from)
	buf = binary.BigEndian.AppendUint64(buf, m.to)
	buf = binary.AppendUvarint(buf, m.first)
	lost := byte(0)
	if m.lost {
		lost = 1
	}
	buf = append(buf, lost)
	for i := range m.notifications {
		n := &m.notifications[i]
		buf = binary.AppendUvarint(buf, uint64(uint32(n.ProcessID)))
		for _, text := range []string{n.Channel, n.Payload} {
			buf = binary.AppendUvarint(buf, uint64(len(text)))
			buf = append(buf, text...)
		}
	}
	return buf
}

// decodeMessage decodes a message; its texts are copied.
func decodeMessage(data []byte) (*message, error) {
	if len(data) < 17 || data[0] != messageVersion {
		return nil, errBadMessage
	}
	m := &message{from: binary.BigEndian.Uint64(data[1:]), to: binary.BigEndian.Uint64(data[9:])}
	in := messageReader{data: data[17:]}
	m.first = in.uvarint()
	switch in.byte() {
	case 0:
	case 1:
		m.lost = true
	default:
		in.bad = true
	}
	for !in.bad && len(in.data) > 0 {
		n := Notification{ProcessID: int32(in.uvarint()), Channel: in.text(), Payload: in.text()}
		m.notifications = append(m.notifications, n)
	}
	if in.bad {
		return nil, errBadMessage
	}
	return m, nil
}

// messageReader reads what a message consists of; bad says that there was not enough.
type messageReader struct {
	data []byte
	bad  bool
}

func (r *messageReader) byte() byte {
	if len(r.data) == 0 {
		r.bad = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *messageReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *messageReader) text() string {
	size := r.uvarint()
	if size > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return ""
	}
	text := string(r.data[:size])
	r.data = r.data[size:]
	return text
}
