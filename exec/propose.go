package exec

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// How commands get to the catalog's log: the node that leads its group proposes them.
// Whoever asked knows the command's consequences when it has the answer: its own replica
// of the catalog has applied the command by then, or, where the command was refused, what
// it was refused for.
//
// A command is proposed again where that does no harm, such as one that is applied once
// (catalog.Once). The outcome of another one whose answer is lost is unknown.

// servicePropose is the service that proposes an encoded command. Its answer is
//
//	index uvarint · refused u8 · failure (failure.go) or result (catalog.EncodeResult)
const servicePropose = "catalog.propose"

// proposeCatalog applies a command to the catalog.
func (e *Engine) proposeCatalog(ctx context.Context, command catalog.Command) (catalog.Result, error) {
	result, known, err := e.askCatalog(ctx, command)
	if code := sqlerr.CodeOf(err); !known && !e.alone() && (code == sqlerr.InternalError || code == sqlerr.CannotConnectNow) {
		err = unknownOutcome("definition", err)
	}
	return result, err
}

// once returns a command that is applied once, however often it is proposed.
func (e *Engine) once(command catalog.Command) catalog.Command {
	if e.alone() {
		return command // nobody else could answer
	}
	c := &catalog.Once{Command: command}
	_, _ = rand.Read(c.ID[:]) // never fails (crypto/rand)
	return c
}

// proposed is what became of a command.
type proposed struct {
	index  uint64
	result catalog.Result
	// refused is the catalog's error.
	refused error
}

// askCatalog applies a command to the catalog. Known is false where nobody can say
// whether it was applied.
func (e *Engine) askCatalog(ctx context.Context, command catalog.Command) (result catalog.Result, known bool, err error) {
	encoded, err := catalog.EncodeCommand(command)
	if err != nil {
		return catalog.Result{}, true, err
	}
	if e.alone() {
		p, err := e.proposeHere(ctx, encoded)
		if err != nil {
			return catalog.Result{}, false, err
		}
		return p.result, true, p.refused
	}
	_, matters := command.(*catalog.Once)
	p, known, err := e.proposeAtLeader(ctx, encoded, matters || repeatable(command), matters)
	if err != nil {
		return catalog.Result{}, known, err
	}
	waiting, cancel := context.WithTimeout(context.Background(), leaderPatience)
	defer cancel()
	if err := e.storage.WaitCatalog(waiting, p.index); err != nil {
		return catalog.Result{}, false, fmt.Errorf("this node's catalog is behind the others: %w", err)
	}
	return p.result, true, p.refused
}

// repeatable reports whether a command may be proposed again when its answer is lost: what
// it does twice is as good as once.
func repeatable(command catalog.Command) bool {
	switch c := command.(type) {
	case *catalog.Authored:
		return repeatable(c.Command)
	case *catalog.ReserveRowIDs, *catalog.ReserveIDs, *catalog.NextValues, *catalog.ReturnValues, *catalog.DecideTransaction,
		*catalog.ForgetTransaction, *catalog.IndexReady, *catalog.AbandonIndex:
		return true
	case *catalog.DropShadow:
		return c.ID != 0
	default:
		return false
	}
}

// proposeHere proposes a command on this node.
func (e *Engine) proposeHere(ctx context.Context, encoded []byte) (proposed, error) {
	index, answer, err := e.storage.ProposeCatalog(ctx, encoded)
	if err != nil {
		return proposed{}, err
	}
	outcome, ok := answer.(CatalogOutcome)
	if !ok {
		return proposed{}, fmt.Errorf("exec: unexpected answer %T of the catalog", answer)
	}
	return proposed{index, outcome.Result, outcome.Err}, nil
}

// proposeAtLeader has the catalog's leader propose a command, whichever node that is. Where
// it matters whether the command was applied, known says whether its fate is.
func (e *Engine) proposeAtLeader(ctx context.Context, encoded []byte, repeats, matters bool) (p proposed, known bool, err error) {
	var deadline <-chan time.Time
	known = true
	for {
		if ctx.Err() != nil {
			return proposed{}, known, context.Cause(ctx)
		}
		node, changed := e.storage.CatalogLeader()
		err = ErrNotLeader
		switch {
		case node == e.self:
			p, err = e.proposeHere(ctx, encoded)
		case node != 0:
			p, err = e.proposeAt(node, encoded)
		}
		switch {
		case err == nil:
			return p, true, nil
		case errors.Is(err, errUndecided) || !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrStopped):
			if !repeats {
				return proposed{}, false, err
			}
			known = known && !matters
		}
		if deadline == nil {
			deadline = e.after(leaderPatience)
		}
		select {
		case <-ctx.Done():
			return proposed{}, known, context.Cause(ctx)
		case <-e.stopped:
			return proposed{}, known, ErrStopped
		case <-deadline:
			return proposed{}, known, noLeader("the catalog", err)
		case <-changed:
		case <-e.after(leaderPause):
		}
	}
}

// proposeAt has another node propose a command, and waits for its answer as long as that
// one leads.
func (e *Engine) proposeAt(node uint64, encoded []byte) (proposed, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.watchLeader(ctx, e.storage.CatalogLeader, node, cancel)
	answer, err := e.askNode(ctx, node, servicePropose, encoded)
	if err != nil {
		return proposed{}, err
	}
	return decodeProposed(answer)
}

// proposeService implements servicePropose.
func (e *Engine) proposeService(_ context.Context, _ uint64, encoded []byte) ([]byte, error) {
	// A command that was sent is proposed, whoever still waits for it.
	p, err := e.proposeHere(context.Background(), encoded)
	if err != nil {
		if !errors.Is(err, ErrNotLeader) {
			err = fmt.Errorf("%w: %w", errUndecided, err)
		}
		return nil, err
	}
	return p.append(nil)
}

// append encodes what became of a command.
func (p *proposed) append(buf []byte) ([]byte, error) {
	buf = appendFlag(binary.AppendUvarint(buf, p.index), p.refused != nil)
	if p.refused != nil {
		return appendFailure(buf, p.refused), nil
	}
	result, err := catalog.EncodeResult(&p.result)
	return append(buf, result...), err
}

// decodeProposed is the inverse of proposed.append.
func decodeProposed(data []byte) (proposed, error) {
	in := uvarintReader{data: data}
	p := proposed{index: in.next()}
	refused := in.byte() == 1
	if in.bad {
		return p, errBadAnswer
	}
	if refused {
		p.refused = decodeFailure(in.data)
		return p, nil
	}
	var err error
	p.result, err = catalog.DecodeResult(in.data)
	return p, err
}
