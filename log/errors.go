package log

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by every operation on a WAL, a Group or a Partition
// that has been closed.
var ErrClosed = errors.New("log: closed")

// CorruptionError reports bytes on disk (or in a buffer received from
// elsewhere) that cannot be what was written. It is never returned for the
// unsynced tail that a crash may leave behind.
type CorruptionError struct {
	// File is the path of the damaged file; empty for a buffer in memory.
	File string
	// Offset is the byte position in File at which the damage was noticed.
	Offset int64
	// What says which check failed.
	What string
}

// Error implements error.
func (e *CorruptionError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("log: corruption at byte %d: %s", e.Offset, e.What)
	}
	return fmt.Sprintf("log: corruption in %s at byte %d: %s", e.File, e.Offset, e.What)
}

// corruption returns a CorruptionError with a formatted What.
func corruption(file string, offset int64, format string, args ...any) error {
	return &CorruptionError{File: file, Offset: offset, What: fmt.Sprintf(format, args...)}
}

// inFile moves a CorruptionError found in a buffer to the file and the
// position that the buffer was read from; other errors pass unchanged.
func inFile(err error, file string, base int64) error {
	var damage *CorruptionError
	if errors.As(err, &damage) && damage.File == "" {
		return &CorruptionError{File: file, Offset: base + damage.Offset, What: damage.What}
	}
	return err
}

// OffsetOutOfRangeError reports a read at an offset that the partition does
// not hold: below Start (removed by retention) or above Next (never written).
type OffsetOutOfRangeError struct {
	// Offset is the offset asked for.
	Offset int64
	// Start and Next bound what can be read: [Start, Next).
	Start, Next int64
}

// Error implements error.
func (e *OffsetOutOfRangeError) Error() string {
	return fmt.Sprintf("log: offset %d is out of range [%d, %d)", e.Offset, e.Start, e.Next)
}

// OffsetGapError reports an append whose base offset leaves a hole behind the
// end of the partition, or begins inside a stored batch.
type OffsetGapError struct {
	// Base is the base offset of the refused batch.
	Base int64
	// Next is the offset the partition expects.
	Next int64
}

// Error implements error.
func (e *OffsetGapError) Error() string {
	return fmt.Sprintf("log: batch begins at offset %d, the partition expects %d", e.Base, e.Next)
}
