package session

import (
	"context"
	"slices"

	"millrace/exec"
	"millrace/sql/catalog"
)

// feedPause is a time in which a feed reads nothing.
type feedPause struct {
	// given is closed when all changes until then were given, resume when it may go on,
	// and resumed when it does.
	given, resume, resumed chan struct{}
	// writes says that there are changes to give behind the pause.
	writes bool
}

// pause has the changes of relations given up to now, on all nodes, and none from now on
// until the returned function is called; what comes later is given with the columns of
// then. The caller has locked the relations, and changes their definitions in between.
// Writes says that it writes to them, too: that is given with the columns from before.
func (r *RelationFeeds) pause(ctx context.Context, relations []catalog.ObjectID, writes bool) (resume func()) {
	if r == nil || len(relations) == 0 {
		return func() {}
	}
	resumeOthers := r.others.pause(ctx, relations, writes)
	resumeOwn := r.pauseOwn(ctx, relations, writes)
	return func() {
		resumeOwn()
		resumeOthers()
	}
}

// pauseOwn is pause for the feeds of this node.
func (r *RelationFeeds) pauseOwn(ctx context.Context, relations []catalog.ObjectID, writes bool) (resume func()) {
	paused := map[*relationFeed]func(){}
	for _, f := range r.those(relations) {
		paused[f] = f.pauseNow(ctx, writes)
	}
	return func() {
		for _, resume := range paused {
			resume()
		}
		// A feed that began meanwhile may have been planned before.
		for _, f := range r.those(relations) {
			if paused[f] == nil {
				f.pauseNow(ctx, writes)()
			}
		}
	}
}

// those returns the feeds of some relations.
func (r *RelationFeeds) those(relations []catalog.ObjectID) []*relationFeed {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*relationFeed
	for _, id := range relations {
		if f := r.feeds[id]; f != nil {
			list = append(list, f)
		}
	}
	return list
}

// pauseNow pauses a feed until the returned function is called.
func (f *relationFeed) pauseNow(ctx context.Context, writes bool) (resume func()) {
	p := &feedPause{writes: writes, given: make(chan struct{}), resume: make(chan struct{}), resumed: make(chan struct{})}
	f.mu.Lock()
	f.pause = p
	if f.interrupt != nil {
		f.interrupt()
	}
	f.mu.Unlock()
	select {
	case <-p.given:
	case <-f.ended:
	case <-ctx.Done():
	}
	return func() {
		close(p.resume)
		select {
		case <-p.resumed:
		case <-f.ended:
		}
	}
}

func (f *relationFeed) pauseAsked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pause != nil
}

// rest gives what has been changed until now, waits for the end of the pause, gives what
// came meanwhile, and begins anew.
func (f *relationFeed) rest() {
	f.mu.Lock()
	p := f.pause
	f.pause = nil
	f.mu.Unlock()
	if p == nil {
		return
	}
	f.drain()
	close(p.given)
	select {
	case <-p.resume:
	case <-f.life.Done():
		return
	}
	if p.writes {
		f.drain()
	}
	f.closeCursor()
	missed := f.missed || f.queriesWrite()
	f.missed = false
	f.reopen(missed)
	close(p.resumed)
}

// drain gives what has been changed until now.
func (f *relationFeed) drain() {
	poller, ok := f.cursor.(exec.PushCursor)
	for ok {
		batch, err := poller.Poll(f.life)
		switch {
		case err != nil:
			f.missed = true
			f.closeCursor()
			return
		case batch == nil:
			return
		}
		f.give(batch)
	}
}

// queriesWrite reports whether continuous queries write to the relation: no lock keeps
// them from doing so in a pause.
func (f *relationFeed) queriesWrite() bool {
	return slices.ContainsFunc(f.options.Backend.Catalog().Queries(), func(q *catalog.Query) bool { return q.Sink == f.relation })
}
