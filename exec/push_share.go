package exec

import (
	"fmt"
	"slices"
	"sync"

	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// pushIdentity is what equal push queries have in common.
type pushIdentity struct {
	plan        *plan.Query
	fingerprint uint64
	shards      int
	// direct says that nothing is kept of the input (pushMarks.direct).
	direct bool
	// sorted says that the rows of a unit are in an order of their own.
	sorted bool
	// parameters are the values of $1, $2 …, and format the settings by which values
	// are printed, both encoded.
	parameters, format string
	// first is where the streams began to be read, of a query that keeps something of
	// what it has read.
	first [][]uint64
}

func newPushIdentity(p *pushQuery, env *QueryEnv) *pushIdentity {
	id := &pushIdentity{plan: p.plan, fingerprint: p.marks.mark.fingerprint, shards: p.marks.mark.shards, direct: p.marks.direct, sorted: p.sortsRows()}
	if n := len(p.plan.Params); n > 0 {
		values := types.NewBatch(p.plan.Params)
		values.AppendRow(env.Params[:n], 1)
		id.parameters = string(types.NewRowCodec(p.plan.Params).AppendRow(nil, values, 0))
	}
	f := env.Format
	id.format = fmt.Sprint(f.TimeZone, f.DateStyle, f.DateOrder, f.IntervalStyle, f.ExtraFloatDigits, f.ByteaOutput)
	if !id.direct {
		for i := range p.marks.mark.sources {
			id.first = append(id.first, p.marks.mark.sources[i].first)
		}
	}
	return id
}

// same reports whether two queries give the same from the same position on. Rowmarks
// are of one query, as it was written.
func (id *pushIdentity) same(other *pushIdentity) bool {
	return id.parameters == other.parameters && id.format == other.format &&
		(id.fingerprint == other.fingerprint || len(id.plan.RowMarks) == 0) &&
		slices.EqualFunc(id.first, other.first, slices.Equal[[]uint64]) && planner.SamePush(id.plan, other.plan)
}

// mark is the rowmark of the end of a unit. It belongs to the caller.
func (id *pushIdentity) mark(end *unitEnd) *rowmark {
	mark := &rowmark{fingerprint: id.fingerprint, shards: id.shards, sources: make([]markedSource, len(end.sources))}
	for i, s := range end.sources {
		mark.sources[i] = markedSource{first: s.first, before: slices.Clone(s.after), after: slices.Clone(s.after)}
	}
	return mark
}

// pushRegistry knows the hosts, by their first source.
type pushRegistry struct {
	budget  pushBudget
	metrics *pushMetrics

	mu    sync.Mutex
	hosts map[catalog.ObjectID][]*pushHost
}

func sourceOf(id *pushIdentity) catalog.ObjectID { return id.plan.Sources[0].ID }

// find returns the host of a query. Where there is none, it makes one of the query
// itself, and returns its first member.
func (r *pushRegistry) find(id *pushIdentity, query *pushQuery) (*pushHost, *pushMember) {
	r.mu.Lock()
	defer r.mu.Unlock()
	source := sourceOf(id)
	for _, h := range r.hosts[source] {
		if h.identity.same(id) {
			return h, nil
		}
	}
	h, first := newPushHost(id, query)
	if r.hosts == nil {
		r.hosts = map[catalog.ObjectID][]*pushHost{}
	}
	r.hosts[source] = append(r.hosts[source], h)
	r.metrics.hosts.Inc()
	return h, first
}

// leave takes a member from its host, and reports whether that ends the host.
func (r *pushRegistry) leave(h *pushHost, m *pushMember) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.members, m)
	if len(h.members) > 0 {
		return false
	}
	r.removeLocked(h)
	return true
}

// removeLocked lets nobody come to a host any more.
func (r *pushRegistry) removeLocked(h *pushHost) {
	if h.ended {
		return
	}
	h.ended = true
	r.metrics.hosts.Dec()
	source := sourceOf(h.identity)
	hosts := slices.DeleteFunc(r.hosts[source], func(other *pushHost) bool { return other == h })
	if len(hosts) == 0 {
		delete(r.hosts, source)
	} else {
		r.hosts[source] = hosts
	}
}
