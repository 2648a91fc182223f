package cluster

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"millrace/log"
	"millrace/tables"
)

// halt stops applying at an entry; mu is held.
func (m *machine) halt(entry *raft.Log, cause error) *HaltedError {
	halted := &HaltedError{Shard: m.shard, Index: entry.Index, Err: cause}
	m.halted.Store(halted)
	// The proposer may use its memory again when it has the error.
	waiting := *entry
	waiting.Data = bytes.Clone(entry.Data)
	m.waiting = &waiting
	m.hashes.fail(halted)
	m.changeHalted()
	if !mayPass(cause) {
		m.logger.Error("the shard has stopped applying", "index", entry.Index, "error", cause)
		m.host.damaged(m.shard, cause)
		return halted
	}
	m.logger.Error("the shard has stopped applying and tries again", "index", entry.Index, "error", cause)
	m.host.retry(m.resume)
	return halted
}

// mayPass tells whether trying again can help: not against damaged bytes or an
// entry that does not fit the state.
func mayPass(err error) bool {
	var corrupt *log.CorruptionError
	var gap *log.OffsetGapError
	var damaged *tables.CorruptionError
	return !errors.As(err, &corrupt) && !errors.As(err, &gap) && !errors.As(err, &damaged)
}

// resume tries again to apply the entry that could not be, and tells whether
// there is nothing more to try.
func (m *machine) resume() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		return true // it is being seeded
	}
	err := m.heal()
	if err == nil {
		_, err = m.apply(m.waiting)
	}
	if err != nil {
		m.halted.Store(&HaltedError{Shard: m.shard, Index: m.waiting.Index, Err: err})
		if !mayPass(err) {
			m.logger.Error("the shard cannot go on", "index", m.waiting.Index, "error", err)
			m.host.damaged(m.shard, err)
			return true
		}
		return false
	}
	m.logger.Info("the shard applies again", "index", m.waiting.Index)
	m.waiting = nil
	m.halted.Store(nil)
	m.changeHalted()
	return true
}

// changeHalted wakes those who wait for the machine to halt or to resume.
func (m *machine) changeHalted() {
	close(m.haltedChanged)
	m.haltedChanged = make(chan struct{})
}

// whenHalted returns a channel that is closed when the machine next halts or
// resumes.
func (m *machine) whenHalted() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.haltedChanged
}

// err is why the machine does not apply.
func (m *machine) err() error {
	if want := m.want.Load(); want != nil {
		return &SeedingError{Shard: m.shard, Reason: want.reason}
	}
	if halted := m.halted.Load(); halted != nil {
		return halted
	}
	return nil
}

// heal brings partitions whose sync has failed back to what they have to hold:
// they are opened as the last good sync left them, and the entries behind the
// newest snapshot are applied to them again. Raft has not cut those, since the
// snapshot that the failed sync was for does not count. mu is held.
func (m *machine) heal() error {
	broken, err := m.partitions.heal()
	if err != nil || len(broken) == 0 {
		return err
	}
	err = m.appendAgain(broken)
	if err := errors.Join(err, broken.end(err == nil)); err != nil {
		return fmt.Errorf("writing partitions again after a failed sync: %w", err)
	}
	m.logger.Info("partitions were written again after a failed sync", "partitions", len(broken))
	return nil
}

// appendAgain appends the entries behind the newest snapshot to partitions.
func (m *machine) appendAgain(to healing) error {
	_, err := m.replay(m.base, m.last, func(index uint64, entry *log.Entry) error { return appendTo(to, index, entry) })
	return err
}

// appendTo does what append does to partitions being healed, and nothing to
// others.
func appendTo(to healing, index uint64, entry *log.Entry) error {
	for _, a := range entry.Appends {
		if p := to.find(a.Object, index); p != nil {
			if err := p.Append(a.Batch); err != nil {
				return err
			}
		}
	}
	for _, t := range entry.Truncates {
		if p := to.find(t.Object, index); p != nil && t.Start != dropAll {
			if err := p.TruncateBefore(t.Start); err != nil {
				return err
			}
		}
	}
	return nil
}

// healSoon heals outside of apply, and if that fails, again later.
func (m *machine) healSoon() {
	try := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.want.Load() != nil {
			return true
		}
		err := m.heal()
		return err == nil || !mayPass(err)
	}
	if !try() {
		m.host.retry(try)
	}
}
