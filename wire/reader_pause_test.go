package wire

import (
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestReaderResumesAfterDeadline cuts a message anywhere by a read deadline: the
// next call gives it whole.
func TestReaderResumesAfterDeadline(t *testing.T) {
	message, err := (&pgproto3.CopyData{Data: []byte("a line of data\n")}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range message {
		client, server := net.Pipe()
		reader := newMessageReader(server, new(memoryBudget), func(int) {})
		if err := server.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := client.Write(message[:cut])
			sent <- err
		}()
		if _, _, err := reader.next(1 << 20); err == nil {
			t.Fatalf("a message of %d of %d bytes was given out", cut, len(message))
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if err := server.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := client.Write(message[cut:])
			sent <- err
		}()
		kind, body, err := reader.next(1 << 20)
		if err != nil || kind != 'd' || string(body) != "a line of data\n" {
			t.Errorf("cut at %d: %q %q, %v", cut, kind, body, err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
		_ = server.Close()
	}
}
