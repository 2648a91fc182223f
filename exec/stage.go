package exec

import (
	"fmt"
	"time"

	"millrace/exec/pull"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// stageID names a stage of a continuous query.
type stageID struct {
	query catalog.ObjectID
	stage int
}

// queryState says whether a continuous query runs on a shard.
type queryState uint8

const (
	queryRunning queryState = iota
	queryPaused
	queryFailed
)

// runningQuery is a continuous query at work on one shard.
type runningQuery struct {
	descriptor *catalog.Query
	// index is its number among the core's queries.
	index  int
	sink   *relationCodec
	stages []*stage
	state  queryState
	// failure says why the query failed.
	failure string
	// resumed says that the query had failed, and goes on since.
	resumed bool
	// recorded says that the stored status has the state.
	recorded bool
	errors   uint64 // rows that failed, ever
	late     uint64 // changes that came too late for a window, ever
	pace     pace
	eval     expr.Context
	results  expr.Context
}

// lost reports whether the query can never go on: rows that waited for it were
// let go.
func (q *runningQuery) lost() bool {
	if len(q.stages) == 0 {
		return true // it could not be planned
	}
	for _, s := range q.stages {
		for _, in := range s.inputs {
			if in.lost {
				return true
			}
		}
	}
	return false
}

// stage is a stage of a running query: operators from its inputs to its output.
type stage struct {
	id     stageID
	query  *runningQuery
	plan   *plan.Stage
	inputs []*input
	// workers are the stage's operators that may leave work, each before those that
	// feed it.
	workers []*worker
	// started says that the stage had its first turn on this shard.
	started bool
	// tells says that the stage's receivers want to know when it has worked off what
	// was there when the query began, and told that they do.
	tells, told bool
	// sent is the number of the next delivery to each shard, where the stage
	// shuffles.
	sent []uint64
	// handed is the number up to which (exclusive) deliveries were handed to each
	// shard, acknowledged up to which it has taken them, and trimmed up to which
	// the stored ones are deleted: trimmed <= acknowledged <= handed <= sent.
	handed, acknowledged, trimmed []uint64
	// flying are the bytes, about, that were handed to each shard and that it has not
	// acknowledged. Answered is what it had acknowledged when that was looked at last, and
	// silent how often it has been the same since.
	flying   []int
	answered []uint64
	silent   []int
	dirty    bool
	turn     turn

	// timed says that the stage has something to do when time passes. It is then
	// finished in its first turn, when wake has come (zero for never), and while it
	// is unfinished: operators set these in finish.
	timed, woken, unfinished bool
	wake                     time.Time
	// final says that the stage gives results of windows once they are over.
	final bool
}

// due reports whether the stage has something to do without new input.
func (s *stage) due(now time.Time) bool {
	return !s.woken || s.unfinished || !s.wake.IsZero() && !now.Before(s.wake)
}

// inputKind says where a stage's input comes from.
type inputKind uint8

const (
	inputStream inputKind = iota
	inputTable
	inputShuffle
)

// input is a leaf of a stage: where rows enter it.
type input struct {
	number int
	query  *runningQuery
	kind   inputKind
	// source is the stream or table read, fetch how its rows become columns.
	source catalog.ObjectID
	codec  *relationCodec
	fetch  *fetchReader
	// changelog is set where a table's changes are read as rows.
	changelog *changelog
	// start, where not nil, is where a stream begins to be read.
	start *plan.Start
	// partitions is the number of shards that rows enter on.
	partitions int
	// from is the sending stage, and columns the columns of its rows.
	from    stageID
	columns []types.Type
	to      consumer
	// after are the inputs that must not lag when this one takes rows.
	after []*input

	position
	dirty bool
	// unused says that no row ever enters here on this shard.
	unused bool
}

// streamTime is the stream time of what enters here: that of a shuffle's
// senders; of rows from a partition there is none yet.
func (in *input) streamTime() streamTime {
	switch {
	case in.unused:
		return streamTime{at: noTime, idle: stopped}
	case in.times == nil:
		return streamTime{at: noTime}
	default:
		return combined(in.times)
	}
}

// busy reports whether operators of the stage have work left, behind which all input
// has to wait.
func (s *stage) busy() bool {
	for _, j := range s.workers {
		if j.work.waiting() {
			return true
		}
	}
	return false
}

// takes reports whether an input can take rows now.
func (s *stage) takes(in *input) bool {
	if s.query.state != queryRunning || s.busy() {
		return false
	}
	for _, earlier := range in.after {
		if !earlier.complete() {
			return false
		}
	}
	return true
}

// complete reports whether an input other than a stream has worked off what was
// there when the query began, and all that has come since.
func (in *input) complete() bool {
	switch {
	case in.waitingFirst < in.waitingNext:
		return false
	case in.kind == inputTable:
		return in.scanned
	default:
		return in.told == uint64(len(in.wanted))
	}
}

// askToTell has the stages before an input tell when they have worked off what was
// there when the query began.
func (q *runningQuery) askToTell(in *input) {
	if in.kind != inputShuffle || q.stages[in.from.stage].tells {
		return
	}
	sender := q.stages[in.from.stage]
	sender.tells = true
	for _, earlier := range sender.inputs {
		q.askToTell(earlier)
	}
}

// newRunningQuery builds a planned query for shard, with its positions as at
// the beginning.
func newRunningQuery(c *core, planned *plan.Continuous) (*runningQuery, error) {
	q := &runningQuery{descriptor: planned.Query, sink: c.codec(planned.Sink.ID)}
	if q.sink == nil {
		q.sink = newRelationCodec(planned.Sink)
	}
	if c.snapshot.Rests(planned.Query) {
		q.state = queryPaused
	}
	for i := range planned.Stages {
		s := &stage{id: stageID{planned.Query.ID, i}, query: q, plan: &planned.Stages[i]}
		builder := stageBuilder{stage: s, codecs: c.codec, earlier: q.stages, cacheGroups: c.cacheGroups}
		root, output, err := s.plan.Root, consumer(nil), error(nil)
		if shuffle, ok := root.(*plan.Shuffle); !ok {
			output, err = c.sinkConsumer(q, s, planned)
		} else {
			root, output = shuffle.Input, c.shuffleConsumer(s, shuffle)
			s.sent, s.handed = make([]uint64, c.shards), make([]uint64, c.shards)
			s.acknowledged, s.trimmed = make([]uint64, c.shards), make([]uint64, c.shards)
			s.flying, s.answered, s.silent = make([]int, c.shards), make([]uint64, c.shards), make([]int, c.shards)
		}
		q.stages = append(q.stages, s)
		if err == nil {
			err = builder.build(root, output)
		}
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", planned.Query.Name, err)
		}
		for _, in := range s.inputs {
			in.unused = c.shard >= in.partitions
			if in.kind == inputShuffle {
				in.live, in.wanted = true, make([]uint64, c.shards)
				if s.timed {
					in.times = make([]streamTime, c.shards)
					for shard := range in.times {
						in.times[shard].at = noTime
					}
				}
			}
			for _, earlier := range in.after {
				q.askToTell(earlier)
			}
		}
	}
	q.runSubqueries(planned.Stages)
	return q, nil
}

// runSubqueries has the query's expressions run subqueries of their rows.
func (q *runningQuery) runSubqueries(stages []plan.Stage) {
	roots := make([]plan.Node, len(stages))
	for i := range stages {
		roots[i] = stages[i].Root
	}
	q.eval.Subqueries = pull.RowSubqueries(stages[0].Subqueries, roots, &q.eval)
	q.results.Subqueries = pull.RowSubqueries(stages[0].Subqueries, roots, &q.results)
}
