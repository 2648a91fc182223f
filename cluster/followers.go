package cluster

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// followers is a group's raft.Transport. It passes everything on to the transport below,
// and keeps what a leader's messages and their answers tell of each follower: how far its
// log is the leader's, and when it was last heard of.
//
// # Notices of commits
//
// Raft tells a follower of a commit with the entries that come next, or when CommitTimeout
// has passed: until then the follower's clients do not see the rows. So after a commit
// followers sends a message of its own, an AppendEntries without entries:
//
//   - Its term is that of the leader's last message to the follower, its previous entry the
//     last one that the follower has acknowledged in this term, and its commit index not
//     behind that entry. The follower verifies the previous entry, so its log is the
//     leader's up to there, and what it is told to be committed is: a Raft leader could
//     send the same message at the same moment.
//   - A message that comes late is one of an earlier term, which is turned away, or tells
//     of a commit that the follower knows of.
//   - It is not sent when a message of Raft's has told the commit, and in a group that
//     commits one entry after the other it waits for noticePause, so that the next entry
//     tells it. One is under way to a follower at a time.
//
// Answers to notices are not looked at: whatever they tell, Raft hears with its own next
// message.
//
// # Nodes that are away
//
// To Raft a message that could not be delivered has failed: it waits longer and longer
// before the next, up to ten seconds, and has nothing to send when that is due but after
// CommitTimeout. So followers itself sends such a message again, after short pauses, as
// long as this node leads in its term and the follower is of the group. Raft allows any
// message to come twice.
type followers struct {
	raft.Transport
	prefix *prefix

	// silenced tells that this node must not be taken for a leader that works.
	silenced func() bool
	refusals refusals

	// raft is set once it runs.
	raft atomic.Pointer[raft.Raft]

	// committed is the index of the last entry that Raft has handed out for applying.
	committed atomic.Uint64

	mu   sync.Mutex
	byID map[raft.ServerID]*follower
	// lastCommit is when committed has last changed.
	lastCommit time.Time
	// answers is closed when the next follower has answered; nil while nobody waits.
	answers chan struct{}
	// closing is closed when the group ends, and closed is set.
	closing chan struct{}
	closed  bool
	sending sync.WaitGroup
}

// follower is what is known of one follower. Its fields are guarded by followers.mu.
type follower struct {
	id      raft.ServerID
	address raft.ServerAddress
	// term is that of the newest message, header its header.
	term   uint64
	header raft.RPCHeader
	// matched is the index up to which the follower's log is the leader's of the term, and
	// matchedTerm the term of the entry there; 0 when nothing is known.
	matched, matchedTerm uint64
	// told is the last commit index that was sent to it.
	told uint64
	// contact is when it last answered.
	contact time.Time
	// followed is when the newest message was sent that it has answered as one of the
	// term's followers: then it had voted for nobody of a later term.
	followed time.Time
	// noticing tells that a notice is under way, or waits for its pause to end.
	noticing bool
}

// noticePause is how long a notice of a commit waits for Raft's next message in a group
// that is busy: one whose last commit is not longer ago than that.
const noticePause = time.Millisecond

// firstPause and lastPause are between the attempts to deliver a message; the pauses double.
const firstPause, lastPause = 10 * time.Millisecond, 320 * time.Millisecond

var (
	_ raft.Transport   = (*followers)(nil)
	_ raft.WithPreVote = (*followers)(nil)
	_ raft.WithClose   = (*followers)(nil)
)

// newFollowers returns the transport of a group above another one, which must be able to
// ask for votes before an election. While silenced is true nothing is said as a leader.
func newFollowers(below raft.Transport, prefix *prefix, refusals refusals, silenced func() bool) *followers {
	return &followers{
		Transport: below, prefix: prefix, refusals: refusals, silenced: silenced,
		byID: map[raft.ServerID]*follower{}, closing: make(chan struct{}),
	}
}

// RequestPreVote implements raft.WithPreVote.
func (f *followers) RequestPreVote(id raft.ServerID, target raft.ServerAddress,
	args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse,
) error {
	return f.Transport.(raft.WithPreVote).RequestPreVote(id, target, args, resp)
}

// Close implements raft.WithClose. It returns when no notice is under way.
func (f *followers) Close() error {
	f.end()
	var err error
	if below, ok := f.Transport.(raft.WithClose); ok {
		err = below.Close()
	}
	f.sending.Wait()
	return err
}

// AppendEntries implements raft.Transport. A heartbeat is sent once, anything else until
// it is answered.
func (f *followers) AppendEntries(id raft.ServerID, target raft.ServerAddress,
	args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse,
) error {
	f.sent(id, target, args)
	last, _ := matches(args)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		sent, err := time.Now(), errSilenced
		if !f.silenced() {
			err = f.Transport.AppendEntries(id, target, args, resp)
		}
		f.answered(id, sent, args, resp, err)
		if err == nil || last == 0 || !f.pauses(id, args.Term, pause) {
			return err
		}
	}
}

// pauses waits for a while, and tells whether a message to a follower is still to be sent.
func (f *followers) pauses(id raft.ServerID, term uint64, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.closing:
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	to := f.byID[id]
	return to != nil && to.term == term && f.leads()
}

// InstallSnapshot implements raft.Transport.
func (f *followers) InstallSnapshot(id raft.ServerID, target raft.ServerAddress,
	args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader,
) error {
	sent := time.Now()
	err := f.Transport.InstallSnapshot(id, target, args, resp, data)
	if err == nil && resp.Success {
		f.answered(id, sent, &raft.AppendEntriesRequest{
			Term: args.Term, PrevLogEntry: args.LastLogIndex, PrevLogTerm: args.LastLogTerm,
		}, &raft.AppendEntriesResponse{Term: resp.Term, Success: true}, nil)
	}
	return err
}

// sent notes a message to a follower before it is sent.
func (f *followers) sent(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := f.byID[id]
	if to == nil || to.term < args.Term {
		to = &follower{id: id}
		f.byID[id] = to
	}
	if to.term > args.Term {
		return
	}
	to.term, to.header, to.address = args.Term, args.RPCHeader, target
	if last, _ := matches(args); last > 0 {
		to.told = max(to.told, min(args.LeaderCommitIndex, last))
	}
}

// answered notes a follower's answer to a message that was sent, or given to the
// transport, at some time.
func (f *followers) answered(id raft.ServerID, sent time.Time, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := f.byID[id]
	if from == nil || from.term != args.Term {
		return
	}
	if err != nil {
		// Whatever has been sent may not have come.
		from.told = 0
		return
	}
	from.contact = time.Now()
	if resp.Term == args.Term && sent.After(from.followed) {
		from.followed = sent
		if f.answers != nil {
			close(f.answers)
			f.answers = nil
		}
	}
	last, term := matches(args)
	if last == 0 {
		return // a heartbeat, which verifies nothing
	}
	if !resp.Success {
		from.told = 0
		if resp.LastLog < from.matched {
			// It has lost its disk, as a node may that is joining and asks for a number again.
			from.matched, from.matchedTerm = 0, 0
		}
		return
	}
	if last > from.matched {
		from.matched, from.matchedTerm = last, term
	}
	f.consider(from)
}

// end has nothing be sent again from now on.
func (f *followers) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.closing)
	}
}

// matches returns the entry up to which the log of a follower is the leader's when it
// accepts a message, 0 for a heartbeat.
func matches(args *raft.AppendEntriesRequest) (index, term uint64) {
	if n := len(args.Entries); n > 0 {
		return args.Entries[n-1].Index, args.Entries[n-1].Term
	}
	return args.PrevLogEntry, args.PrevLogTerm
}

// leads tells whether this node leads the group.
func (f *followers) leads() bool {
	r := f.raft.Load()
	return r != nil && r.State() == raft.Leader
}

// commit notes that an entry is committed.
func (f *followers) commit(index uint64) {
	f.committed.Store(index)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byID) == 0 || !f.leads() {
		return
	}
	for _, to := range f.byID {
		f.consider(to)
	}
	f.lastCommit = time.Now()
}

// configured drops what is known of nodes that are no longer of the group.
func (f *followers) configured(configuration raft.Configuration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.byID {
		if !slices.ContainsFunc(configuration.Servers, func(s raft.Server) bool { return s.ID == id }) {
			delete(f.byID, id)
		}
	}
}

// consider sends a notice to a follower when it lacks one; mu is held.
func (f *followers) consider(to *follower) {
	if to.noticing || f.closed || to.told >= min(f.committed.Load(), to.matched) {
		return
	}
	to.noticing = true
	f.sending.Add(1)
	if time.Since(f.lastCommit) <= noticePause {
		time.AfterFunc(noticePause, func() { f.notice(to) })
		return
	}
	go f.notice(to)
}

// notice tells a follower what is committed, until it has been told.
func (f *followers) notice(to *follower) {
	defer f.sending.Done()
	for pause := firstPause; ; {
		args, address, lacks := f.nextNotice(to)
		if !lacks {
			return
		}
		var resp raft.AppendEntriesResponse
		err := f.Transport.AppendEntries(to.id, address, &args, &resp)
		if err == nil && resp.Success {
			pause = firstPause
			continue
		}
		f.mu.Lock()
		to.told = 0
		f.mu.Unlock()
		f.pauses(to.id, args.Term, pause)
		pause = min(2*pause, lastPause)
	}
}

// followedSince returns the nodes that follow the leader of a term, since they have answered
// a message that was sent at a time or later, and a channel that is closed when another may.
func (f *followers) followedSince(term uint64, since time.Time) (nodes []uint64, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, known := range f.byID {
		if known.term == term && !known.followed.Before(since) {
			nodes = append(nodes, nodeOf(known.id))
		}
	}
	if f.answers == nil {
		f.answers = make(chan struct{})
	}
	return nodes, f.answers
}

// nextNotice is what is to be told to a follower now; lacks is false, and the notices have
// ended, when that is nothing.
func (f *followers) nextNotice(to *follower) (args raft.AppendEntriesRequest, address raft.ServerAddress, lacks bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	commit := min(f.committed.Load(), to.matched)
	if f.closed || commit <= to.told || f.byID[to.id] != to || !f.leads() {
		to.noticing = false
		return args, "", false
	}
	to.told = commit
	return raft.AppendEntriesRequest{
		RPCHeader: to.header, Term: to.term,
		PrevLogEntry: to.matched, PrevLogTerm: to.matchedTerm, LeaderCommitIndex: commit,
	}, to.address, true
}

// followerStatus is what a leader knows of a follower.
type followerStatus struct {
	// node is the follower's number.
	node uint64
	// matched is the index up to which its log is known to be the leader's.
	matched uint64
	// contact is when it last answered; zero when it has not in this term.
	contact time.Time
}

// status lists what is known of the followers in a term.
func (f *followers) status(term uint64) []followerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []followerStatus
	for _, known := range f.byID {
		if known.term == term {
			out = append(out, followerStatus{node: nodeOf(known.id), matched: known.matched, contact: known.contact})
		}
	}
	return out
}
