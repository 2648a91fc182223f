package exec

import (
	"encoding/binary"

	"millrace/tables"
)

// A producer is a session's writer: its last sequence on a shard tells a write
// that is offered again from a new one. It is forgotten when the writer closes,
// and by age when the node that it was on is gone.

const (
	// producerAge is how long a producer is remembered after its last write, in
	// milliseconds: far longer than a write is ever offered again.
	producerAge = 24 * 60 * 60 * 1000
	// producersEvery is how often those of that age are looked for, in
	// milliseconds, and expiredProducers how many one entry forgets.
	producersEvery   = 60 * 60 * 1000
	expiredProducers = 4096
	// manyProducers is how many closed producers make an entry of their own.
	manyProducers = 1024
	// cachedProducers bounds the producers kept in memory from one tick to the next.
	cachedProducers = 4096
)

// lastWrite is the last write of a producer on a shard.
type lastWrite struct {
	sequence uint64
	fate     writeFate
}

// writeFate is what became of a producer's last write. It is told to a writer that asks
// when the decision of its transaction has been carried out everywhere and forgotten.
type writeFate uint64

const (
	// fateWritten is that of rows that were written at once.
	fateWritten writeFate = iota
	// fateCommitted and fateAborted are those of a transaction that the shard has decided.
	// Rows that are not to be written any more are aborted, too (request.lapsed).
	fateCommitted
	fateAborted
)

// noteProducer notes a producer's last write, and when that was, in milliseconds since the
// Unix epoch.
func (t *tick) noteProducer(producer uint64, last lastWrite) {
	t.core.producers[producer] = last
	record := binary.AppendUvarint(binary.AppendUvarint(nil, last.sequence), uint64(t.producerTime()))
	t.write.Set(tables.AppendProducerKey(nil, producer), binary.AppendUvarint(record, uint64(last.fate)))
}

// lastWrite returns the last write of a producer, one of sequence 0 for an unknown producer.
func (c *core) lastWrite(producer uint64) (lastWrite, error) {
	if last, known := c.producers[producer]; known {
		return last, nil
	}
	stored, found, err := c.state.Get(tables.AppendProducerKey(nil, producer), nil)
	if err != nil || !found {
		return lastWrite{}, err
	}
	last, _, err := decodeProducer(stored)
	if err != nil {
		return lastWrite{}, err
	}
	c.producers[producer] = last
	return last, nil
}

// decodeProducer decodes a producer's record.
func decodeProducer(stored []byte) (last lastWrite, usedMillis int64, err error) {
	in := uvarintReader{data: stored}
	last.sequence, usedMillis, last.fate = in.next(), int64(in.next()), writeFate(in.next())
	if in.bad {
		return lastWrite{}, 0, errBadRecord
	}
	return last, usedMillis, nil
}

// boundProducers lets go of the producers in memory when they are many. It is for between
// ticks: what a tick notes is not in the state before its entry is.
func (c *core) boundProducers() {
	if len(c.producers) >= cachedProducers {
		clear(c.producers)
	}
}

// forgetProducers removes producers whose writers are closed.
func (t *tick) forgetProducers(producers []uint64) {
	for _, producer := range producers {
		delete(t.core.producers, producer)
		t.write.Delete(tables.AppendProducerKey(nil, producer))
	}
}

// producerTime is the time by which producers are remembered, in milliseconds since the Unix
// epoch: what the clock said when the core was loaded, and what has passed since, whatever is
// done to the clock meanwhile.
func (t *tick) producerTime() int64 {
	c := t.core
	if c.loadedAt.IsZero() {
		c.loadedAt = t.in.now
	}
	return c.loadedAt.UnixMilli() + t.in.now.Sub(c.loadedAt).Milliseconds()
}

// expireProducers removes producers that were not used for long. The clock of the leader
// before may have been another: none is removed before this one has led for a while, in which
// every write that is offered again has come.
func (t *tick) expireProducers() error {
	c, now := t.core, t.producerTime()
	if c.expireAt == 0 {
		c.expireAt = now + producersEvery
	}
	if now < c.expireAt {
		return nil
	}
	from := []byte{byte(tables.KindProducer)}
	it, err := c.state.Scan(from, tables.PrefixEnd(nil, from))
	if err != nil {
		return err
	}
	defer it.Close()
	var old []uint64
	for len(old) < expiredProducers && it.Next() {
		producer, err := tables.ParseProducerKey(it.Key())
		if err != nil {
			return err
		}
		_, used, err := decodeProducer(it.Value())
		if err != nil {
			return err
		}
		if _, fresh := c.producers[producer]; !fresh && now-used > producerAge {
			old = append(old, producer)
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	t.forgetProducers(old)
	if len(old) < expiredProducers {
		c.expireAt = now + producersEvery
	}
	return nil
}
