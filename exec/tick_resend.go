package exec

import "time"

// What was sent to another shard and is not answered is sent again: the way there, or
// back, may have lost it. Receivers take every delivery once, whatever they are sent
// (tick.takeDeliveries).
//
// A sender looks for receivers that have been silent every resendEvery while there is
// something unanswered, and sends such a one the oldest delivery that it has not
// acknowledged. The answer says what the receiver wants next, and the others follow it. A
// receiver that stays silent is sent that delivery more and more rarely, down to every
// resendRarely looks.

const (
	resendEvery  = 500 * time.Millisecond
	resendRarely = 16
)

// resend does that where the tick is asked to. After the core was loaded again it hands
// all that receivers may not have to them.
func (t *tick) resend() error {
	c := t.core
	if t.in.reloaded {
		out, _, err := c.unacknowledged()
		t.result.outgoing = append(t.result.outgoing, out...)
		if err != nil {
			return err
		}
	}
	if !t.in.resend {
		return nil
	}
	for _, q := range c.queries {
		for _, s := range q.stages {
			for shard := range s.sent {
				if err := t.resendTo(s, shard); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resendTo looks at one receiver of a stage.
func (t *tick) resendTo(s *stage, shard int) (err error) {
	if s.acknowledged[shard] >= s.sent[shard] {
		s.silent[shard] = 0
		return nil
	}
	t.result.unanswered = true
	if s.answered[shard] != s.acknowledged[shard] {
		s.answered[shard], s.silent[shard] = s.acknowledged[shard], 0
		return nil
	}
	s.silent[shard]++
	if n := s.silent[shard]; n%resendRarely != 0 && n&(n-1) != 0 {
		return nil
	}
	s.handed[shard], s.flying[shard] = s.acknowledged[shard], 0
	t.result.outgoing, err = t.core.handOn(s, shard, 1, t.result.outgoing)
	return err
}
