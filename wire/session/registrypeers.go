package session

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"millrace/exec"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
)

// RegistryOptions are what a registry needs to ask other nodes, and to answer them.
type RegistryOptions struct {
	// Peers are the nodes of the cluster.
	Peers exec.Peers
	// Catalog returns the catalog, which knows who may signal whom.
	Catalog func() *catalog.Snapshot
	// CatchUp returns when the node has everything that was acknowledged before the call.
	CatchUp func(ctx context.Context) error
	Logger  *slog.Logger
}

const (
	listMethod   = "session.list"
	signalMethod = "session.signal"

	// peerTimeout bounds the wait for another node, and catchUpTimeout that of a node for
	// what it does not have yet.
	peerTimeout    = 2 * time.Second
	catchUpTimeout = time.Second
)

// NewRegistry returns the registry of a node, which answers for its sessions from then
// on.
func NewRegistry(options RegistryOptions) *Registry {
	r := &Registry{options: options}
	options.Peers.Handle(listMethod, func(ctx context.Context, _ uint64, _ []byte) ([]byte, error) {
		return json.Marshal(r.own(ctx))
	})
	options.Peers.Handle(signalMethod, func(_ context.Context, _ uint64, request []byte) ([]byte, error) {
		asked, err := decodeSignal(request)
		if err != nil {
			return nil, err
		}
		outcome, role := r.deliver(options.Catalog(), asked)
		return binary.AppendUvarint([]byte{byte(outcome)}, uint64(role)), nil
	})
	return r
}

// others are the other nodes of the cluster.
func (r *Registry) others() []uint64 {
	if r.options.Peers == nil {
		return nil
	}
	self := r.options.Peers.Self()
	return slices.DeleteFunc(slices.Clone(r.options.Peers.Members()), func(node uint64) bool { return node == self })
}

// Sessions returns what is known of each session of the cluster, by process ID, but for
// those of the nodes that cannot be asked.
func (r *Registry) Sessions(ctx context.Context) (list []systables.SessionStatus, missing []uint64) {
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, node := range r.others() {
		asked.Go(func() {
			theirs, err := r.sessionsOf(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.options.Logger.Info("a node cannot be asked for its sessions", "node", node, "error", err)
				missing = append(missing, node)
			}
			list = append(list, theirs...)
		})
	}
	own := r.own(ctx)
	asked.Wait()
	list = append(list, own...)
	slices.SortFunc(list, func(a, b systables.SessionStatus) int { return cmp.Compare(a.PID, b.PID) })
	slices.Sort(missing)
	return list, missing
}

// sessionsOf asks another node for its sessions.
func (r *Registry) sessionsOf(ctx context.Context, node uint64) (list []systables.SessionStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	answer, err := r.options.Peers.Call(ctx, node, listMethod, nil)
	if err == nil {
		err = json.Unmarshal(answer, &list)
	}
	return list, err
}

// own returns what is known of the node's sessions. A push query waits for changes when
// the node has everything that was committed, and the query has given what follows.
func (r *Registry) own(ctx context.Context) []systables.SessionStatus {
	caughtUp := true
	if r.options.CatchUp != nil && r.followed() {
		ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
		caughtUp = r.options.CatchUp(ctx) == nil
		cancel()
	}
	list := r.list()
	for i := range list {
		list[i].WaitsForChanges = list[i].WaitsForChanges && caughtUp
	}
	return list
}

// signal is what pg_cancel_backend and pg_terminate_backend ask for.
type signal struct {
	process   uint32
	terminate bool
	// role is the role of who asks.
	role catalog.ObjectID
}

// signalOutcome is what became of a signal.
type signalOutcome byte

const (
	// signalNoProcess says that there is no such process, and signalRefused that who asks
	// may not disturb the role whose it is.
	signalNoProcess signalOutcome = iota
	signalDelivered
	signalRefused
)

var errBadPeerMessage = errors.New("session: a message of another node that this version does not know")

// encode is the inverse of decodeSignal: flags u8 · process uvarint · role uvarint.
func (s signal) encode() []byte {
	flags := byte(0)
	if s.terminate {
		flags = 1
	}
	return binary.AppendUvarint(binary.AppendUvarint([]byte{flags}, uint64(s.process)), uint64(s.role))
}

func decodeSignal(data []byte) (signal, error) {
	if len(data) == 0 || data[0] > 1 {
		return signal{}, errBadPeerMessage
	}
	process, n := binary.Uvarint(data[1:])
	if n <= 0 {
		return signal{}, errBadPeerMessage
	}
	role, m := binary.Uvarint(data[1+n:])
	if m <= 0 {
		return signal{}, errBadPeerMessage
	}
	return signal{process: uint32(process), terminate: data[0] == 1, role: catalog.ObjectID(role)}, nil
}

// deliver signals a session of the node, and returns the role whose it is.
func (r *Registry) deliver(snapshot *catalog.Snapshot, asked signal) (signalOutcome, catalog.ObjectID) {
	other := r.find(int32(asked.process))
	if other == nil {
		return signalNoProcess, 0
	}
	role := other.clientRoleIn(snapshot)
	switch {
	case maySignal(snapshot, asked.role, role, asked.terminate) != nil:
		return signalRefused, role
	case asked.terminate:
		other.client.Terminate(nil)
	default:
		other.client.Cancel()
	}
	return signalDelivered, role
}

// signal signals a session of the cluster. The error is that of a node that cannot be
// asked.
func (r *Registry) signal(ctx context.Context, snapshot *catalog.Snapshot, asked signal) (outcome signalOutcome, role catalog.ObjectID, err error) {
	if outcome, role = r.deliver(snapshot, asked); outcome != signalNoProcess {
		return outcome, role, nil
	}
	for _, node := range NodesOf(asked.process, r.others()) {
		ctx, cancel := context.WithTimeout(ctx, peerTimeout)
		answer, callErr := r.options.Peers.Call(ctx, node, signalMethod, asked.encode())
		cancel()
		if callErr != nil {
			err = callErr
			continue
		}
		of, n := binary.Uvarint(answer[min(1, len(answer)):])
		if n <= 0 || signalOutcome(answer[0]) > signalRefused {
			return signalNoProcess, 0, errBadPeerMessage
		}
		if outcome = signalOutcome(answer[0]); outcome != signalNoProcess {
			return outcome, catalog.ObjectID(of), nil
		}
	}
	return signalNoProcess, 0, err
}
