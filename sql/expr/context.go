package expr

import (
	"math/rand/v2"
	"time"

	"millrace/sql/types"
)

// Context is what an evaluation may depend on besides its input batch. It is
// owned by one goroutine.
type Context struct {
	// Now is the statement's (or tick's) time.
	Now time.Time
	// Format is the session's or query's output and input settings.
	Format *types.Format
	// Params are the values of the statement's parameters.
	Params []types.Datum
	// OuterRows are the rows of enclosing queries, innermost first.
	OuterRows [][]types.Datum
	// Subqueries runs subquery n for the given outer rows and returns its rows;
	// nil where there are none. It keeps nothing of outer.
	Subqueries func(number int, outer [][]types.Datum) ([][]types.Datum, error)
	// Uncorrelated reports whether subquery n, which has run, gives the same rows
	// whatever the outer rows are; nil for never.
	Uncorrelated func(number int) bool
	// Done, where not nil, is closed when the statement is cancelled; functions
	// that wait (pg_sleep) end then with 57014.
	Done <-chan struct{}
	// Random is the source of random() and gen_random_uuid(): nil for one that the
	// runtime seeds. The leader of a shard decides it, as it decides Now.
	Random *rand.Rand
	// Session answers functions about the session (current_user, current_schema,
	// current_setting, pg_get_userbyid ...): nil in continuous queries.
	Session Session

	// Errors collects the rows that failed in the current evaluation, at most one
	// per row, in no particular order.
	Errors []RowError
	failed types.Bitmap
	rows   []int32
}

// RowError is the failure of one row.
type RowError struct {
	Row int32
	Err error
}

// Fail reports that row failed. The first failure of a row counts.
func (c *Context) Fail(row int32, err error) {
	if c.failed.Get(int(row)) {
		return
	}
	c.failed = c.failed.Set(int(row))
	c.Errors = append(c.Errors, RowError{Row: row, Err: err})
}

// Failed reports whether the row failed since the last ResetErrors.
func (c *Context) Failed(row int32) bool { return c.failed.Get(int(row)) }

// ResetErrors forgets the failures, before the next batch.
func (c *Context) ResetErrors() {
	c.Errors = c.Errors[:0]
	clear(c.failed)
}

// allRows returns the selection of rows 0 to n-1, which the caller must not
// change.
func (c *Context) allRows(n int) []int32 {
	for len(c.rows) < n {
		c.rows = append(c.rows, int32(len(c.rows)))
	}
	return c.rows[:n:n]
}

// Session is what functions may ask of a client's session and its catalog.
type Session interface {
	// Setting returns a run-time parameter's value (SHOW name).
	Setting(name string) (string, bool)
	// User, Database and Schemas name the role that the session acts as, its database
	// and search path. SessionUser is the role that it acts as without SET ROLE.
	User() string
	SessionUser() string
	// UserName is the name of a role.
	UserName(oid uint32) string
	// Privilege reports whether a role has a privilege. See PrivilegeQuestion.
	Privilege(q *PrivilegeQuestion) (allowed, known bool, err error)
	Database() string
	Schemas() []string
	// RelationName and RelationOID map between OIDs and names of streams, tables
	// and system tables.
	RelationName(oid uint32) (schema, name string, ok bool)
	RelationOID(schema, name string) (oid uint32, ok bool)
	// ObjectOID finds an object of a kind such as regrole by its name. Its errors
	// are those of PostgreSQL's input function of the type.
	ObjectOID(kind types.Kind, name string) (uint32, error)
	// BackendPID is the process id told to the client for cancel requests.
	BackendPID() int32
	// BlockingPIDs are the process ids of the clients for whose locks a client waits.
	BlockingPIDs(pid int32) []int32
	// Keywords are PostgreSQL's keywords, in order.
	Keywords() []Keyword
	// Signal ends the statement that a client runs, or its connection where terminate
	// is set, and reports whether there is such a client. It needs the privilege to do
	// so (42501).
	Signal(pid int32, terminate bool) (found bool, err error)
	// AdvisoryLock takes an advisory lock, and reports whether it has: to try is not to
	// wait. done is closed when the statement is cancelled. Errors are 40P01, 54000,
	// 55P03 and 57014.
	AdvisoryLock(key AdvisoryKey, shared bool, how AdvisoryMode, done <-chan struct{}) (bool, error)
	// AdvisoryUnlock releases one that AdvisoryLock took for the session, once, and
	// AdvisoryUnlockAll all of them.
	AdvisoryUnlock(key AdvisoryKey, shared bool) (bool, error)
	AdvisoryUnlockAll()
	// Notify has a notification sent when the transaction commits. Its errors are those
	// of pg_notify.
	Notify(channel, payload string) error
	// ListeningChannels are the channels that the session listens to, and
	// NotificationQueueUsage is the part of the queue that notifications take up which
	// sessions have not taken, from 0 to 1.
	ListeningChannels() []string
	NotificationQueueUsage() float64
	// SetConfig sets a setting, until the end of the transaction where local is
	// set, and returns its value as SHOW does.
	SetConfig(name, value string, local bool) (string, error)
	// NextValues takes the next values of the sequence with an OID. On error it has
	// taken as many as it says.
	NextValues(sequence uint32, values []int64) (given int, err error)
	// CurrentValue and LastValue return the value that the session took last of a
	// sequence, and of any.
	CurrentValue(sequence uint32) (int64, error)
	LastValue() (int64, error)
	// SetValue sets the last value of a sequence, which counts as given where called
	// is set and is the next one otherwise.
	SetValue(sequence uint32, value int64, called bool) error
}
