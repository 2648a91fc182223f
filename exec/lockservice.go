package exec

import (
	"context"
	"encoding/binary"
	"encoding/json"

	"millrace/exec/lock"
)

// The services about locks: those of the coordinator, and two of every node.

func (e *Engine) serveLocks() {
	e.serve("lock", e.serveLock)
	e.serve("lock.ping", e.servePing)
	e.serve("lock.number", func(context.Context, uint64, []byte) ([]byte, error) {
		r, err := e.coordinating()
		if err != nil {
			return nil, err
		}
		return binary.AppendUvarint(nil, r.number), nil
	})
	e.serve("lock.lease", e.serveLease)
	e.serve("lock.list", func(context.Context, uint64, []byte) ([]byte, error) {
		r, err := e.coordinating()
		if err != nil {
			return nil, err
		}
		return json.Marshal(r.manager.List())
	})
	e.serve("lock.blocking", func(_ context.Context, _ uint64, request []byte) ([]byte, error) {
		r, err := e.coordinating()
		if err != nil {
			return nil, err
		}
		process, _ := binary.Varint(request)
		return json.Marshal(r.manager.Blocking(int32(process)))
	})
	e.serve("lock.reign", func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		number, _ := binary.Uvarint(request)
		return nil, e.nodeLocks.forsake(ctx, number)
	})
	e.serve("lock.recall", func(ctx context.Context, _ uint64, request []byte) ([]byte, error) {
		in := uvarintReader{data: request}
		under := contact{reign: in.next(), tenure: in.next()}
		relation, kind, number := in.next(), lock.LeaseKind(in.next()), in.next()
		if in.bad || kind > lock.Writers {
			return nil, errBadLockMessage
		}
		return nil, e.nodeLocks.leases.giveBack(ctx, under, relation, kind, number)
	})
}

func (e *Engine) serveLock(ctx context.Context, from uint64, request []byte) ([]byte, error) {
	r, err := e.ruling(ctx)
	if err != nil {
		return nil, err
	}
	q, err := decodeLockRequest(request)
	if err != nil {
		return nil, err
	}
	answer, err := r.carryOut(ctx, from, q)
	if err != nil {
		return nil, err
	}
	return answer.append(nil), nil
}

// servePing tells a node in which reign and tenure it is.
func (e *Engine) servePing(ctx context.Context, from uint64, request []byte) ([]byte, error) {
	r, err := e.ruling(ctx)
	if err != nil {
		return nil, err
	}
	in := uvarintReader{data: request}
	t := r.tenant(from, in.next())
	return appendUvarints(nil, r.number, t.number), nil
}

// serveLease gives a node leases for tables: of each the number, 0 where it is refused.
func (e *Engine) serveLease(ctx context.Context, from uint64, request []byte) ([]byte, error) {
	r, err := e.ruling(ctx)
	if err != nil {
		return nil, err
	}
	in := uvarintReader{data: request}
	t := r.tenant(from, in.next())
	kind := lock.LeaseKind(in.next())
	answer := appendUvarints(nil, r.number, t.number)
	for len(in.data) > 0 && !in.bad {
		number, _ := r.manager.Lease(t.number, in.next(), kind)
		answer = appendUvarints(answer, number)
	}
	if in.bad || kind > lock.Writers {
		return nil, errBadLockMessage
	}
	return answer, nil
}

// recall has a tenant give leases back. It returns when it has, or is gone.
func (r *lockReign) recall(ctx context.Context, tenure, relation uint64, kind lock.LeaseKind, number uint64) error {
	e := r.engine
	t := r.tenure(tenure)
	if t == nil {
		return nil
	}
	message := appendUvarints(nil, r.number, tenure, relation, uint64(kind), number)
	for {
		asking, end := context.WithCancel(ctx)
		stop := context.AfterFunc(r.life, end)
		go func() {
			select {
			case <-t.gone:
				end()
			case <-asking.Done():
			}
		}()
		_, err := e.askNode(asking, t.node, "lock.recall", message)
		stop()
		end()
		if err == nil {
			return nil
		}
		select {
		case <-t.gone:
			return nil
		case <-r.life.Done():
			return lock.ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.after(leaderPause):
		}
	}
}
