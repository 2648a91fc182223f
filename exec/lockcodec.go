package exec

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"millrace/exec/lock"
)

// What nodes and the coordinator tell each other about locks.
//
//	request := what u8 · life · session · owner · op · reign · tenure · process · flags u8 ·
//	           relation · class · object · sub u8 · mode u8 · policy u8 ·
//	           deadlock · timeout · most · mark · count · (length · key)*
//	answer  := reign · tenure · outcome u8 · flags u8 · count · fresh* · count · skipped* ·
//	           count · edge*
//	edge    := process · blocker · transaction · mode u8 · relation · length · key ·
//	           advisory u8 · class · object · sub u8
//
// Numbers are uvarints, times in nanoseconds.

// lockVerb is what a request is for.
type lockVerb byte

const (
	lockTable lockVerb = iota
	lockRows
	lockAdvisory
	lockRelease
	lockReleaseRows
	lockReleaseAdvisory
	lockVerbs
)

// lockRequest is what an owner asks of the coordinator.
type lockRequest struct {
	verb lockVerb
	// life tells a node's starts apart, session and owner what is asking there. Requests
	// of a session are numbered by op.
	life, session, owner, op uint64
	// reign and tenure are those in which the owner got what it holds, 0 where it
	// holds nothing.
	reign, tenure uint64
	process       int32
	transaction   bool
	relation      uint64
	advisory      lock.AdvisoryKey
	mode          lock.Mode
	wait          lock.Wait
	// mark is the op behind which is released what was got.
	mark uint64
	keys []string
}

// lockOutcome is how a request ended.
type lockOutcome byte

const (
	lockGranted lockOutcome = iota
	lockEnded
	lockNotAvailable
	lockTooMany
	lockTimeout
	lockDeadlock
	lockOutcomes
)

// lockOutcomeErrors are the errors of outcomes.
var lockOutcomeErrors = [lockOutcomes]error{
	lockEnded: lock.ErrEnded, lockNotAvailable: lock.ErrNotAvailable, lockTooMany: lock.ErrTooMany, lockTimeout: lock.ErrTimeout,
}

// lockAnswer is what the coordinator answers.
type lockAnswer struct {
	reign, tenure uint64
	outcome       lockOutcome
	waited        bool
	// repeated says that the request had been carried out before: which rows were
	// fresh then nobody knows.
	repeated       bool
	fresh, skipped []int
	deadlock       []lock.Edge
}

// err is the answer's error.
func (a *lockAnswer) err() error {
	if a.outcome == lockDeadlock {
		return &lock.DeadlockError{Edges: a.deadlock}
	}
	return lockOutcomeErrors[a.outcome]
}

// setError notes an error of the lock manager, and reports whether it is one that
// answers know.
func (a *lockAnswer) setError(err error) bool {
	var deadlock *lock.DeadlockError
	if errors.As(err, &deadlock) {
		a.outcome, a.deadlock = lockDeadlock, deadlock.Edges
		return true
	}
	for outcome, known := range lockOutcomeErrors {
		if errors.Is(err, known) { // nil is lockGranted
			a.outcome = lockOutcome(outcome)
			return true
		}
	}
	return false
}

func appendUvarints(buf []byte, list ...uint64) []byte {
	for _, v := range list {
		buf = binary.AppendUvarint(buf, v)
	}
	return buf
}

func appendBool(buf []byte, flags ...bool) []byte {
	var b byte
	for i, flag := range flags {
		if flag {
			b |= 1 << i
		}
	}
	return append(buf, b)
}

func (q *lockRequest) append(buf []byte) []byte {
	buf = append(buf, byte(q.verb))
	buf = appendUvarints(buf, q.life, q.session, q.owner, q.op, q.reign, q.tenure, uint64(uint32(q.process)))
	buf = appendBool(buf, q.transaction)
	buf = appendUvarints(buf, q.relation, uint64(q.advisory.Class), uint64(q.advisory.Object))
	buf = append(buf, q.advisory.Sub, byte(q.mode), byte(q.wait.Policy))
	buf = appendUvarints(buf, uint64(q.wait.Deadlock), uint64(q.wait.Timeout), uint64(q.wait.Most), q.mark, uint64(len(q.keys)))
	for _, key := range q.keys {
		buf = appendUvarints(buf, uint64(len(key)))
		buf = append(buf, key...)
	}
	return buf
}

var errBadLockMessage = errors.New("exec: a message about locks is malformed")

func decodeLockRequest(data []byte) (*lockRequest, error) {
	in := uvarintReader{data: data}
	q := &lockRequest{verb: lockVerb(in.byte())}
	for _, field := range []*uint64{&q.life, &q.session, &q.owner, &q.op, &q.reign, &q.tenure} {
		*field = in.next()
	}
	q.process = int32(uint32(in.next()))
	q.transaction = in.byte()&1 != 0
	q.relation = in.next()
	q.advisory.Class, q.advisory.Object, q.advisory.Sub = uint32(in.next()), uint32(in.next()), in.byte()
	q.mode, q.wait.Policy = lock.Mode(in.byte()), lock.Policy(in.byte())
	q.wait.Deadlock, q.wait.Timeout, q.wait.Most = time.Duration(in.next()), time.Duration(in.next()), int(in.next())
	q.mark = in.next()
	count := in.next()
	if count > uint64(len(in.data)) {
		return nil, errBadLockMessage
	}
	for range count {
		q.keys = append(q.keys, string(in.bytes()))
	}
	if in.bad || len(in.data) > 0 || q.verb >= lockVerbs || q.mode > lock.Probe {
		return nil, errBadLockMessage
	}
	return q, nil
}

func (a *lockAnswer) append(buf []byte) []byte {
	buf = appendUvarints(buf, a.reign, a.tenure)
	buf = append(buf, byte(a.outcome))
	buf = appendBool(buf, a.waited, a.repeated)
	for _, list := range [][]int{a.fresh, a.skipped} {
		buf = appendUvarints(buf, uint64(len(list)))
		for _, n := range list {
			buf = appendUvarints(buf, uint64(n))
		}
	}
	buf = appendUvarints(buf, uint64(len(a.deadlock)))
	for _, e := range a.deadlock {
		buf = appendUvarints(buf, uint64(uint32(e.Process)), uint64(uint32(e.BlockedBy)), e.Transaction)
		buf = append(buf, byte(e.Mode))
		buf = appendUvarints(buf, e.Relation, uint64(len(e.Key)))
		buf = append(buf, e.Key...)
		advisory := lock.AdvisoryKey{}
		if e.Advisory != nil {
			advisory = *e.Advisory
		}
		buf = appendBool(buf, e.Advisory != nil)
		buf = appendUvarints(buf, uint64(advisory.Class), uint64(advisory.Object))
		buf = append(buf, advisory.Sub)
	}
	return buf
}

func decodeLockAnswer(data []byte) (*lockAnswer, error) {
	in := uvarintReader{data: data}
	a := &lockAnswer{reign: in.next(), tenure: in.next(), outcome: lockOutcome(in.byte())}
	flags := in.byte()
	a.waited, a.repeated = flags&1 != 0, flags&2 != 0
	for _, list := range []*[]int{&a.fresh, &a.skipped} {
		count := in.next()
		if count > uint64(len(in.data)) {
			return nil, errBadLockMessage
		}
		for range count {
			*list = append(*list, int(in.next()))
		}
	}
	count := in.next()
	if count > uint64(len(in.data)) {
		return nil, errBadLockMessage
	}
	for range count {
		e := lock.Edge{Process: int32(uint32(in.next())), BlockedBy: int32(uint32(in.next())), Transaction: in.next()}
		e.Mode, e.Relation, e.Key = lock.Mode(in.byte()), in.next(), string(in.bytes())
		given := in.byte() != 0
		advisory := lock.AdvisoryKey{Class: uint32(in.next()), Object: uint32(in.next()), Sub: in.byte()}
		if given {
			e.Advisory = &advisory
		}
		a.deadlock = append(a.deadlock, e)
	}
	badMode := slices.ContainsFunc(a.deadlock, func(e lock.Edge) bool { return !e.Mode.Valid() })
	if in.bad || len(in.data) > 0 || a.outcome >= lockOutcomes || badMode {
		return nil, errBadLockMessage
	}
	return a, nil
}
