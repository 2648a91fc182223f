package cluster

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger passes Raft's log lines on to slog, one level below what Raft
// gives them: its warnings are ordinary events of a group's life, such as an
// election, and what an operator must know this package says itself.
//
// The methods that Raft does not use are those of hclog's null logger.
type raftLogger struct {
	hclog.Logger
	logger   *slog.Logger
	stopping <-chan struct{}
}

// newRaftLogger returns a logger for one group. Once stopping is closed, errors
// are to be expected.
func newRaftLogger(logger *slog.Logger, stopping <-chan struct{}) hclog.Logger {
	return &raftLogger{Logger: hclog.NewNullLogger(), logger: logger, stopping: stopping}
}

// Log implements hclog.Logger.
func (l *raftLogger) Log(level hclog.Level, message string, args ...any) {
	switch level {
	case hclog.Error:
		l.Error(message, args...)
	case hclog.Warn, hclog.Info:
		l.write(slog.LevelDebug, message, args)
	}
}

// Info implements hclog.Logger.
func (l *raftLogger) Info(message string, args ...any) { l.write(slog.LevelDebug, message, args) }

// Warn implements hclog.Logger.
func (l *raftLogger) Warn(message string, args ...any) { l.write(slog.LevelDebug, message, args) }

// Error implements hclog.Logger.
func (l *raftLogger) Error(message string, args ...any) {
	level := slog.LevelWarn
	select {
	case <-l.stopping:
		level = slog.LevelDebug
	default:
	}
	if ordinaryFailures[message] {
		level = slog.LevelDebug
	}
	l.write(level, message, args)
}

// ordinaryFailures are errors to Raft that are ordinary events of a cluster: a node that is
// away, which the transport tells once for all groups, and a leader that has lost its term.
var ordinaryFailures = map[string]bool{
	"failed to appendEntries to":                true,
	"failed to heartbeat to":                    true,
	"failed to make requestVote RPC":            true,
	"peer has newer term, stopping replication": true,
	"failed to send snapshot to":                true,
	"failed to install snapshot":                true,
}

// IsInfo implements hclog.Logger.
func (l *raftLogger) IsInfo() bool { return true }

// IsWarn implements hclog.Logger.
func (l *raftLogger) IsWarn() bool { return true }

// IsError implements hclog.Logger.
func (l *raftLogger) IsError() bool { return true }

// With implements hclog.Logger.
func (l *raftLogger) With(args ...any) hclog.Logger {
	return &raftLogger{Logger: l.Logger, logger: l.logger.With(args...), stopping: l.stopping}
}

// Named implements hclog.Logger.
func (l *raftLogger) Named(name string) hclog.Logger { return l.With("part", name) }

// ResetNamed implements hclog.Logger.
func (l *raftLogger) ResetNamed(name string) hclog.Logger { return l.Named(name) }

// write passes one line on. Values in hclog's own formatting wrapper are
// formatted here.
func (l *raftLogger) write(level slog.Level, message string, args []any) {
	if !l.logger.Enabled(context.Background(), level) {
		return
	}
	plain := make([]any, len(args))
	for i, arg := range args {
		if format, ok := arg.(hclog.Format); ok && len(format) > 0 {
			arg = fmt.Sprintf(fmt.Sprint(format[0]), format[1:]...)
		}
		plain[i] = arg
	}
	l.logger.Log(context.Background(), level, "raft: "+message, plain...)
}
