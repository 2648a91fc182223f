package session

import (
	"context"
	"slices"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/wire/notify"
)

// The limits of PostgreSQL 15, in bytes: a channel's name is shorter than a name may
// be with its zero byte, and a payload than a page without a name and what else is
// kept there.
const (
	maxChannelLength = 63
	maxPayloadLength = 7999
)

// notices are what a transaction will do to notifications when it commits. LISTEN and
// UNLISTEN take effect in their order, and no notification is sent twice.
type notifications struct {
	sent []notify.Notification
	// known are the channels and payloads in sent, nil before the first.
	known map[string]struct{}
	bytes int
	// listening are the LISTEN and UNLISTEN statements.
	listening []listening
}

// listening is LISTEN or UNLISTEN of a channel, or of all where that is "".
type listening struct {
	channel string
	stop    bool
	// relation is the stream or table of that name, 0 for none, and role the one that
	// follows it.
	relation, role catalog.ObjectID
}

func notificationKey(channel, payload string) string { return channel + "\x00" + payload }

// cut takes back what was added behind marks.
func (n *notifications) cut(sent, listening int) {
	for _, notification := range n.sent[sent:] {
		delete(n.known, notificationKey(notification.Channel, notification.Payload))
		n.bytes -= notificationBytes(notification)
	}
	clear(n.sent[sent:])
	n.sent, n.listening = n.sent[:sent], n.listening[:listening]
}

// notificationBytes is the memory that a notification takes until COMMIT, about.
func notificationBytes(n notify.Notification) int {
	const fixed = 128
	return fixed + 2*(len(n.Channel)+len(n.Payload))
}

// Notify implements expr.Session: what NOTIFY does.
func (s *Session) Notify(channel, payload string) error {
	switch {
	case channel == "":
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "channel name cannot be empty")
	case len(channel) > maxChannelLength:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "channel name too long")
	case len(payload) > maxPayloadLength:
		return sqlerr.New(sqlerr.InvalidParameterValue, -1, "payload string too long")
	}
	n := &s.transaction.notifications
	key := notificationKey(channel, payload)
	if _, known := n.known[key]; known {
		return nil
	}
	notification := notify.Notification{Channel: channel, Payload: payload, ProcessID: s.identity.ProcessID}
	if n.bytes += notificationBytes(notification); n.bytes > s.heldLimit() {
		return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "the transaction holds more than %d bytes of notifications", s.heldLimit()).
			WithHint("Notifications are held until COMMIT. Send less in one transaction.")
	}
	if n.known == nil {
		n.known = make(map[string]struct{})
	}
	n.known[key] = struct{}{}
	n.sent = append(n.sent, notification)
	return nil
}

// ListeningChannels implements expr.Session.
func (s *Session) ListeningChannels() []string {
	if s.listener == nil {
		return nil
	}
	return s.listener.Channels()
}

// NotificationQueueUsage implements expr.Session.
func (s *Session) NotificationQueueUsage() float64 {
	if s.options.Notifications == nil {
		return 0
	}
	return s.options.Notifications.Usage()
}

// notifyStatement is NOTIFY.
func (s *Session) notifyStatement(n *ast.Notify) (string, error) {
	payload := ""
	if n.Payload != nil {
		payload = n.Payload.Value
	}
	return "NOTIFY", s.Notify(n.Channel.Value, payload)
}

// listen is LISTEN.
func (s *Session) listen(n *ast.Listen) (string, error) {
	if s.options.Notifications == nil {
		return "", unsupported(n)
	}
	begin := listening{channel: n.Channel.Value, role: s.role()}
	if s.options.Feeds != nil {
		snapshot := s.catalog()
		if relation := s.relationNamed(snapshot, n.Channel.Value); relation != nil {
			if _, err := planFeed(s.plannerEnvironment(snapshot, nil), relation); err != nil {
				return "", sqlerr.From(err).At(n.Channel.Pos())
			}
			begin.relation = relation.ID
		}
	}
	t := &s.transaction.notifications
	t.listening = append(t.listening, begin)
	return "LISTEN", nil
}

// relationNamed returns the stream or table that a name without a schema means, nil for
// none.
func (s *Session) relationNamed(snapshot *catalog.Snapshot, name string) *catalog.Relation {
	for _, schema := range s.Schemas() {
		if relation := snapshot.Lookup(schema, name); relation != nil {
			return relation
		}
	}
	return nil
}

// unlisten is UNLISTEN.
func (s *Session) unlisten(n *ast.Unlisten) (string, error) {
	t := &s.transaction.notifications
	if s.listener == nil && len(t.listening) == 0 {
		return "UNLISTEN", nil
	}
	stop := listening{stop: true}
	if n.Channel != nil {
		stop.channel = n.Channel.Value
	}
	t.listening = append(t.listening, stop)
	return "UNLISTEN", nil
}

// unlistenAll forgets all channels at once.
func (s *Session) unlistenAll() {
	if s.listener != nil {
		s.listener.Close()
	}
}

// commitNotifying has write make the transaction's writes, and then does what LISTEN,
// UNLISTEN and NOTIFY said. Who begins to listen does so before the writes, and so
// receives what the same transaction sends; if they fail, nothing has changed.
func (s *Session) commitNotifying(ctx context.Context, write func() error) error {
	n := &s.transaction.notifications
	if len(n.sent) == 0 && len(n.listening) == 0 {
		return write()
	}
	undo, err := s.beginListening()
	if err != nil {
		undo()
		return err
	}
	commit := write
	if hub := s.options.Notifications; hub != nil {
		commit = func() error { return hub.Commit(ctx, n.sent, write) }
	}
	if err := commit(); err != nil {
		undo()
		return interrupted(ctx, err)
	}
	s.endListening()
	s.followCreated()
	*n = notifications{}
	return nil
}

// followCreated follows the relations that the transaction made.
func (s *Session) followCreated() {
	for _, l := range s.transaction.notifications.listening {
		if l.relation == 0 || s.listener.Follows(l.channel) != nil || !slices.Contains(s.listener.Channels(), l.channel) {
			continue
		}
		if err := s.options.Feeds.follow(s.options, l.relation, s.listener, l.channel, l.role); err != nil {
			s.logger.Warn("a relation that was made cannot be followed", "relation", uint64(l.relation), "error", err)
		}
	}
}

// beginListening begins to listen to what the transaction leaves listened to. Undo
// takes that back.
func (s *Session) beginListening() (undo func(), err error) {
	var begun, followed []string
	undo = func() {
		for _, channel := range followed {
			s.listener.Unfollow(channel)
		}
		for _, channel := range begun {
			s.listener.Unlisten(channel)
		}
	}
	for i, l := range s.transaction.notifications.listening {
		if l.stop || s.stoppedBehind(l.channel, i) {
			continue
		}
		if s.listener == nil {
			s.listener = s.options.Notifications.NewListener(s.client.Wake, s.missedNotifications)
		}
		if s.listener.Listen(l.channel) {
			begun = append(begun, l.channel)
		}
		if l.relation == 0 || s.options.Feeds.follows(l.relation, s.listener, l.channel) {
			continue
		}
		if err := s.options.Feeds.follow(s.options, l.relation, s.listener, l.channel, l.role); err != nil {
			return undo, err
		}
		followed = append(followed, l.channel)
	}
	return undo, nil
}

// missedNotifications ends the connection: another node could not deliver notifications
// in time.
func (s *Session) missedNotifications() {
	s.client.Terminate(sqlerr.New(sqlerr.ConnectionFailure, -1, "terminating connection because notifications of another node were missed").
		WithDetail("The nodes could not reach each other for some time.").
		WithHint("Connect again, LISTEN, and look for what may have changed meanwhile."))
}

// stoppedBehind reports whether an UNLISTEN behind the statement with a number undoes
// LISTEN channel.
func (s *Session) stoppedBehind(channel string, number int) bool {
	return slices.ContainsFunc(s.transaction.notifications.listening[number+1:], func(l listening) bool {
		return l.stop && (l.channel == "" || l.channel == channel)
	})
}

// endListening does what UNLISTEN said, unless a LISTEN came behind it.
func (s *Session) endListening() {
	if s.listener == nil {
		return
	}
	list := s.transaction.notifications.listening
	for _, channel := range s.listener.Channels() {
		last := -1
		for i, l := range list {
			if l.channel == channel || l.stop && l.channel == "" {
				last = i
			}
		}
		if last >= 0 && list[last].stop {
			s.listener.Unlisten(channel)
		}
	}
}

// Notifications takes the first of the notifications that are for the client: none
// while a transaction is open.
func (s *Session) Notifications() []notify.Notification {
	if s.listener == nil || !s.Idle() {
		return nil
	}
	return s.listener.Take()
}

// Idle reports whether no transaction is open.
func (s *Session) Idle() bool {
	return s.transaction.state == stateNone && s.transaction.started.IsZero()
}
