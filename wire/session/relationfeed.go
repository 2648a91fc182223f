package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"millrace/exec"
	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
	"millrace/wire/notify"
)

// RelationFeeds gives the changes of streams and tables to the sessions that LISTEN to
// their names. The zero value is ready; it is safe for concurrent use.
//
// Invariants:
//   - A relation has one feed, which is one push query and one goroutine, however many
//     sessions follow it, from the first one's LISTEN until the last one has left or the
//     relation is dropped.
//   - Each change that is committed after a LISTEN is given once. Where that cannot be
//     held, followers get noteSkipped in its place.
//   - A feed gives what its query's columns were planned to be. While ALTER changes
//     them, nobody writes to the relation, and the feeds of all nodes are paused: what
//     was changed before is given as it was. A feed that could not be asked to pause
//     begins anew when it sees that the relation has changed.
type RelationFeeds struct {
	mu    sync.Mutex
	feeds map[catalog.ObjectID]*relationFeed
	// running are the feeds' goroutines.
	running sync.WaitGroup
	// others pauses the feeds of other nodes; nil where there are none.
	others *otherFeeds
}

// relationFeed is the feed of one relation. Its cursor belongs to its goroutine.
type relationFeed struct {
	feeds    *RelationFeeds
	options  *Options
	relation catalog.ObjectID
	source   *notify.Source

	// life ends when nobody follows any more, and ended is closed when the goroutine has.
	life  context.Context
	end   context.CancelFunc
	ended chan struct{}

	cursor  exec.Cursor
	payload *changePayload
	// missed says that changes were missed of which followers are not told yet.
	missed bool
	// checked is the catalog's version against which the followers' privileges were
	// held.
	checked uint64
	// planned is the version in which the relation had last changed when the query was
	// planned, and outdated says that it has changed since.
	planned  uint64
	outdated bool

	mu sync.Mutex
	// roles are those that the followers had when they began.
	roles map[*notify.Listener]catalog.ObjectID
	// pause is the pause that was asked for, nil for none, and interrupt ends the wait
	// for changes.
	pause     *feedPause
	interrupt context.CancelFunc
}

// follow has a listener receive a relation's changes on a channel from now on. It does
// nothing for a relation that is not there any more.
func (r *RelationFeeds) follow(options *Options, relation catalog.ObjectID, l *notify.Listener, channel string, role catalog.ObjectID) error {
	l.Unfollow(channel) // what it followed may end, which takes the mutex
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[relation]
	if f == nil {
		f = &relationFeed{feeds: r, options: options, relation: relation, ended: make(chan struct{}), roles: map[*notify.Listener]catalog.ObjectID{}}
		f.life, f.end = context.WithCancel(context.Background())
		f.source = options.Notifications.NewSource(f.left)
		if err := f.open(); err != nil {
			f.end()
			if errors.Is(err, errRelationGone) {
				return nil
			}
			return err
		}
		if r.feeds == nil {
			r.feeds = map[catalog.ObjectID]*relationFeed{}
		}
		r.feeds[relation] = f
		r.running.Go(f.run)
	}
	f.mu.Lock()
	f.roles[l] = role
	f.mu.Unlock()
	f.source.Follow(l, channel)
	return nil
}

// follows reports whether a listener follows a relation by a channel.
func (r *RelationFeeds) follows(relation catalog.ObjectID, l *notify.Listener, channel string) bool {
	f := r.find(relation)
	return f != nil && l.Follows(channel) == f.source
}

// left lets the feed end unless somebody follows it again.
func (f *relationFeed) left() {
	f.feeds.mu.Lock()
	defer f.feeds.mu.Unlock()
	if !f.source.Followed() {
		f.remove()
	}
}

// remove ends the feed. The caller holds feeds.mu.
func (f *relationFeed) remove() {
	f.end()
	if f.feeds.feeds[f.relation] == f {
		delete(f.feeds.feeds, f.relation)
	}
}

// Wait returns when no feed runs any more: those of sessions that were closed end by
// themselves.
func (r *RelationFeeds) Wait() { r.running.Wait() }

// find returns the feed of a relation, nil for none.
func (r *RelationFeeds) find(relation catalog.ObjectID) *relationFeed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.feeds[relation]
}

// errRelationGone says that a feed's relation was dropped.
var errRelationGone = errors.New("the relation was dropped")

// open starts the feed's push query, over the changes from now on.
func (f *relationFeed) open() error {
	for attempt := 1; ; attempt++ {
		snapshot := f.options.Backend.Catalog()
		relation := snapshot.Relation(f.relation)
		if relation == nil {
			return errRelationGone
		}
		q, err := planFeed(&planner.Environment{Catalog: snapshot, System: f.options.System, Format: types.DefaultFormat()}, relation)
		if err != nil {
			return err
		}
		env := &exec.QueryEnv{Format: types.DefaultFormat(), Now: time.Now(), Freshness: exec.Freshness{Stale: true, Current: true}}
		if f.options.Now != nil {
			env.Now = f.options.Now()
		}
		f.cursor, err = f.options.Backend.Query(f.life, q, env)
		if err == nil {
			f.payload = newChangePayload(relation, queryColumns(q))
			f.planned, f.outdated = relation.Changed, false
			return nil
		}
		if !errors.Is(err, exec.ErrChanged) || attempt == maxAttempts {
			return err
		}
		if err := pause(f.life, attempt); err != nil {
			return err
		}
	}
}

// planFeed plans the push query that gives the changes of a relation. It fails where
// the environment's role may not read the relation.
func planFeed(env *planner.Environment, relation *catalog.Relation) (*plan.Query, error) {
	name := quoteName(relation.Schema) + "." + quoteName(relation.Name)
	text := "SELECT * FROM " + name + " EMIT CHANGES"
	if relation.Kind == catalog.KindTable {
		if relation.Column("rowop") >= 0 {
			return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "LISTEN does not tell the changes of a table with a column \"rowop\"").
				WithHint("Follow the table with SELECT … EMIT CHANGES.")
		}
		text = "SELECT rowop, * FROM CHANGES OF " + name + " EMIT CHANGES"
	}
	trees, err := sql.Parse(text)
	if err != nil {
		return nil, err
	}
	planned, err := planner.Plan(env, trees[0])
	if err != nil {
		// The text is not the client's.
		e := *sqlerr.From(err)
		e.Position = -1
		return nil, &e
	}
	return planned.(*plan.Query), nil
}

// run gives changes until nobody follows.
func (f *relationFeed) run() {
	defer close(f.ended)
	for f.life.Err() == nil {
		if f.cursor == nil {
			f.rest()
			continue
		}
		batch, err := f.next()
		switch {
		case f.pauseAsked():
			// Rows that were at hand are given first.
			if batch != nil {
				f.give(batch)
			}
			f.rest()
		case err != nil:
			f.recover(err)
		default:
			f.give(batch)
			if f.outdated {
				f.closeCursor()
				f.reopen(true)
			}
		}
	}
	f.closeCursor()
}

func (f *relationFeed) closeCursor() {
	if f.cursor != nil {
		f.cursor.Close()
		f.cursor = nil
	}
}

// next waits for changes, or for a pause to be asked for.
func (f *relationFeed) next() (*types.Batch, error) {
	ctx, cancel := f.untilPause()
	defer cancel()
	return f.cursor.Next(ctx)
}

// untilPause returns a context that ends with the feed's life or when a pause is asked
// for.
func (f *relationFeed) untilPause() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(f.life)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.interrupt = cancel
	if f.pause != nil {
		cancel()
	}
	return ctx, cancel
}

// reopenPause is the time between attempts to start a feed's query again.
const reopenPause = time.Second

// reopen starts the query again, as often as it takes, unless a pause is asked for.
// Missed says that changes were missed. Followers are told of that when the query has
// begun, so that who reads the relation then misses nothing, and before where it fails
// to.
func (f *relationFeed) reopen(missed bool) {
	for attempt := 1; !f.pauseAsked(); attempt++ {
		err := f.open()
		switch {
		case f.life.Err() != nil:
			return
		case err == nil:
			if missed {
				f.skip()
			}
			return
		case errors.Is(err, errRelationGone):
			f.finish(noteDropped)
			return
		case attempt == 1:
			f.warn("the changes of a relation cannot be followed; trying again", err)
			f.skip()
			missed = true
		}
		waiting, done := f.untilPause()
		timer := time.NewTimer(reopenPause)
		select {
		case <-timer.C:
		case <-waiting.Done():
		}
		timer.Stop()
		done()
	}
	f.missed = f.missed || missed
}

// recover goes on behind an error of the query.
func (f *relationFeed) recover(err error) {
	f.closeCursor()
	switch {
	case f.life.Err() != nil:
	case sqlerr.CodeOf(err) == sqlerr.UndefinedTable:
		f.finish(noteDropped)
	case sqlerr.CodeOf(err) == sqlerr.AdminShutdown:
		f.finish("")
	default:
		f.warn("changes of a relation were missed by those who follow it", err)
		f.reopen(true)
	}
}

func (f *relationFeed) warn(message string, err error) {
	if f.options.Logger != nil {
		f.options.Logger.Warn(message, "relation", uint64(f.relation), "error", err)
	}
}

// skip tells the followers that changes are missing.
func (f *relationFeed) skip() { f.source.Publish([]string{noteSkipped}, noteSkipped) }

// finish tells the followers that there will be no more changes, unless note is empty,
// and ends the feed.
func (f *relationFeed) finish(note string) {
	f.feeds.mu.Lock()
	f.remove()
	f.feeds.mu.Unlock()
	for l, channels := range f.source.Followers() {
		for _, channel := range channels {
			if note != "" {
				f.source.Tell(l, channel, note)
			}
			l.Unfollow(channel)
		}
	}
}

// give gives changes to the followers that may read the relation.
func (f *relationFeed) give(batch *types.Batch) {
	if snapshot := f.options.Backend.Catalog(); snapshot.Version() != f.checked {
		f.checkFollowers(snapshot)
		f.checked = snapshot.Version()
	}
	f.source.Publish(f.payload.texts(batch), noteSkipped)
}

// checkFollowers takes leave of those who may not read the relation any more.
func (f *relationFeed) checkFollowers(snapshot *catalog.Snapshot) {
	followers := f.source.Followers()
	relation := snapshot.Relation(f.relation)
	f.outdated = relation != nil && relation.Changed != f.planned
	f.mu.Lock()
	for l := range f.roles {
		if _, follows := followers[l]; !follows {
			delete(f.roles, l)
		}
	}
	f.mu.Unlock()
	if relation == nil {
		return
	}
	schema := snapshot.SchemaID(relation.Schema)
	for l, channels := range followers {
		f.mu.Lock()
		role := f.roles[l]
		f.mu.Unlock()
		if snapshot.Allowed(role, relation.ID, catalog.PrivilegeSelect) != 0 && snapshot.Allowed(role, schema, catalog.PrivilegeUsage) != 0 {
			continue
		}
		for _, channel := range channels {
			f.source.Tell(l, channel, noteRevoked)
			l.Unfollow(channel)
		}
	}
}
