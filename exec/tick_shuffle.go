package exec

import (
	"fmt"

	"millrace/sql/types"
	"millrace/tables"
)

// send gives a stage's rows to the stage that they are shuffled to: on this
// shard within the tick, on another one through a numbered delivery that is
// stored until the receiver has acknowledged it.
func (t *tick) send(s *stage, receiver stageID, shard int, rows *types.Batch) {
	if shard == t.core.shard {
		t.arriveHere(s.id, receiver, rows)
		return
	}
	number := s.sent[shard]
	s.sent[shard]++
	s.dirty = true
	t.write.Set(outgoingKey(nil, s.id, shard, number), types.AppendBatch(nil, rows))
	t.result.outgoing = append(t.result.outgoing, &delivery{
		sender: s.id, receiver: receiver, from: t.core.shard, to: shard, number: number, version: t.core.record.version, rows: rows,
	})
}

func (t *tick) arriveHere(sender, receiver stageID, rows *types.Batch) {
	if in := t.core.shuffleInput(sender, receiver); in != nil {
		t.arrived[in] = append(t.arrived[in], rows)
	}
}

// shuffleInput returns the input of a stage that takes what sender shuffles.
func (c *core) shuffleInput(sender, receiver stageID) *input {
	s := c.stages[receiver]
	if s == nil {
		return nil
	}
	for _, in := range s.inputs {
		if in.kind == inputShuffle && in.from == sender {
			return in
		}
	}
	return nil
}

// takeDeliveries takes the deliveries that are next in their sender's order and
// answers each sender with the number it wants.
func (t *tick) takeDeliveries() error {
	c := t.core
	for _, d := range t.in.deliveries {
		if d.version > c.record.version {
			t.result.held = append(t.result.held, d)
			continue
		}
		in := c.shuffleInput(d.sender, d.receiver)
		if in == nil {
			continue // the query is gone, and the sender's rows with it
		}
		if d.number == in.wanted[d.from] {
			rows := d.rows
			if rows == nil {
				var err error
				if rows, err = types.DecodeBatch(d.payload, in.columns); err != nil {
					return fmt.Errorf("delivery %d of shard %d: %w", d.number, d.from, err)
				}
			}
			t.arrived[in] = append(t.arrived[in], rows)
			in.wanted[d.from]++
			in.dirty = true
		}
		t.acknowledge(d, in.wanted[d.from], d.number > in.wanted[d.from])
	}
	return nil
}

// acknowledge notes the answer to a delivery; of several to one sender the last
// counts.
func (t *tick) acknowledge(d *delivery, wanted uint64, resend bool) {
	for i := range t.result.acks {
		a := &t.result.acks[i]
		if a.sender == d.sender && a.to == d.from {
			a.wanted, a.resend = wanted, a.resend || resend
			return
		}
	}
	t.result.acks = append(t.result.acks, acknowledgement{sender: d.sender, from: t.core.shard, to: d.from, wanted: wanted, resend: resend})
}

// trimEvery is how many acknowledged deliveries to one shard may stay stored
// while nothing else makes an entry.
const trimEvery = 256

// takeAcknowledgements notes how far the receivers are, deletes what they have,
// and sends again what they ask for.
func (t *tick) takeAcknowledgements() error {
	c := t.core
	for _, a := range t.in.acknowledgments {
		s := c.stages[a.sender]
		if s == nil || s.sent == nil {
			continue
		}
		s.acknowledged[a.from] = max(s.acknowledged[a.from], a.wanted)
		if a.resend {
			if err := t.resend(s, a.from, a.wanted); err != nil {
				return err
			}
		}
	}
	busy := len(t.in.requests) > 0 || len(t.in.deliveries) > 0
	for _, q := range c.queries {
		for _, s := range q.stages {
			for shard := range s.sent {
				if due := s.acknowledged[shard] - s.trimmed[shard]; due > 0 && (busy || due >= trimEvery) {
					t.trim(s, shard)
				}
			}
		}
	}
	return nil
}

// trim deletes the stored deliveries that a shard has acknowledged.
func (t *tick) trim(s *stage, shard int) {
	from, to := s.trimmed[shard], s.acknowledged[shard]
	if to-from > 16 {
		t.write.DeleteRange(outgoingKey(nil, s.id, shard, from), outgoingKey(nil, s.id, shard, to))
	} else {
		for number := from; number < to; number++ {
			t.write.Delete(outgoingKey(nil, s.id, shard, number))
		}
	}
	s.trimmed[shard] = to
	s.dirty = true
}

// resend puts the stored deliveries to a shard from a number on into the result.
func (t *tick) resend(s *stage, shard int, from uint64) error {
	deliveries, err := t.core.outgoing(s, shard, from)
	t.result.outgoing = append(t.result.outgoing, deliveries...)
	return err
}

// outgoing reads the stored deliveries of a stage to a shard from a number on.
func (c *core) outgoing(s *stage, shard int, from uint64) ([]*delivery, error) {
	var out []*delivery
	it, err := c.state.Scan(outgoingKey(nil, s.id, shard, from), outgoingKey(nil, s.id, shard, s.sent[shard]))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.Next() {
		key, err := tables.ParseInternalKey(it.Key())
		if err != nil {
			return nil, err
		}
		out = append(out, &delivery{
			sender: s.id, receiver: stageID{s.id.query, s.plan.To}, from: c.shard, to: shard, number: key.Number,
			version: c.record.version, payload: append([]byte(nil), it.Value()...),
		})
	}
	return out, it.Err()
}

// unacknowledged returns all stored deliveries that receivers may not have, and
// restart what this shard asks its own senders for: both are sent when a loop
// begins.
func (c *core) unacknowledged() (out []*delivery, asks []acknowledgement, err error) {
	for _, q := range c.queries {
		for _, s := range q.stages {
			for shard := range s.sent {
				if shard == c.shard {
					continue
				}
				deliveries, err := c.outgoing(s, shard, s.trimmed[shard])
				if err != nil {
					return nil, nil, err
				}
				out = append(out, deliveries...)
			}
			for _, in := range s.inputs {
				if in.kind != inputShuffle {
					continue
				}
				for shard, wanted := range in.wanted {
					if shard != c.shard {
						asks = append(asks, acknowledgement{sender: in.from, from: c.shard, to: shard, wanted: wanted, resend: true})
					}
				}
			}
		}
	}
	return out, asks, nil
}
