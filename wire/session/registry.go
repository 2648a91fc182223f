package session

import (
	"strings"
	"sync"

	"millrace/exec"
	"millrace/sql/catalog/systables"
)

// Registry knows the sessions of a node, and asks the other nodes about theirs. The zero
// value is ready, and knows no other nodes; it is safe for concurrent use.
type Registry struct {
	options RegistryOptions

	mu       sync.Mutex
	sessions map[*Session]struct{}
}

func (r *Registry) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions = make(map[*Session]struct{})
	}
	r.sessions[s] = struct{}{}
}

func (r *Registry) remove(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s)
}

// find returns the session of a process ID, nil when there is none.
func (r *Registry) find(pid int32) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if s.identity.ProcessID == pid {
			return s
		}
	}
	return nil
}

// list returns what is known of each session of the node.
func (r *Registry) list() []systables.SessionStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]systables.SessionStatus, 0, len(r.sessions))
	for s := range r.sessions {
		list = append(list, s.Info())
	}
	return list
}

// followed reports whether a session of the node waits for a push query's rows.
func (r *Registry) followed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if s.follows() {
			return true
		}
	}
	return false
}

// The states of a session in pg_stat_activity.
const (
	stateActive        = "active"
	stateIdle          = "idle"
	stateIdleInBlock   = "idle in transaction"
	stateIdleInAborted = "idle in transaction (aborted)"
)

// Info returns what others may know of the session.
func (s *Session) Info() systables.SessionStatus {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	return systables.SessionStatus{
		PID: s.identity.ProcessID, User: s.identity.User, Database: s.identity.Database,
		ApplicationName: a.name, ClientAddress: s.identity.ClientAddress,
		Started: s.identity.Started, QueryStarted: a.started, State: a.state, Query: a.query,
		WaitsForLock: a.waiting, WaitsForChanges: a.push != nil && a.push.WaitsForChanges(),
	}
}

// beginActivity shows that a statement runs.
func (s *Session) beginActivity(text string) {
	const shown = 1024
	if len(text) > shown {
		text = strings.ToValidUTF8(strings.Clone(text[:shown]), "")
	}
	s.logger.Debug("statement", "text", text)
	now := s.now()
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state, a.query, a.started = stateActive, text, now
}

// endActivity shows that the session waits for its client.
func (s *Session) endActivity() {
	state := stateIdle
	switch s.transaction.state {
	case stateBlock:
		state = stateIdleInBlock
	case stateFailed:
		state = stateIdleInAborted
	}
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = state
}

// showWaiting shows what kind of lock the session waits for, "" for none.
func (s *Session) showWaiting(kind string) {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = kind
}

// follows reports whether the session fetches the next rows of a push query.
func (s *Session) follows() bool {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.push != nil
}

// showPush shows the push query whose next rows the session fetches, nil for none.
func (s *Session) showPush(push exec.PushCursor) {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	a.push = push
}

// application returns the client's application_name.
func (s *Session) application() string {
	return s.settings.byNumber[settingNumbers["application_name"]]
}

// showApplication lets others see the client's application_name.
func (s *Session) showApplication() {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	a.name = s.application()
}
