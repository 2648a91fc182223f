package exec

import (
	"fmt"
	"slices"

	"millrace/tables"
)

// shuffleWindow bounds the deliveries that one stage has handed to one shard and
// that the shard has not acknowledged, and shuffleBytes how many bytes of them there may
// be before another one is handed out. The rest waits in the store, so that a shard that
// is slow to take them costs no memory.
const (
	shuffleWindow = 16
	shuffleBytes  = 4 << 20
)

// send gives a stage's rows, and its stream time, to the stage that they are shuffled to: on this
// shard within the tick, on another one through a numbered delivery that is
// stored until the receiver has acknowledged it.
func (t *tick) send(s *stage, receiver stageID, shard int, sent arrival) {
	sent.from = t.core.shard
	if shard == t.core.shard {
		t.arriveHere(s.id, receiver, sent)
		return
	}
	number := s.sent[shard]
	s.sent[shard]++
	s.dirty = true
	encoded := sent.append(nil)
	t.write.Set(outgoingKey(nil, s.id, shard, number), encoded)
	if s.handed[shard] != number || number-s.acknowledged[shard] >= shuffleWindow || s.flying[shard] >= shuffleBytes {
		return
	}
	s.handed[shard]++
	s.flying[shard] += len(encoded)
	t.result.outgoing = append(t.result.outgoing, &delivery{
		sender: s.id, receiver: receiver, from: t.core.shard, to: shard, number: number, version: t.core.record.version, sent: &sent,
	})
}

func (t *tick) arriveHere(sender, receiver stageID, sent arrival) {
	if in := t.core.shuffleInput(sender, receiver); in != nil {
		t.take(in, sent)
	}
}

// take takes what a stage has shuffled to an input. Nothing at all tells that the
// sender has worked off what was there when the query began.
func (t *tick) take(in *input, sent arrival) {
	if sent.rows == nil && !sent.timed {
		in.told++
		in.dirty = true
		return
	}
	t.arrived[in] = append(t.arrived[in], sent)
}

// tell tells the receivers of a stage, once, when it has worked off what was there
// when the query began.
func (t *tick) tell(s *stage) error {
	if !s.tells || s.told || s.query.state != queryRunning || s.busy() {
		return nil
	}
	for _, in := range s.inputs {
		if in.kind != inputStream {
			if !in.complete() {
				return nil
			}
			continue
		}
		end, err := t.core.end(in.source)
		if err != nil || in.offset < end {
			return err
		}
	}
	s.told, s.dirty = true, true
	receiver := stageID{s.id.query, s.plan.To}
	for shard := range t.core.shards {
		t.send(s, receiver, shard, arrival{})
	}
	return nil
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
			sent := d.sent
			if sent == nil {
				decoded, err := decodeArrival(d.payload, in.columns)
				if err != nil {
					return fmt.Errorf("delivery %d of shard %d: %w", d.number, d.from, err)
				}
				sent = &decoded
			}
			t.take(in, *sent)
			in.wanted[d.from]++
			in.dirty = true
			c.schedule.due.add(in.query.index)
		}
		t.acknowledge(d, in.wanted[d.from], d.number > in.wanted[d.from])
	}
	return nil
}

// answered names a sender that a tick has an answer for.
type answered struct {
	sender stageID
	shard  int
}

// acknowledge notes the answer to a delivery; of several to one sender the last
// counts.
func (t *tick) acknowledge(d *delivery, wanted uint64, resend bool) {
	to := answered{d.sender, d.from}
	if i, known := t.answers[to]; known {
		a := &t.result.acks[i]
		a.wanted, a.resend = wanted, a.resend || resend
		return
	}
	if t.answers == nil {
		t.answers = map[answered]int{}
	}
	t.answers[to] = len(t.result.acks)
	t.result.acks = append(t.result.acks, acknowledgement{sender: d.sender, from: t.core.shard, to: d.from, wanted: wanted, resend: resend})
}

// trimEvery is how many acknowledged deliveries to one shard may stay stored
// while nothing else makes an entry.
const trimEvery = 64

// takeAcknowledgements notes how far the receivers are, hands them what is next
// or what they ask for again, and deletes what they have.
func (t *tick) takeAcknowledgements() error {
	c := t.core
	for _, a := range t.in.acknowledgments {
		s := c.stages[a.sender]
		if s == nil || s.sent == nil || a.wanted < s.acknowledged[a.from] {
			continue
		}
		s.answer(a)
		if a.wanted > s.trimmed[a.from] {
			c.trimmable[s] = struct{}{}
		}
		var err error
		if t.result.outgoing, err = c.handOn(s, a.from, shuffleWindow, t.result.outgoing); err != nil {
			return err
		}
	}
	busy := len(t.in.requests) > 0 || len(t.in.deliveries) > 0
	for s := range c.trimmable {
		left := false
		for shard := range s.sent {
			due := s.acknowledged[shard] - s.trimmed[shard]
			if due > 0 && (busy || due >= trimEvery) {
				t.trim(s, shard)
			} else if due > 0 {
				left = true
			}
		}
		if !left {
			delete(c.trimmable, s)
		}
	}
	return nil
}

// answer notes an acknowledgement.
func (s *stage) answer(a acknowledgement) {
	if flying := s.handed[a.from] - s.acknowledged[a.from]; a.wanted < s.handed[a.from] && !a.resend {
		s.flying[a.from] -= int(uint64(s.flying[a.from]) / flying * (a.wanted - s.acknowledged[a.from]))
	} else {
		s.flying[a.from] = 0
	}
	s.acknowledged[a.from] = a.wanted
	if a.resend {
		s.handed[a.from] = a.wanted
	}
	s.handed[a.from] = max(s.handed[a.from], a.wanted)
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
	t.write.Set(stageKey(s.id), s.appendRecord(nil))
}

// handOn appends the stored deliveries to a shard that a window of so many has room for.
// All that are numbered are committed: it is called before the tick's stages
// run.
func (c *core) handOn(s *stage, shard int, window uint64, out []*delivery) ([]*delivery, error) {
	from, to := s.handed[shard], min(s.sent[shard], s.acknowledged[shard]+window)
	if from >= to || s.flying[shard] >= shuffleBytes {
		return out, nil
	}
	it, err := c.state.Scan(outgoingKey(nil, s.id, shard, from), outgoingKey(nil, s.id, shard, to))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.Next() {
		key, err := tables.ParseInternalKey(it.Key())
		if err != nil {
			return nil, err
		}
		if key.Number != s.handed[shard] {
			break
		}
		s.handed[shard]++
		s.flying[shard] += len(it.Value())
		out = append(out, &delivery{
			sender: s.id, receiver: stageID{s.id.query, s.plan.To}, from: c.shard, to: shard, number: key.Number,
			version: c.record.version, payload: slices.Clone(it.Value()),
		})
		if s.flying[shard] >= shuffleBytes {
			return out, nil
		}
	}
	if err := it.Err(); err != nil {
		return nil, err
	}
	if s.handed[shard] != to {
		return nil, fmt.Errorf("delivery %d of query %q to shard %d is missing", s.handed[shard], s.query.descriptor.Name, shard)
	}
	return out, nil
}

// unacknowledged returns the stored deliveries that receivers may not have, as
// far as their windows go, and what this shard asks its own senders for: both
// are sent when a loop begins.
func (c *core) unacknowledged() (out []*delivery, asks []acknowledgement, err error) {
	for _, q := range c.queries {
		for _, s := range q.stages {
			for shard := range s.sent {
				if shard == c.shard {
					continue
				}
				if out, err = c.handOn(s, shard, shuffleWindow, out); err != nil {
					return nil, nil, err
				}
			}
			asks = c.asks(s, asks)
		}
	}
	return out, asks, nil
}

// asks appends what a stage's inputs want from their senders.
func (c *core) asks(s *stage, asks []acknowledgement) []acknowledgement {
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
	return asks
}
