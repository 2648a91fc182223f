package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/wire/notify"
)

// DefaultServerVersion is the version that clients see: drivers read the number
// in front and take the server for that PostgreSQL.
const DefaultServerVersion = "15.0 (Millrace)"

// defaultHeldBytes bounds what a transaction holds.
const defaultHeldBytes = 256 << 20

// Options are what the sessions of a node share. Backend and System are
// required.
type Options struct {
	Backend exec.Backend
	// System are the system tables.
	System *systables.Registry
	// Status tells the system tables of the node; nil for nothing.
	Status NodeStatus
	// Operator changes members and placement of the cluster; nil where that is refused.
	Operator Operator
	// Functions are what pg_proc lists.
	Functions []systables.Function
	// Notifications carries what sessions notify each other of; nil refuses LISTEN.
	Notifications *notify.Hub
	// Feeds give the changes of streams and tables to who listens to their names; nil
	// where such names are those of channels only. They need Notifications.
	Feeds *RelationFeeds
	// Registry knows the connected sessions; nil for none.
	Registry *Registry
	Logger   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// HeldBytes bounds the rows that one transaction holds until COMMIT, in
	// bytes of memory; 0 means 256 MiB. More is refused with 54000.
	HeldBytes int
}

// Identity is who a client is and what it asked for when it connected.
type Identity struct {
	User, Database string
	// Role is the role that the client has proved to be; 0 for a client that is
	// believed and names none that there is, which may do everything.
	Role catalog.ObjectID
	// ClientAddress is the client's IP address, "" for a local socket.
	ClientAddress string
	// ProcessID is what the client names in cancel requests.
	ProcessID int32
	// Settings are set in this order and become what RESET goes back to.
	Settings []Assignment
	Started  time.Time
}

// Session is one client's state. Its methods are called from one goroutine at
// a time; Info may be called from any.
//
// After an error from any of the methods that run statements, the transaction
// has failed as PostgreSQL's would have, and the error is to be sent to the
// client. Where the text is known in which the error has a position, it is a
// *TextError.
type Session struct {
	options  *Options
	identity Identity
	client   Client
	logger   *slog.Logger
	writer   exec.Writer
	// functions are the names of functions, nil before they are asked for.
	functions *systables.FunctionNames

	// life ends when the session is closed; cursors live in it.
	life context.Context
	end  context.CancelFunc

	// initial are the values to which RESET goes back, settings the values now,
	// lasting those that stay when the transaction commits (without SET LOCAL),
	// and reported those that the client knows.
	initial, settings, lasting, reported *values

	transaction transaction
	// cutOff says that the running statement does without the cluster's other nodes, which
	// do not answer.
	cutOff bool
	// command is the running statement with others in its WITH, nil for none.
	command    *command
	statements map[string]*statement
	portals    map[string]*portal
	cursors    map[string]*cursor
	// cursorCount numbers cursors, so that savepoints know which are younger.
	cursorCount int

	sequences sequenceValues

	// lockedBy is the client of the lock manager, nil before the first lock.
	lockedBy exec.LockSession
	advisory advisoryLocks

	// listener takes notifications; nil before the first LISTEN.
	listener *notify.Listener

	// activity is what others see of the session.
	activity activity
}

// activity is what pg_stat_activity shows.
type activity struct {
	mu      sync.Mutex
	state   string
	query   string
	started time.Time
	name    string
	// waiting is the kind of lock that the session waits for, "" for none.
	waiting string
	// push is the push query whose next rows the session fetches, nil for none.
	push exec.PushCursor
}

// New returns the session of a client. It fails when the client asked for
// settings that do not exist or have no such value.
func New(options *Options, identity Identity, client Client) (*Session, error) {
	s := &Session{options: options, identity: identity, client: client, logger: options.Logger}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.logger = s.logger.With("pid", identity.ProcessID)
	start := standardValues.replace(settingNumbers["session_authorization"], identity.User)
	s.settings = start
	for _, assignment := range identity.Settings {
		if err := s.checkRole(assignment.Name, assignment.Value); err != nil {
			return nil, err
		}
		var err error
		if start, err = start.with(assignment.Name, assignment.Value); err != nil {
			return nil, err
		}
	}
	s.settings = start
	s.noteSuperuser()
	start = s.settings
	s.initial, s.lasting, s.reported = start, start, start
	s.life, s.end = context.WithCancel(context.Background())
	s.activity.state = stateIdle
	s.showApplication()
	if options.Registry != nil {
		options.Registry.add(s)
	}
	return s, nil
}

// Close lets go of everything that the session holds; an open transaction is
// rolled back.
func (s *Session) Close() {
	if s.options.Registry != nil {
		s.options.Registry.remove(s)
	}
	s.unlistenAll()
	s.closePortals()
	for name := range s.cursors {
		s.closeCursor(name)
	}
	s.closeView()
	s.releaseLocks(0)
	s.dropDefinitions()
	s.AdvisoryUnlockAll()
	if s.writer != nil {
		s.writer.Close()
		s.writer = nil
	}
	s.end()
}

// now returns the wall clock.
func (s *Session) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now()
	}
	return time.Now()
}

// Reported returns the settings that a client is told of when it connects.
func (s *Session) Reported() []Assignment {
	var list []Assignment
	for i := range settings {
		if settings[i].report {
			list = append(list, Assignment{settings[i].name, s.settings.byNumber[i]})
		}
	}
	s.reported = s.settings
	return list
}

// Changed returns the reported settings whose values the client does not know
// yet.
func (s *Session) Changed() []Assignment {
	if s.reported == s.settings {
		return nil
	}
	var list []Assignment
	for i := range settings {
		if settings[i].report && s.reported.byNumber[i] != s.settings.byNumber[i] {
			list = append(list, Assignment{settings[i].name, s.settings.byNumber[i]})
		}
	}
	s.reported = s.settings
	s.showApplication()
	return list
}

// IdleTimeout returns how long the client may stay idle from now on; 0 means
// for ever.
func (s *Session) IdleTimeout() time.Duration {
	if s.transaction.state == stateNone {
		return s.settings.idleSession
	}
	return s.settings.idleTransaction
}

// IdleError is why a client that stayed idle for too long is disconnected.
func (s *Session) IdleError() error {
	if s.transaction.state == stateNone {
		return sqlerr.New("57P05", -1, "terminating connection due to idle-session timeout")
	}
	return sqlerr.New(sqlerr.IdleInTransactionSessionTimeout, -1, "terminating connection due to idle-in-transaction timeout")
}

// format returns how values are read and printed in the current statement.
func (s *Session) format() *types.Format {
	f := *s.settings.format
	now := s.transactionTime()
	f.Now = func() time.Time { return now }
	f.ObjectName = s.objectName
	return &f
}

// notice sends a message of a severity (NOTICE, WARNING …) unless the client
// does not want it.
func (s *Session) notice(severity string, notice *sqlerr.Error) error {
	if noticeRank(severity) < s.settings.minSeverity {
		return nil
	}
	return s.client.Notice(severity, notice)
}

// backendWriter returns the session's writer.
func (s *Session) backendWriter() exec.Writer {
	if s.writer == nil {
		s.writer = s.options.Backend.NewWriter()
	}
	return s.writer
}

// TextError is an error together with the text that its position lies in.
type TextError struct {
	Err  error
	Text string
}

// Error implements error.
func (e *TextError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *TextError) Unwrap() error { return e.Err }

// inText adds the text to an error.
func inText(err error, text string) error {
	if err == nil {
		return nil
	}
	return &TextError{Err: err, Text: text}
}
