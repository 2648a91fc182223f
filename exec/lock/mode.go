package lock

// Mode is how something is locked: a table in one of the table modes, a row in
// one of the row modes.
type Mode uint8

// The modes of tables, from the weakest to the strongest, and of rows likewise.
const (
	AccessShare          Mode = iota // SELECT
	RowShare                         // SELECT … FOR UPDATE and its relatives
	RowExclusive                     // INSERT, UPDATE, DELETE, COPY FROM
	ShareUpdateExclusive             // what must run once at a time
	Share                            // building an index
	ShareRowExclusive
	Exclusive
	AccessExclusive // DROP, TRUNCATE, what rewrites a table, LOCK without a mode

	KeyShare    // FOR KEY SHARE: the row stays, and keeps its key
	RowShared   // FOR SHARE: the row stays as it is
	NoKeyUpdate // FOR NO KEY UPDATE: others leave the row but for its key alone
	Update      // FOR UPDATE: others leave the row alone
	ChangeRow   // UPDATE that keeps the key: as NoKeyUpdate, and the row changes
	ChangeKey   // INSERT, DELETE and UPDATE of the key: as Update, and the row changes
	// Probe waits until nobody is about to change the row, and lets everybody lock
	// it: what an INSERT wants of a key that exists.
	Probe

	// rowLocker is held on a table by owners that lock rows in it, and fastWriter
	// by the fast writers together.
	rowLocker
	fastWriter

	modes
)

// modeSet is a set of modes.
type modeSet uint32

func setOf(list ...Mode) modeSet {
	var s modeSet
	for _, m := range list {
		s |= 1 << m
	}
	return s
}

func (s modeSet) has(m Mode) bool { return s&(1<<m) != 0 }

// conflicts holds for each mode those that no other owner may hold beside it. The
// relation is symmetric.
var conflicts = [modes]modeSet{
	AccessShare:  setOf(AccessExclusive),
	RowShare:     setOf(Exclusive, AccessExclusive),
	RowExclusive: setOf(Share, ShareRowExclusive, Exclusive, AccessExclusive),
	ShareUpdateExclusive: setOf(ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive,
		AccessExclusive),
	Share: setOf(RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive, fastWriter),
	ShareRowExclusive: setOf(RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive,
		AccessExclusive, fastWriter),
	Exclusive: setOf(RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive,
		AccessExclusive, fastWriter),
	AccessExclusive: setOf(AccessShare, RowShare, RowExclusive, ShareUpdateExclusive, Share,
		ShareRowExclusive, Exclusive, AccessExclusive, fastWriter),

	KeyShare:    setOf(Update, ChangeKey),
	RowShared:   setOf(NoKeyUpdate, Update, ChangeRow, ChangeKey),
	NoKeyUpdate: setOf(RowShared, NoKeyUpdate, Update, ChangeRow, ChangeKey),
	Update:      setOf(KeyShare, RowShared, NoKeyUpdate, Update, ChangeRow, ChangeKey),
	ChangeRow:   setOf(RowShared, NoKeyUpdate, Update, ChangeRow, ChangeKey, Probe),
	ChangeKey:   setOf(KeyShare, RowShared, NoKeyUpdate, Update, ChangeRow, ChangeKey, Probe),
	Probe:       setOf(ChangeRow, ChangeKey),

	rowLocker:  setOf(fastWriter),
	fastWriter: setOf(Share, ShareRowExclusive, Exclusive, AccessExclusive, rowLocker),
}

// stable are the row modes under which nobody else changes the row.
const stable = modeSet(1<<RowShared | 1<<NoKeyUpdate | 1<<Update | 1<<ChangeRow | 1<<ChangeKey)

// alone are the table modes beside which nobody else locks or changes rows.
const alone = modeSet(1<<Exclusive | 1<<AccessExclusive)

// covers reports whether one of the held modes keeps away all that a mode would.
func covers(held modeSet, mode Mode) bool {
	for h := range modes {
		if held.has(h) && conflicts[mode]&^conflicts[h] == 0 {
			return true
		}
	}
	return false
}

var modeNames = [modes]string{
	"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
	"ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
	"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE",
	"change of a row", "change of a key", "probe of a key",
	"row locker", "fast writer",
}

// String returns PostgreSQL's name of a table mode, as pg_locks has it, and the
// clause that asks for a row mode.
func (m Mode) String() string { return modeNames[m] }

// Valid reports whether there is such a mode.
func (m Mode) Valid() bool { return m < modes }

// Covers reports whether a mode that is held keeps away all that another would.
func Covers(held, mode Mode) bool { return conflicts[mode]&^conflicts[held] == 0 }

// Row reports whether a mode is for rows.
func (m Mode) Row() bool { return m >= KeyShare && m <= Probe }
