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
	// cachedProducers bounds the producers kept in memory.
	cachedProducers = 4096
)

// producerRecord is a producer's last sequence and when it was used, in
// milliseconds since the Unix epoch.
func (t *tick) producerRecord(sequence uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, sequence), uint64(t.in.now.UnixMilli()))
}

// lastSequence returns the last sequence of a producer, 0 for an unknown one.
func (c *core) lastSequence(producer uint64) (uint64, error) {
	if last, known := c.producers[producer]; known {
		return last, nil
	}
	stored, found, err := c.state.Get(tables.AppendProducerKey(nil, producer), nil)
	if err != nil || !found {
		return 0, err
	}
	last, _, err := decodeProducer(stored)
	if err != nil {
		return 0, err
	}
	c.rememberProducer(producer, last)
	return last, nil
}

// decodeProducer decodes a producer's record.
func decodeProducer(stored []byte) (last uint64, usedMillis int64, err error) {
	in := uvarintReader{data: stored}
	last, usedMillis = in.next(), int64(in.next())
	if in.bad {
		return 0, 0, errBadRecord
	}
	return last, usedMillis, nil
}

// rememberProducer notes a producer's last sequence.
func (c *core) rememberProducer(producer, sequence uint64) {
	if len(c.producers) >= cachedProducers {
		clear(c.producers)
	}
	c.producers[producer] = sequence
}

// forgetProducers removes producers whose writers are closed.
func (t *tick) forgetProducers(producers []uint64) {
	for _, producer := range producers {
		delete(t.core.producers, producer)
		t.write.Delete(tables.AppendProducerKey(nil, producer))
	}
}

// expireProducers removes producers that were not used for long.
func (t *tick) expireProducers() error {
	c, now := t.core, t.in.now.UnixMilli()
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
