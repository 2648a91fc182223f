package exec

import (
	"slices"

	"millrace/sql/types"
)

// Two queries over the same sources meet when both are brought to the same position: by
// shard the further one of where they are. The offsets of a stream are read up to there;
// of a table, all changes up to an index of the shard's log are taken when the feed has
// published that far.

// meeting returns by source and shard the position at which two queries can meet. Where
// changes that one has seen in a snapshot are not published yet, reached is false, and
// the second query is woken when they are.
func meeting(host, guest *pushQuery) (target [][]uint64, reached bool) {
	reached = true
	for i, source := range host.sources {
		at := slices.Clone(source.position(false))
		for shard, other := range guest.sources[i].position(false) {
			at[shard] = max(at[shard], other)
			if source.in.kind == inputTable && !host.engine.loops[shard].feed.reached(at[shard], guest.wake) {
				reached = false
			}
		}
		target = append(target, at)
	}
	return target, reached
}

// readTo reads the sources up to positions that are there, as one unit, and hands the
// rows of each step to give, nil for none.
func (p *pushQuery) readTo(target [][]uint64, give func(rows *types.Batch)) error {
	err := p.readUnit(target, give)
	if err != nil && p.ended == nil {
		p.ended = err
	}
	return err
}

func (p *pushQuery) readUnit(target [][]uint64, give func(rows *types.Batch)) error {
	p.beginTurn()
	p.turn.spent = p.out.isFull
	p.marks.begin()
	for i, source := range p.sources {
		if source.in.kind == inputTable {
			if _, err := p.readChanges(source, target[i]); err != nil {
				return err
			}
			if source.backlog != nil {
				if _, err := p.readBacklog(source, target[i]); err != nil {
					return err
				}
			}
			source.at = slices.Clone(target[i])
			continue
		}
		if err := p.readStreamTo(source, target[i]); err != nil {
			return err
		}
	}
	for {
		p.finish()
		if p.turn.failed != nil {
			return p.turn.failed
		}
		rows, err := p.marks.give(p.out.take())
		if err != nil {
			return err
		}
		give(rows)
		if !p.stage.busy() {
			return nil
		}
		p.beginTurn()
		p.turn.spent = p.out.isFull
		p.stage.resumeWork(&p.turn)
	}
}

// readStreamTo hands the rows of a stream up to offsets by shard to the operators.
func (p *pushQuery) readStreamTo(source *pushSource, until []uint64) error {
	for shard := range source.offsets {
		for end := int64(until[shard]); source.offsets[shard] < end; {
			before := source.offsets[shard]
			if err := p.readStream(source, shard, end); err != nil {
				return err
			}
			if err := p.engine.loops[shard].log.Whole(); err != nil {
				return err
			}
			if source.offsets[shard] == before {
				return otherRows()
			}
		}
	}
	return nil
}

// freshRows is about how many rows a query may still have to read when it meets another,
// which waits meanwhile.
const freshRows = 1 << 10

// upToDate reports whether the query has given all but a little of what there is, and is
// at the end of a unit.
func (p *pushQuery) upToDate() bool {
	if p.ended != nil || !p.opened || p.stage.busy() || p.replay != nil || p.marks.skip > 0 || !p.marks.complete || p.out.rows != nil {
		return false
	}
	lag := int64(0)
	for _, source := range p.sources {
		if source.backlog != nil || len(source.pending) > 0 {
			return false
		}
		lag += int64(source.subscription.waiting())
		for shard, offset := range source.offsets {
			partition, err := p.engine.loops[shard].log.Partition(uint64(source.in.source))
			if err != nil {
				return false
			}
			if partition != nil {
				lag += partition.NextOffset() - offset
			}
		}
	}
	return lag <= freshRows
}

// share has the cursor's query go over to the host of equal ones, or become one. Where it
// cannot be brought to the position of the host now, it is woken to try again.
func (c *pushCursor) share() error {
	h, first := c.engine.pushes.find(c.identity, c.own)
	if first != nil {
		c.own, c.member = nil, first
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || !h.query.upToDate() {
		h.visitors = append(h.visitors, c.own.wake)
		return nil
	}
	target, reached := meeting(h.query, c.own)
	if !reached {
		return nil
	}
	if h.query.readTo(target, h.give) != nil {
		h.visitors = append(h.visitors, c.own.wake)
		h.query.wake.raise() // it fails in its next step
		return nil
	}
	err := c.own.readTo(target, func(rows *types.Batch) {
		if rows != nil {
			c.ready = append(c.ready, rows)
		}
	})
	if err != nil {
		return err
	}
	c.member = h.admit(c.identity, c.own.buffer)
	c.own.close()
	c.own = nil
	return nil
}
