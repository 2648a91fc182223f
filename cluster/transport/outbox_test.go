package transport

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ids are the messages of the frames that an outbox gives next, each once.
func ids(t *testing.T, out *outbox) []uint64 {
	t.Helper()
	frames, err := out.next(nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []uint64
	for len(frames) > 0 {
		if id := binary.BigEndian.Uint64(frames[8:]); !slices.Contains(list, id) {
			list = append(list, id)
		}
		frames = frames[frameHead+int(binary.BigEndian.Uint32(frames)):]
	}
	return list
}

// offered puts a message into an outbox that has room.
func offered(t *testing.T, out *outbox, o *outgoing) {
	t.Helper()
	if room, err := out.offer(o); room != nil || err != nil {
		t.Fatal(room, err)
	}
}

// awake tells whether an outbox has something to write.
func awake(out *outbox) bool {
	select {
	case <-out.ready:
		return true
	default:
		return false
	}
}

func TestPatientMessagesWaitForCompany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		out := newOutbox(time.Now())
		var hurried atomic.Int64
		patient := func(id uint64) *outgoing {
			return &outgoing{kind: frameRaft, id: id, body: []byte{1}, patient: &hurried}
		}
		time.Sleep(patience / 3)
		offered(t, out, patient(1))
		offered(t, out, patient(2))
		if awake(out) {
			t.Error("a patient message has not waited")
		}
		start := time.Now()
		<-out.ready
		if got := ids(t, out); !slices.Equal(got, []uint64{1, 2}) || time.Since(start) > patience {
			t.Errorf("got %v after %v", got, time.Since(start))
		}

		offered(t, out, patient(3))
		offered(t, out, &outgoing{kind: frameRaft, id: 4, body: []byte{1}})
		if got := ids(t, out); !awake(out) || !slices.Equal(got, []uint64{3, 4}) {
			t.Errorf("with company got %v", got)
		}

		offered(t, out, patient(5))
		hurried.Add(1)
		out.rush()
		if got := ids(t, out); !awake(out) || !slices.Equal(got, []uint64{5}) {
			t.Errorf("when it is hurried got %v", got)
		}
		offered(t, out, patient(6))
		if got := ids(t, out); !awake(out) || !slices.Equal(got, []uint64{6}) {
			t.Errorf("while it is hurried got %v", got)
		}
		hurried.Add(-1)

		dropped := patient(7)
		offered(t, out, dropped)
		if out.drop(dropped) {
			t.Error("a patient message has begun")
		}
		<-out.ready
		if got := ids(t, out); len(got) != 0 {
			t.Errorf("what was dropped is sent: %v", got)
		}
		time.Sleep(10 * patience)
		synctest.Wait()
		if awake(out) {
			t.Error("the timer goes on with nothing to send")
		}
	})
}

// TestPatientMessagesKeepTheirLane has a patient message behind one of its lane that is
// not sent yet.
func TestPatientMessagesKeepTheirLane(t *testing.T) {
	out := newOutbox(time.Now())
	var hurried atomic.Int64
	offered(t, out, &outgoing{kind: frameRaft, id: 1, body: make([]byte, 2*maxWrite), lane: "raft 1"})
	offered(t, out, &outgoing{kind: frameRaft, id: 2, body: []byte{1}, lane: "raft 1", patient: &hurried})
	for _, want := range [][]uint64{{1}, {1}, {2}} {
		if got := ids(t, out); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// TestVerifyingLeadershipDoesNotWait has heartbeats leave at once for who waits for them.
func TestVerifyingLeadershipDoesNotWait(t *testing.T) {
	virtual(t, func(t *testing.T) {
		c := newTestNodes(t, 3)
		members := map[uint64]*member{}
		for node, tr := range c.nodes {
			members[node] = startRaft(t, tr, 1, []uint64{1, 2, 3})
		}
		leader := leaderOf(t, members)
		for range 50 {
			time.Sleep(17 * time.Millisecond)
			start := time.Now()
			done := c.nodes[leader].Hurry(1)
			err := members[leader].raft.VerifyLeader().Error()
			done()
			if took := time.Since(start); err != nil || took > 0 {
				t.Errorf("it took %v: %v", took, err)
			}
		}
	})
}
