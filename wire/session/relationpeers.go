package session

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"millrace/exec"
	"millrace/sql/catalog"
)

// otherFeeds has the feeds of other nodes pause while ALTER changes a relation, and those
// of this node for the others. A pause that nobody ends, since the node that asked for it
// is gone, ends by itself.
type otherFeeds struct {
	feeds  *RelationFeeds
	peers  exec.Peers
	logger *slog.Logger

	mu sync.Mutex
	// paused are the pauses that other nodes have asked for.
	paused map[pauseID]*otherPause
}

// pauseID is a pause as another node calls it.
type pauseID struct{ node, number uint64 }

// otherPause is a pause that another node has asked for. Either it or the timer ends it.
type otherPause struct {
	timer  *time.Timer
	resume func()
}

const (
	pauseMethod  = "feed.pause"
	resumeMethod = "feed.resume"

	// longestPause is how long a feed rests for another node.
	longestPause = time.Minute
)

// NewRelationFeeds returns feeds that are paused together with those of other nodes.
func NewRelationFeeds(peers exec.Peers, logger *slog.Logger) *RelationFeeds {
	r := &RelationFeeds{}
	r.others = &otherFeeds{feeds: r, peers: peers, logger: logger, paused: map[pauseID]*otherPause{}}
	peers.Handle(pauseMethod, r.others.answerPause)
	peers.Handle(resumeMethod, r.others.answerResume)
	return r
}

// pause pauses the feeds of relations on the other nodes.
//
//	request := number u64 · writes u8 · (relation u64)*
func (o *otherFeeds) pause(ctx context.Context, relations []catalog.ObjectID, writes bool) (resume func()) {
	if o == nil {
		return func() {}
	}
	number := rand.Uint64()
	request := append(binary.BigEndian.AppendUint64(nil, number), 0)
	if writes {
		request[8] = 1
	}
	for _, relation := range relations {
		request = binary.BigEndian.AppendUint64(request, uint64(relation))
	}
	o.all(ctx, pauseMethod, request)
	return func() { o.all(context.WithoutCancel(ctx), resumeMethod, request[:8]) }
}

// all asks all other nodes.
func (o *otherFeeds) all(ctx context.Context, method string, request []byte) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	var asked sync.WaitGroup
	for _, node := range o.peers.Members() {
		if node == o.peers.Self() {
			continue
		}
		asked.Go(func() {
			if _, err := o.peers.Call(ctx, node, method, request); err != nil {
				o.logger.Info("who follows a relation on another node may not see where it was altered", "node", node, "error", err)
			}
		})
	}
	asked.Wait()
}

// answerPause pauses the feeds of this node for another one.
func (o *otherFeeds) answerPause(ctx context.Context, from uint64, request []byte) ([]byte, error) {
	if len(request) < 9 || len(request)%8 != 1 {
		return nil, errBadPeerMessage
	}
	id, writes := pauseID{from, binary.BigEndian.Uint64(request)}, request[8] == 1
	var relations []catalog.ObjectID
	for rest := request[9:]; len(rest) > 0; rest = rest[8:] {
		relations = append(relations, catalog.ObjectID(binary.BigEndian.Uint64(rest)))
	}
	resume := o.feeds.pauseOwn(ctx, relations, writes)
	if ctx.Err() != nil { // who asked goes on without, and will not say when it is over
		resume()
		return nil, context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paused[id] = &otherPause{resume: resume, timer: time.AfterFunc(longestPause, func() { o.end(id) })}
	return nil, nil
}

// answerResume ends a pause.
func (o *otherFeeds) answerResume(_ context.Context, from uint64, request []byte) ([]byte, error) {
	if len(request) != 8 {
		return nil, errBadPeerMessage
	}
	o.end(pauseID{from, binary.BigEndian.Uint64(request)})
	return nil, nil
}

// end ends a pause, unless it has ended.
func (o *otherFeeds) end(id pauseID) {
	o.mu.Lock()
	p := o.paused[id]
	delete(o.paused, id)
	o.mu.Unlock()
	if p != nil {
		p.timer.Stop()
		p.resume()
	}
}
