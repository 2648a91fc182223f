package exec

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"millrace/sql/catalog"
)

// What the leaders of shards tell those who look at the running cluster: the system
// tables, and readers that want to know how far a query is behind.
//
//	report := term · index · failed u8 · count · query*
//	query  := id · state u8 · length · failure · late · consumed (varint) · rows (varint)
//	          · batches (varint) · scanning u8
//
// Integers are uvarints but where it says otherwise.

const (
	reportMethod = "shard.report"
	// reportPatience bounds the wait for leaders. Who looks at the cluster has a reason
	// to: some of it may be away, and is shown so.
	reportPatience = time.Second
)

// shardReport is what a shard's leader tells.
type shardReport struct {
	// reached says that the leader has answered.
	reached     bool
	term, index uint64
	failed      bool
	queries     map[catalog.ObjectID]queryReport
}

// queryReport is a query's state on a shard.
type queryReport struct {
	queryStatus
	lag
	// consumed is how many rows of streams the query has read.
	consumed int64
}

// shardReports are those of all shards.
type shardReports []shardReport

func (e *Engine) serveStatus() {
	e.serveShards(reportMethod, func(_ context.Context, shard int, _ []byte) ([]byte, error) {
		r, err := e.loops[shard].report()
		if err != nil {
			return nil, err
		}
		return r.append(nil), nil
	})
}

// report tells of a shard that this node leads.
func (l *shardLoop) report() (shardReport, error) {
	r := shardReport{reached: true, term: l.log.Term(), queries: map[catalog.ObjectID]queryReport{}}
	var err error
	if r.index, err = l.log.Tables().AppliedIndex(); err != nil {
		return r, damaged(err)
	}
	l.status.mu.Lock()
	r.failed = l.status.failure != nil
	for id, status := range l.status.queries {
		r.queries[id] = queryReport{queryStatus: status}
	}
	l.status.mu.Unlock()
	for id, q := range r.queries {
		q.lag, q.consumed = l.lag(id), l.consumed(id)
		r.queries[id] = q
	}
	return r, nil
}

// queryStates asks the leaders of all shards. Those that do not answer in time are marked
// as not reached; an error says that ctx has ended.
func (e *Engine) queryStates(ctx context.Context) (shardReports, error) {
	reports := make(shardReports, len(e.loops))
	local := func(_ context.Context, shard int) (err error) {
		reports[shard], err = e.loops[shard].report()
		return err
	}
	if e.alone() {
		for shard := range reports {
			if err := local(ctx, shard); err != nil {
				return nil, err
			}
		}
		return reports, nil
	}
	asking, cancel := e.withPatience(ctx, reportPatience)
	defer cancel()
	_ = e.askShards(asking, rangeOf(len(reports)), &shardQuestion{ // what is missing is marked so
		method: reportMethod, local: local,
		request: func(buf []byte, _ int) []byte { return buf },
		answer: func(shard int, encoded []byte) (err error) {
			reports[shard], err = decodeShardReport(encoded)
			return err
		},
	})
	return reports, context.Cause(ctx)
}

// withPatience returns a context that ends after a time of the engine's clock.
func (e *Engine) withPatience(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	end := e.after(patience)
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// sum is how far a query is behind on all shards that have been reached.
func (r shardReports) sum(query catalog.ObjectID) lag {
	var all lag
	for i := range r {
		q := r[i].queries[query]
		all.rows, all.batches, all.scanning = all.rows+q.rows, all.batches+q.batches, all.scanning || q.scanning
	}
	return all
}

// progress says how far a query is behind.
func (r shardReports) progress(query catalog.ObjectID) string {
	behind := r.sum(query)
	return fmt.Sprintf("It has %d rows and %d waiting batches to go.", behind.rows, behind.batches)
}

// stopped returns the state of a query on the first shard where it does not run.
func (r shardReports) stopped(query catalog.ObjectID) (queryStatus, bool) {
	for i := range r {
		if q, known := r[i].queries[query]; known && q.state != queryRunning {
			return q.queryStatus, true
		}
	}
	return queryStatus{}, false
}

func (r *shardReport) append(buf []byte) []byte {
	buf = binary.AppendUvarint(binary.AppendUvarint(buf, r.term), r.index)
	buf = append(buf, flag(r.failed))
	buf = binary.AppendUvarint(buf, uint64(len(r.queries)))
	for id, q := range r.queries {
		buf = append(binary.AppendUvarint(buf, uint64(id)), byte(q.state))
		buf = binary.AppendUvarint(buf, uint64(len(q.failure)))
		buf = append(buf, q.failure...)
		buf = binary.AppendUvarint(buf, q.late)
		buf = appendVarints(buf, q.consumed, q.rows, q.batches)
		buf = append(buf, flag(q.scanning))
	}
	return buf
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func decodeShardReport(data []byte) (shardReport, error) {
	in := uvarintReader{data: data}
	r := shardReport{reached: true, term: in.next(), index: in.next(), failed: in.byte() == 1, queries: map[catalog.ObjectID]queryReport{}}
	for range in.next() {
		id := catalog.ObjectID(in.next())
		var q queryReport
		q.state, q.failure, q.late = queryState(in.byte()), string(in.bytes()), in.next()
		q.consumed, q.rows, q.batches = in.varint(), in.varint(), in.varint()
		q.scanning = in.byte() == 1
		if in.bad {
			return shardReport{}, errBadAnswer
		}
		r.queries[id] = q
	}
	if in.bad || len(in.data) > 0 {
		return shardReport{}, errBadAnswer
	}
	return r, nil
}
