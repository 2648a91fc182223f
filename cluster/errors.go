package cluster

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrNotLeader says that this node does not lead the group: nothing was
// appended to its log.
var ErrNotLeader = errors.New("cluster: not the leader")

// ErrFateUnknown says that a command may or may not have been appended to the
// group's log. The caller must pass a Barrier and read the state before it does
// anything else, and must not propose the same input again before that.
var ErrFateUnknown = errors.New("cluster: the fate of the command is unknown")

// ErrStopped says that the node is closing or closed.
var ErrStopped = errors.New("cluster: stopped")

// ErrLogLost says that the write-ahead log ends before the state that was built
// from it, so that acknowledged entries are missing. Such a node must not go
// on; it has to be given its data again.
var ErrLogLost = errors.New("cluster: the write-ahead log was lost")

// ErrNodeUnknown says that a folder has the data of a node, and not its file NODE, which says
// which one that is.
var ErrNodeUnknown = errors.New("cluster: the folder has data of a node whose file " + identityFile +
	" is lost; bring that back, or start with an empty folder")

// DiskFullError says that there is too little room for more input.
type DiskFullError struct {
	// Free is the room left in bytes, Reserve what is kept for the node's own
	// work.
	Free, Reserve uint64
}

// Error implements error.
func (e *DiskFullError) Error() string {
	return fmt.Sprintf("cluster: %d bytes free on disk, %d are kept in reserve", e.Free, e.Reserve)
}

// HaltedError says that this node's replica of a shard has stopped applying its
// log, because an entry could not be applied. It never goes on to the next
// entry; it tries again until the cause is gone or, where trying again cannot
// help (damaged bytes), stays as it is.
type HaltedError struct {
	// Shard is the shard's number.
	Shard int
	// Index is the index of the entry that could not be applied.
	Index uint64
	// Err is why.
	Err error
}

// Error implements error.
func (e *HaltedError) Error() string {
	return fmt.Sprintf("cluster: shard %d has stopped at index %d: %v", e.Shard, e.Index, e.Err)
}

// Unwrap returns why the shard has stopped.
func (e *HaltedError) Unwrap() error { return e.Err }

// SeedingError says that this node's replica of a shard is not whole: it has to be, or
// is being, copied from another node. It takes no part in reads and does not lead.
// errors.Is takes it for ErrNotLeader.
type SeedingError struct {
	// Shard is the shard's number.
	Shard int
	// Reason is why the replica is not whole.
	Reason string
}

// Error implements error.
func (e *SeedingError) Error() string {
	return fmt.Sprintf("cluster: this node's replica of shard %d is not whole and is copied from another node: %s", e.Shard, e.Reason)
}

// Is says that the replica does not lead its shard.
func (e *SeedingError) Is(target error) bool { return target == ErrNotLeader }

// IsDiskFull tells whether err comes from a full disk, so that it goes away
// when there is room again.
func IsDiskFull(err error) bool {
	var full *DiskFullError
	return errors.As(err, &full) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
