package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"millrace/log"
)

// seeder has this node's replicas that are not whole copied from other nodes, a few at a
// time, and lets other nodes copy from this one.
type seeder struct {
	node   *Node
	logger *slog.Logger
	source *seedSource
	wake   chan struct{}
	// slots has room for as many values as replicas may be copied at a time.
	slots chan struct{}

	mu struct {
		sync.Mutex
		// running are the copies under way by shard, and round is what was done since there
		// were none.
		running map[int]*seedRun
		round   seedRound
	}

	// For the metrics.
	count, failures, received, nanoseconds, damages atomic.Int64
}

// seedRound is the time in which a node has any replica copied, as when it joins.
type seedRound struct {
	began time.Time
	// received are the bytes that had been received before, whole counts replicas.
	received int64
	whole    int
}

// seedRun is one replica being copied.
type seedRun struct {
	reason   string
	began    time.Time
	from     atomic.Uint64
	receiver atomic.Pointer[seedReceiver]
}

const (
	// maxSeeds is how many replicas a node has copied at a time.
	maxSeeds = 2
	// seedTidyPause is how often states kept for lost connections are looked at.
	seedTidyPause = 10 * time.Second
	// seedPatience is for how long failures are no news: the other replicas may be behind
	// for a moment, and not know this node yet.
	seedPatience = 2 * time.Second
	// offerTimeout is how long a node may take to say what it has.
	offerTimeout = 2 * time.Second

	methodSeedOffer  = "cluster.seed.offer"
	methodSeedStream = "cluster.seed"
)

// newSeeder returns a seeder whose serve and run are to be called.
func newSeeder(node *Node, rate int64, logger *slog.Logger) *seeder {
	s := &seeder{
		node: node, logger: logger, wake: make(chan struct{}, 1), slots: make(chan struct{}, maxSeeds),
		source: newSeedSource(node.tables, &pace{rate: rate}),
	}
	s.mu.running = map[int]*seedRun{}
	return s
}

// soon has the seeder look for replicas that are not whole.
func (s *seeder) soon() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// serve lets other nodes copy from this one.
func (s *seeder) serve() {
	s.node.peers.Handle(methodSeedOffer, s.offer)
	s.node.peers.Handle(methodMatched, s.node.handleMatched)
	s.node.peers.HandleStream(methodSeedStream, func(ctx context.Context, from uint64, stream io.ReadWriteCloser) {
		if !s.node.running.enter() {
			return
		}
		defer s.node.running.leave()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.node.ctx, func() {
			cancel()
			_ = stream.Close() // it may wait for the other side
		})()
		err := s.source.serve(ctx, stream, s.find)
		if err == nil {
			// What was sent last is lost if the stream ends before it was read.
			_, _ = io.Copy(io.Discard, stream) // it ends when the other side closes it
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("a replica could not be copied from here", "to", from, "error", err)
		}
	})
}

// find returns the machine of a shard, nil when there is none.
func (s *seeder) find(shard int) *machine {
	if shard < 0 || shard >= len(s.node.shards) {
		return nil
	}
	return s.node.shards[shard].machine
}

// run starts copies until the node stops.
func (s *seeder) run() {
	tidy := time.NewTicker(seedTidyPause)
	defer tidy.Stop()
	for {
		for _, shard := range s.node.shards {
			if want := shard.machine.want.Load(); want != nil && s.begin(shard, want) {
				s.node.spawn(func() { s.seed(shard) })
			}
		}
		select {
		case <-s.wake:
		case <-tidy.C:
			s.source.tidy()
		case <-s.node.ctx.Done():
			return
		}
	}
}

// begin notes that a replica is being copied, and tells whether it was not yet.
func (s *seeder) begin(shard *Shard, want *seedMark) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.running[shard.id] != nil {
		return false
	}
	if len(s.mu.running) == 0 {
		s.mu.round = seedRound{began: time.Now(), received: s.received.Load()}
	}
	s.mu.running[shard.id] = &seedRun{reason: want.reason, began: time.Now()}
	return true
}

// running returns the copy of a shard that is under way; nil when there is none.
func (s *seeder) running(shard int) *seedRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.running[shard]
}

// seed copies a replica until it is whole.
func (s *seeder) seed(shard *Shard) {
	ctx, cancel := context.WithCancel(s.node.ctx)
	defer cancel()
	s.node.spawn(func() { s.handAway(ctx, shard) })
	run := s.running(shard.id)
	var receiver *seedReceiver
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		want := shard.machine.want.Load()
		if want == nil || ctx.Err() != nil {
			break
		}
		if receiver == nil || receiver.mark != want {
			s.drop(receiver)
			receiver = newSeedReceiver(shard.machine, s.node.tables, want, &s.received)
			run.receiver.Store(receiver)
		}
		err := s.attempt(ctx, shard, run, receiver)
		if err == nil {
			s.finished(shard, run, receiver)
			break
		}
		if ctx.Err() == nil {
			s.failures.Add(1)
			level := slog.LevelWarn
			if time.Since(run.began) < seedPatience {
				level = slog.LevelDebug
			}
			s.logger.Log(ctx, level, "a replica could not be copied yet", "shard", shard.id, "from", run.from.Load(), "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	s.drop(receiver)
	s.over(shard)
	s.soon() // it may have been left behind again
}

// over notes that a replica is not being copied any more, and tells of several together.
func (s *seeder) over(shard *Shard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.running, shard.id)
	if shard.Whole() == nil {
		s.mu.round.whole++
	}
	if round := s.mu.round; len(s.mu.running) == 0 && round.whole > 1 {
		s.logger.Info("replicas were copied from other nodes", "replicas", round.whole,
			"bytes", s.received.Load()-round.received, "duration", time.Since(round.began))
	}
}

// drop ends a receiver; another one may go on with what it has.
func (s *seeder) drop(receiver *seedReceiver) {
	if receiver == nil {
		return
	}
	if err := receiver.suspend(); err != nil {
		s.logger.Warn("some of what was copied of a replica is copied again", "error", err)
	}
}

// finished tells of a replica that is whole again.
func (s *seeder) finished(shard *Shard, run *seedRun, receiver *seedReceiver) {
	s.count.Add(1)
	s.nanoseconds.Add(int64(time.Since(run.began)))
	shard.size.forget()
	s.logger.Info("the replica was copied and is whole", "shard", shard.id, "from", run.from.Load(),
		"bytes", receiver.progress.received.Load(), "duration", time.Since(run.began), "index", shard.Applied())
	ps := shard.partitions
	if err := removeSeedRemains(ps.options.FS, ps.options.Dir); err != nil {
		s.logger.Warn("what was set aside of a replica is removed at the next start", "shard", shard.id, "error", err)
	}
	if err := s.node.removeDamagedTables(); err != nil {
		s.logger.Warn("the damaged key-value store is removed later", "error", err)
	}
	// The log that was kept meanwhile can be cut.
	s.node.checkpointSoon()
}

// attempt copies from one node.
func (s *seeder) attempt(ctx context.Context, shard *Shard, run *seedRun, receiver *seedReceiver) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := s.node.space.check(); err != nil {
		return err
	}
	node, err := s.choose(ctx, shard.id, receiver.least(), run.from.Load())
	if err != nil {
		return err
	}
	run.from.Store(node)
	stream, err := s.node.peers.Open(ctx, node, methodSeedStream)
	if err != nil {
		return err
	}
	// A copy that is given up must not wait for bytes.
	defer context.AfterFunc(ctx, func() { _ = stream.Close() })()
	watched := &watchedStream{ReadWriteCloser: stream, silence: time.AfterFunc(seedSilence, func() { _ = stream.Close() })}
	defer watched.silence.Stop()
	err = receiver.receive(ctx, watched)
	_ = stream.Close() // the other side waits for it
	return err
}

// seedSilence is how long a source may send nothing before it is given up.
const seedSilence = 30 * time.Second

// watchedStream is a stream that is closed when nothing comes for a while.
type watchedStream struct {
	io.ReadWriteCloser
	silence *time.Timer
}

// Read implements io.Reader.
func (s *watchedStream) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	if n > 0 {
		s.silence.Reset(seedSilence)
	}
	return n, err
}

// handAway gives the leadership of a shard to others while this replica is not whole.
func (s *seeder) handAway(ctx context.Context, shard *Shard) {
	for ctx.Err() == nil {
		changed := shard.group.leadership.next()
		// Raft itself would choose any voter whose log is as long as the others', also one
		// that is away, again and again.
		if err := shard.group.handOver(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("a replica that is not whole leads and cannot hand that on", "shard", shard.id, "error", err)
		}
		select {
		case <-changed:
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// seedOffer is what a node says of a replica that others may copy.
type seedOffer struct {
	node uint64
	// whole tells whether the replica can be copied, state its state index.
	whole bool
	state uint64
	// load is how many copies it sends, leads whether it leads the shard.
	load  int64
	leads bool
}

// offer answers what this node has of a shard.
func (s *seeder) offer(_ context.Context, _ uint64, request []byte) ([]byte, error) {
	r := uvarintReader{data: request}
	m := s.find(int(r.next()))
	if m == nil || r.bad {
		return nil, errMalformed
	}
	answer := []byte{0, 0}
	if m.err() == nil {
		answer[0] = 1
	}
	if s.node.shards[m.shard].IsLeader() {
		answer[1] = 1
	}
	answer = binary.AppendUvarint(answer, m.applied.reached())
	return binary.AppendUvarint(answer, uint64(s.source.sending.Load())), nil
}

// choose returns the node to copy from: one that has enough, if possible another one than
// the last, which sends least and does not lead.
func (s *seeder) choose(ctx context.Context, shard int, state, last uint64) (uint64, error) {
	var best *seedOffer
	for _, offer := range s.offers(ctx, shard) {
		if offer.whole && offer.state >= state && (best == nil || offer.better(best, last)) {
			best = &offer
		}
	}
	if best == nil {
		return 0, fmt.Errorf("cluster: no other node that answers has shard %d up to index %d", shard, state)
	}
	return best.node, nil
}

// better tells whether to copy from a node rather than from another one.
func (o *seedOffer) better(than *seedOffer, last uint64) bool {
	if o.load != than.load {
		return o.load < than.load
	}
	if o.leads != than.leads {
		return than.leads
	}
	return than.node == last
}

// offers asks the other nodes what they have.
func (s *seeder) offers(ctx context.Context, shard int) []seedOffer {
	ctx, cancel := context.WithTimeout(ctx, offerTimeout)
	defer cancel()
	request := binary.AppendUvarint(nil, uint64(shard))
	var mu sync.Mutex
	var offers []seedOffer
	var asking sync.WaitGroup
	for _, node := range s.node.peers.Members() {
		if node == s.node.ID() {
			continue
		}
		asking.Go(func() {
			answer, err := s.node.peers.Call(ctx, node, methodSeedOffer, request)
			if err != nil || len(answer) < 2 {
				return // a node that does not answer offers nothing
			}
			r := uvarintReader{data: answer[2:]}
			offer := seedOffer{node: node, whole: answer[0] == 1, leads: answer[1] == 1, state: r.next(), load: int64(r.next())}
			mu.Lock()
			defer mu.Unlock()
			if !r.bad {
				offers = append(offers, offer)
			}
		})
	}
	asking.Wait()
	return offers
}

// SeedStats describe a replica that is being copied from another node.
type SeedStats struct {
	// Reason is why, From the node that is copied, 0 before there is one.
	Reason string
	From   uint64
	// Began is when the copying began.
	Began time.Time
	// Received are the bytes that have come, Expected about how many come in all.
	Received, Expected int64
}

// stats describes the copy of a shard; nil when there is none.
func (s *seeder) stats(shard int) *SeedStats {
	run := s.running(shard)
	if run == nil {
		return nil
	}
	stats := &SeedStats{Reason: run.reason, From: run.from.Load(), Began: run.began}
	if receiver := run.receiver.Load(); receiver != nil {
		stats.Received = receiver.progress.received.Load()
		stats.Expected = max(stats.Received, receiver.progress.expected.Load())
	}
	return stats
}

// damaged has a replica of which something is damaged copied anew, if there are other
// nodes to copy it from. It does not wait.
func (n *Node) damaged(shard int, cause error) {
	n.seeder.damages.Add(1)
	n.spawn(func() {
		select {
		case <-n.opened:
		case <-n.ctx.Done():
			return
		}
		if !n.amongOthers() {
			return
		}
		file := ""
		var segment *log.CorruptionError
		if errors.As(cause, &segment) {
			file = segment.File
		}
		mark := func() error { return n.shards[shard].machine.lack(0, "damaged: "+cause.Error(), file) }
		if err := mark(); err != nil {
			n.options.Logger.Error("a damaged replica could not be marked; trying again", "shard", shard, "error", err)
			n.retry(func() bool { return mark() == nil })
		}
	})
}

// giveUp has replicas count as not whole, durably, before they lose what they have in the
// key-value store: it is in a damaged file with what a copy replaces.
func (n *Node) giveUp(_ context.Context, first, last uint32) error {
	for shard := first; shard <= last && int(shard) < len(n.shards); shard++ {
		if err := n.shards[shard].machine.lack(0, "damaged: it was in a damaged file with another replica", ""); err != nil {
			return err
		}
	}
	return nil
}

// amongOthers tells whether there are nodes to copy a damaged replica from. A node that has
// just started may not know the members yet.
func (n *Node) amongOthers() bool { return len(n.peers.Members()) >= 2 || n.others }

// repairs tells whether a replica that has stopped is copied from another node.
func (n *Node) repairs(halted *HaltedError) bool { return !mayPass(halted) && n.amongOthers() }

// seedSoon implements machineHost.
func (n *Node) seedSoon() { n.seeder.soon() }
