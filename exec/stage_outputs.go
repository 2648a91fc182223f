package exec

import (
	"millrace/log"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// The ends of stages: results, and shuffles to other stages.

// sinkConsumer is the end of a query's last stage.
func (c *core) sinkConsumer(q *runningQuery, s *stage, planned *plan.Continuous) (consumer, error) {
	if q.sink.relation.Kind == catalog.KindTable {
		sink := newTableSink(q.sink, func(t *turn, changes *types.Batch, remaining []int64) {
			t.tick.indexRows(t.tick.core.codec(q.sink.relation.ID), changes, remaining)
			t.tick.tableChanged(q.sink.relation.ID, changes)
		})
		w := s.plan.Root.Props().Window
		if w != nil && w.Closing != nil && w.Closing.Keep != plan.NoLimit && q.sink.relation.Window != nil {
			sink.keep, s.timed = w.Closing, true
		}
		return sink, nil
	}
	var builder log.BatchBuilder
	sink := &streamSink{emit: func(t *turn, rows *types.Batch) {
		builder.Reset()
		t.scratch = q.sink.appendRecords(&builder, rows, t.scratch)
		records := builder.Finish(-1, -1, -1, log.CompressionNone)
		if err := t.tick.appendStream(q.sink.relation.ID, rows, records); err != nil {
			t.fail(err)
		}
	}}
	if planned.Into != nil {
		return newInto(planned.Into, q.sink.relation, sink)
	}
	return sink, nil
}

// shuffleConsumer is the end of a stage that moves its rows to other shards.
func (c *core) shuffleConsumer(s *stage, node *plan.Shuffle) consumer {
	receiver := stageID{s.id.query, s.plan.To}
	out := &shuffleOut{keys: node.Keys, partitions: node.Partitions, emit: func(t *turn, shard int, sent arrival) {
		t.tick.send(s, receiver, shard, sent)
	}}
	props := node.Props()
	switch {
	case props.Window != nil && props.Window.Closing != nil:
		if !props.Window.Closing.WallClock {
			out.tell(props.Window.Closing, 0)
		}
	case props.Clock != nil:
		out.tell(props.Clock, tellEvery)
	}
	s.timed = s.timed || out.closing != nil
	return out
}
