package tables

import (
	"fmt"
	"log/slog"
	"path"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// CorruptionError reports an sstable whose bytes are not what was written.
type CorruptionError struct {
	// File is the path of the damaged file; the store's directory when Pebble
	// does not say which file it is.
	File string
	// Err is what Pebble found.
	Err error
}

// Error implements error.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("tables: corruption in %s: %v", e.File, e.Err)
}

// Unwrap returns what Pebble found.
func (e *CorruptionError) Unwrap() error { return e.Err }

// failure notes what Pebble reports beside its return values: the file of a
// corruption, and the errors after which it must not be used any more.
type failure struct {
	dir     string
	damaged func(first, last uint32, damage *CorruptionError)
	logger  *slog.Logger

	// running is set when the store has been opened.
	running atomic.Bool
	fatal   atomic.Pointer[error]
	// happened is closed after the first fatal error.
	happened    chan struct{}
	corruptions atomic.Int64
	// pause is before flushes and compactions that are tried again.
	pause backgroundPause

	mu struct {
		sync.Mutex
		// damaged is the file of the latest corruption.
		damaged string
		// logged is when a background error was last logged.
		logged time.Time
	}
}

// newFailure returns a failure that has not happened.
func newFailure(dir string, damaged func(first, last uint32, damage *CorruptionError), logger *slog.Logger) *failure {
	return &failure{dir: dir, damaged: damaged, logger: logger, happened: make(chan struct{})}
}

// err is the fatal error, or nil.
func (f *failure) err() error {
	if err := f.fatal.Load(); err != nil {
		return *err
	}
	return nil
}

// fail makes the first fatal error stick.
func (f *failure) fail(err error) {
	if f.fatal.CompareAndSwap(nil, &err) {
		close(f.happened)
		f.logger.Error("the store has failed and must be opened again", "error", err)
	}
}

// name turns an error of Pebble's into a CorruptionError when it is one.
func (f *failure) name(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.mu.damaged
	if file == "" {
		file = f.dir
	}
	return &CorruptionError{File: file, Err: err}
}

// listener returns the events that matter. Pebble's default would end the
// process when it meets a damaged file.
func (f *failure) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: f.backgroundError,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			f.corruptions.Add(1)
			file := info.Path
			if !path.IsAbs(file) && path.Dir(file) == "." {
				file = path.Join(f.dir, file)
			}
			f.mu.Lock()
			f.mu.damaged = file
			f.mu.Unlock()
			f.logger.Error("corruption", "file", file, "details", info.Details.Error())
			if f.damaged != nil {
				span := shardsOf(&info)
				f.damaged(span.first, span.last, &CorruptionError{File: file, Err: info.Details})
			}
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			f.logger.Warn("commits wait for flushes or compactions", "reason", info.Reason)
		},
	}
}

// backgroundLogPause is between two lines in the log about flushes and compactions that fail.
const backgroundLogPause = 5 * time.Second

// backgroundError is told that a flush or a compaction has failed. Pebble holds a lock
// meanwhile.
func (f *failure) backgroundError(err error) {
	f.pause.ask()
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.mu.logged) >= backgroundLogPause {
		f.mu.logged = now
		f.logger.Warn("a flush or compaction has failed and is tried again", "error", err.Error())
	}
}

// pebbleLogger passes Pebble's log lines on.
type pebbleLogger struct{ *failure }

// Infof drops Pebble's running commentary, which is one line per flush and
// compaction; the metrics tell the same.
func (l pebbleLogger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.logger.Error(fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble cannot tell any more what is on disk, as after
// a failed write of its manifest. Opening the store again is safe, going on is
// not: no further batch is taken, no flush counts, and Pebble's goroutine that
// has met the error ends here, since Pebble takes for granted that Fatalf does
// not return. While the store is being opened there is nothing to end: Pebble
// then returns the error.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.fail(fmt.Errorf("tables: %s: "+format, append([]any{l.dir}, args...)...))
	if l.running.Load() {
		runtime.Goexit()
	}
}
