package cluster

import (
	"errors"
	"fmt"
)

// RefusedError says why the cluster does not do what it was asked for, and that it has
// changed nothing. Asking again does not help.
type RefusedError struct {
	// Reason is why.
	Reason string
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Reason }

// The first byte of an answer between nodes: whether what was asked for was done.
const (
	verdictDone = iota
	// verdictNotLeader has the asker look for the leader.
	verdictNotLeader
	// verdictRefused is followed by the reason.
	verdictRefused
)

// verdict encodes an answer, or an error that the asker tells from others.
func verdict(answer []byte, err error) ([]byte, error) {
	var refused *RefusedError
	switch {
	case err == nil:
		return append([]byte{verdictDone}, answer...), nil
	case errors.As(err, &refused):
		return append([]byte{verdictRefused}, refused.Reason...), nil
	case errors.Is(err, ErrNotLeader):
		return append([]byte{verdictNotLeader}, err.Error()...), nil
	}
	return nil, err
}

// verdictOf is the inverse of verdict.
func verdictOf(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errors.New("cluster: an empty answer")
	}
	switch data[0] {
	case verdictDone:
		return data[1:], nil
	case verdictRefused:
		return nil, &RefusedError{string(data[1:])}
	case verdictNotLeader:
		return nil, fmt.Errorf("%w: %s", ErrNotLeader, data[1:])
	}
	return nil, fmt.Errorf("cluster: an answer of the unknown kind %d", data[0])
}
