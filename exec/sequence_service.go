package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"millrace/sql/catalog"
)

// Sequences for the sessions of all nodes: they ask the coordinator.
//
//	sequence.next    id uvarint · count uvarint → given uvarint · value varint* · failure
//	sequence.state   id uvarint → last varint · called u8 · ahead varint
//	sequence.return  id uvarint →
//
// The failure (failure.go) is empty where all values were given.

func (e *Engine) serveSequences() {
	e.serve("sequence.next", e.serveNextValues)
	e.serve("sequence.state", func(_ context.Context, _ uint64, request []byte) ([]byte, error) {
		if _, err := e.coordinating(); err != nil {
			return nil, err
		}
		in := uvarintReader{data: request}
		last, called, ahead := e.sequenceHere(catalog.ObjectID(in.next()))
		return binary.AppendVarint(appendBool(binary.AppendVarint(nil, last), called), ahead), nil
	})
	e.serve("sequence.return", func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		if _, err := e.coordinating(); err != nil {
			return nil, err
		}
		in := uvarintReader{data: request}
		return nil, e.returnValues(ctx, catalog.ObjectID(in.next()))
	})
}

// valuesAtOnce bounds the values of one request.
const valuesAtOnce = 1 << 16

func (e *Engine) serveNextValues(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
	r, err := e.ruling(ctx)
	if err != nil {
		return nil, err
	}
	in := uvarintReader{data: request}
	id, count := catalog.ObjectID(in.next()), in.next()
	if in.bad || count > valuesAtOnce {
		return nil, errBadQuestion
	}
	values := make([]int64, count)
	given, err := e.takeValues(ctx, r.number, id, values)
	if errors.Is(err, ErrNotLeader) {
		return nil, err
	}
	answer := appendVarints(appendUvarints(nil, uint64(given)), values[:given]...)
	if err != nil {
		answer = appendFailure(answer, err)
	}
	return answer, nil
}

// NextValues implements Backend.
func (e *Engine) NextValues(ctx context.Context, sequence catalog.ObjectID, values []int64) (given int, err error) {
	if r, err := e.ruling(ctx); err == nil {
		if given, err = e.takeValues(ctx, r.number, sequence, values); !errors.Is(err, ErrNotLeader) {
			return given, err
		}
	}
	for given < len(values) {
		count := min(len(values)-given, valuesAtOnce)
		answer, err := e.askCatalogLeader(ctx, "sequence.next", appendUvarints(nil, uint64(sequence), uint64(count)))
		if err != nil {
			return given, err
		}
		in := uvarintReader{data: answer}
		got := in.next()
		if got > uint64(count) {
			return given, errBadAnswer
		}
		for range got {
			values[given] = in.varint()
			given++
		}
		switch {
		case in.bad:
			return given, errBadAnswer
		case len(in.data) > 0:
			return given, decodeFailure(in.data)
		}
	}
	return given, nil
}

// SetSequence implements Backend.
func (e *Engine) SetSequence(ctx context.Context, command *catalog.SetSequence) error {
	// What was reserved before counts for an epoch that is over.
	_, err := e.proposeCatalog(ctx, e.once(command))
	return err
}

// stateTimeout bounds the wait for the state of a sequence.
const stateTimeout = 2 * time.Second

// SequenceState implements Backend. Where the coordinator cannot be asked, values that it
// has reserved count as given.
func (e *Engine) SequenceState(sequence catalog.ObjectID) (last int64, called bool, ahead int64) {
	if _, err := e.coordinating(); err == nil {
		return e.sequenceHere(sequence)
	}
	ctx, end := context.WithTimeout(context.Background(), stateTimeout)
	defer end()
	answer, err := e.askCatalogLeader(ctx, "sequence.state", appendUvarints(nil, uint64(sequence)))
	in := uvarintReader{data: answer}
	if last, called, ahead = in.varint(), in.byte() != 0, in.varint(); err == nil && !in.bad {
		return last, called, ahead
	}
	if q := e.newestCatalog().Sequence(sequence); q != nil {
		return q.Last, q.Called, 0
	}
	return 0, false, 0
}

// returnAll has the coordinator give back what is left of its range of a sequence.
func (e *Engine) returnAll(ctx context.Context, sequence catalog.ObjectID) error {
	if _, err := e.coordinating(); err == nil {
		return e.returnValues(ctx, sequence)
	}
	_, err := e.askCatalogLeader(ctx, "sequence.return", appendUvarints(nil, uint64(sequence)))
	return err
}
