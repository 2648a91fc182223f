package wire_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"millrace/sql/sqlerr"
	"millrace/wire/notify"
)

// expectNext fails unless the next message is the expected one.
func (c *rawClient) expectNext(want string) {
	c.t.Helper()
	if got := c.receive(); got != want {
		c.t.Fatalf("got %s, want %s", got, want)
	}
}

// TestNotifyDuringMessage notifies a client that has begun to send a message.
func TestNotifyDuringMessage(t *testing.T) {
	server := startServer(t, nil)
	c, other := startRaw(t, "tcp", server.address, nil), startRaw(t, "tcp", server.address, nil)
	c.exchange(`Query "LISTEN c"`)
	query := "SELECT 1\x00"
	message := append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(query)+4)), query...)
	for cut := range len(message) {
		if _, err := c.conn.Write(message[:cut]); err != nil {
			t.Fatal(err)
		}
		other.exchange(`Query "NOTIFY c"`)
		const notification = `NotificationResponse "c" ""`
		notified := cut < 5
		if notified {
			// As far as the server can tell, no message has begun.
			c.expectNext(notification)
		}
		if _, err := c.conn.Write(message[cut:]); err != nil {
			t.Fatal(err)
		}
		got := c.receiveReady(1)
		if i := slices.Index(got, notification); i >= 0 && !notified {
			got = slices.Delete(got, i, i+1)
		}
		want := []string{`RowDescription ?column?:23`, `DataRow "1"`, `CommandComplete "SELECT 1"`, `ReadyForQuery I`}
		if !slices.Equal(got, want) {
			t.Fatalf("with %d bytes sent before: %q", cut, got)
		}
	}
}

// TestNotifyAndIdleTimeout notifies a client again and again: it is idle all the same.
func TestNotifyAndIdleTimeout(t *testing.T) {
	server := startServer(t, nil)
	c, other := startRaw(t, "tcp", server.address, nil), startRaw(t, "tcp", server.address, nil)
	c.exchange(`Query "LISTEN c"`)
	c.exchange(`Query "SET idle_session_timeout = '300ms'"`)
	notified := 0
	for {
		other.exchange(`Query "NOTIFY c"`)
		got := c.receive()
		if got == `NotificationResponse "c" ""` {
			notified++
			continue
		}
		if !strings.HasPrefix(got, "ErrorResponse FATAL 57P05") {
			t.Fatal(got)
		}
		break
	}
	if !waitFor(func() bool { return other.exchange(`Query "SELECT pg_notification_queue_usage()"`)[1] == `DataRow "0"` }) {
		t.Error("what was for the last listener is still queued")
	}
}

// TestNotifyMany has clients that listen wait for a message: each gets all notifications,
// in order, and none has a second goroutine.
func TestNotifyMany(t *testing.T) {
	server := startServer(t, nil)
	const clients, sent = 100, 20
	all := make([]*rawClient, clients)
	for i := range all {
		all[i] = startRaw(t, "tcp", server.address, nil)
	}
	idle := runtime.NumGoroutine()
	for _, c := range all {
		c.exchange(`Query "LISTEN c"`)
	}
	sender := startRaw(t, "tcp", server.address, nil)
	for i := range sent {
		sender.exchange(fmt.Sprintf(`Query "NOTIFY c, '%d'"`, i))
	}
	for _, c := range all {
		for i := range sent {
			c.expectNext(fmt.Sprintf(`NotificationResponse "c" "%d"`, i))
		}
	}
	if !waitFor(func() bool { return runtime.NumGoroutine() < idle+clients/2 }) {
		t.Errorf("%d goroutines with %d idle clients, %d when they listen", idle, clients, runtime.NumGoroutine())
	}
	for _, c := range all {
		if got := c.exchange(`Query "SELECT 1"`); got[1] != `DataRow "1"` {
			t.Fatal(got)
		}
	}
}

// TestNotifyQueueFull fills the queue of notifications while a listener is in a
// transaction: the transaction that notifies fails, and nothing of it is written.
func TestNotifyQueueFull(t *testing.T) {
	server := startServer(t, nil)
	server.sessions.Notifications = notify.NewHub(100_000)
	server.define(t, "CREATE STREAM s (n int)")
	slow, sender := startRaw(t, "tcp", server.address, nil), startRaw(t, "tcp", server.address, nil)
	slow.exchange(`Query "LISTEN c"`)
	slow.exchange(`Query "BEGIN"`)
	const statement = `Query "INSERT INTO s VALUES (%d); SELECT pg_notify('c', repeat('p', 4000) || %[1]d)"`
	sent := 0
	for {
		answer := sender.exchange(fmt.Sprintf(statement, sent))
		if last := answer[len(answer)-2]; last != `CommandComplete "SELECT 1"` {
			if last != `ErrorResponse ERROR 54000 "too many notifications in the NOTIFY queue"` {
				t.Fatalf("%q", answer)
			}
			break
		}
		sent++
	}
	count := []string{"RowDescription count:20", fmt.Sprintf("DataRow %q", fmt.Sprint(sent)), `CommandComplete "SELECT 1"`, "ReadyForQuery I"}
	if got := sender.exchange(`Query "SELECT count(*) FROM s"`); sent == 0 || !slices.Equal(got, count) {
		t.Errorf("after %d transactions: %q", sent, got)
	}
	if got := slow.exchange(`Query "COMMIT"`); len(got) != sent+2 {
		t.Errorf("%d messages behind COMMIT", len(got))
	}
	if got := sender.exchange(fmt.Sprintf(statement, sent)); got[len(got)-2] != `CommandComplete "SELECT 1"` {
		t.Errorf("when there is room again: %q", got)
	}
}

// TestListenSharesPush has clients listen to a stream: one push query serves them all,
// and ends when the last of them has left.
func TestListenSharesPush(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM s (n int)", "CREATE STREAM other (n int)")
	var clients []*rawClient
	for range 5 {
		c := startRaw(t, "tcp", server.address, nil)
		c.exchange(`Query "LISTEN s"`)
		c.exchange(`Query "LISTEN s"`)
		clients = append(clients, c)
	}
	clients[0].exchange(`Query "LISTEN other"`)
	if open := server.backend.openCursors(); open != 2 {
		t.Errorf("%d push queries follow two streams", open)
	}
	sender := startRaw(t, "tcp", server.address, nil)
	sender.exchange(`Query "INSERT INTO s VALUES (1), (2)"`)
	for _, c := range clients {
		c.expectNext(`NotificationResponse "s" "{\"rowop\":\"insert\",\"n\":1}"`)
		c.expectNext(`NotificationResponse "s" "{\"rowop\":\"insert\",\"n\":2}"`)
	}
	clients[0].exchange(`Query "UNLISTEN *"`)
	if !waitFor(func() bool { return server.backend.openCursors() == 1 }) {
		t.Error("nobody follows one of them, and its query goes on")
	}
	for _, c := range clients {
		c.send("Terminate")
	}
	if !waitFor(func() bool { return server.backend.openCursors() == 0 }) {
		t.Error("nobody follows any, and a query goes on")
	}
	server.sessions.Feeds.Wait()
}

// TestListenGoesOn fails the push query behind LISTEN: listeners are told that changes
// are missing, and of those that come later.
func TestListenGoesOn(t *testing.T) {
	server := startServer(t, nil)
	server.define(t, "CREATE STREAM s (n int)")
	c, sender := startRaw(t, "tcp", server.address, nil), startRaw(t, "tcp", server.address, nil)
	failure := sqlerr.New(sqlerr.IOError, -1, "the disk is gone")
	server.backend.failQueries.Store(failure)
	if got := c.exchange(`Query "LISTEN s"`); got[0] != `ErrorResponse ERROR 58030 "the disk is gone"` {
		t.Errorf("a query that cannot begin: %q", got)
	}
	server.backend.failQueries.Store(nil)
	if got := c.exchange(`Query "SELECT pg_listening_channels()"`); len(got) != 3 {
		t.Errorf("behind a LISTEN that failed: %q", got)
	}
	c.exchange(`Query "LISTEN s"`)
	told := func(payload string) {
		t.Helper()
		c.expectNext(fmt.Sprintf(`NotificationResponse "s" %q`, payload))
	}
	const skipped = `{"rowop":"skipped"}`
	server.backend.failPushes <- failure
	told(skipped)
	sender.exchange(`Query "INSERT INTO s VALUES (1)"`)
	told(`{"rowop":"insert","n":1}`)
	// It fails again, and cannot begin for a while.
	server.backend.failQueries.Store(failure)
	server.backend.failPushes <- failure
	told(skipped)
	server.backend.failQueries.Store(nil)
	told(skipped) // the query has begun
	sender.exchange(`Query "INSERT INTO s VALUES (2)"`)
	told(`{"rowop":"insert","n":2}`)
	server.backend.failPushes <- sqlerr.New(sqlerr.UndefinedTable, -1, "the relation was dropped")
	told(`{"rowop":"dropped"}`)
	if !waitFor(func() bool { return server.backend.openCursors() == 0 }) {
		t.Error("the query goes on")
	}
	server.sessions.Feeds.Wait()
	sender.exchange(`Query "NOTIFY s, 'still a channel'"`)
	told("still a channel")
}
