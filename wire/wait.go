package wire

import (
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A connection that waits for a message has its goroutine in a read of the socket. What
// it is to do meanwhile interrupts that read by a deadline that has passed, and the wait
// begins anew: an idle connection that listens costs no second goroutine.
//
// Invariants: only while waiting is set does wake touch the deadline; when the wait is
// over there is none, unless the connection has to end.

// nextMessage returns the next message of the client.
func (c *conn) nextMessage() (kind byte, body []byte, err error) {
	if c.reader.buffered() < headerLength {
		if err := c.waitForMessage(); err != nil {
			return 0, nil, err
		}
	}
	kind, body, err = c.reader.next(c.options.MaxMessageBytes)
	if err != nil {
		return 0, nil, c.readError(err)
	}
	return kind, body, nil
}

// waitForMessage lets go of what an idle connection does not need, and waits for
// the beginning of a message, no longer than the session's settings allow. The
// notifications that come meanwhile are sent.
func (c *conn) waitForMessage() error {
	var deadline time.Time
	if c.reader.buffered() == 0 {
		c.reader.release()
		if timeout := c.session.IdleTimeout(); timeout > 0 {
			deadline = time.Now().Add(timeout)
		}
	}
	for {
		if err := c.writer.flush(); err != nil {
			return err
		}
		c.writer.release()
		if c.beginWait(deadline) {
			err := c.reader.await(headerLength)
			c.endWait(deadline)
			if err == nil {
				return nil
			}
			timedOut := !deadline.IsZero() && !time.Now().Before(deadline)
			if timedOut || c.termination() != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
				return c.readError(err)
			}
		}
		if err := c.sendNotifications(); err != nil {
			return err
		}
	}
}

// beginWait says that the connection waits, until a deadline where that is not zero. It
// returns false where there are notifications to be sent first.
func (c *conn) beginWait(deadline time.Time) bool {
	idle := c.session.Idle()
	c.mu.Lock()
	defer c.mu.Unlock()
	woken := c.woken
	// What comes in a transaction is sent behind it: see ready.
	c.woken = false
	if woken && idle {
		return false
	}
	c.waiting = true
	if !deadline.IsZero() && c.terminated == nil {
		_ = c.socket.SetReadDeadline(deadline) // a socket that fails to is found by the read
	}
	return true
}

// endWait says that the connection does not wait any more.
func (c *conn) endWait(deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if (c.interrupted || !deadline.IsZero()) && c.terminated == nil {
		_ = c.socket.SetReadDeadline(time.Time{}) // as in beginWait
	}
	c.interrupted = false
}

// wake has the connection send its notifications, at once if it waits for a message. Any
// goroutine may call it.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = true
	if c.waiting && c.terminated == nil {
		c.interrupted = true
		_ = c.socket.SetReadDeadline(longAgo) // as in beginWait
	}
}

// sendNotifications sends what has come for the client, nothing while a transaction is
// open.
func (c *conn) sendNotifications() error {
	for {
		list := c.session.Notifications()
		if list == nil {
			return nil
		}
		for i := range list {
			n := &list[i]
			err := c.writer.send(&pgproto3.NotificationResponse{PID: uint32(n.ProcessID), Channel: n.Channel, Payload: n.Payload})
			if err != nil {
				return err
			}
		}
	}
}
