package shell

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/sys/unix"
)

// paged runs something whose results go to the pager where they are longer than the
// terminal. It asks only while results go to a terminal and a user is there.
func (s *Shell) paged(f func() bool) bool {
	terminal, is := s.shown.(*os.File)
	if s.editor == nil || s.redirected != nil || s.pager == "off" || !is || !isTerminal(terminal) {
		return f()
	}
	size, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row == 0 || size.Col == 0 {
		return f()
	}
	_ = s.out.Flush()
	w := &pagedWriter{shell: s, terminal: terminal, rows: int(size.Row), columns: int(size.Col)}
	if s.pager == "always" {
		w.rows = 0
	}
	s.redirected = &output{Writer: bufio.NewWriterSize(w, 64<<10), to: w}
	ok := f()
	err = s.redirected.Close()
	s.redirected = nil
	if err != nil {
		s.complain("%s", cause(err))
	}
	return ok
}

// pagedWriter holds what is written until that is more than the terminal shows, and then
// gives it to the pager.
type pagedWriter struct {
	shell         *Shell
	terminal      *os.File
	rows, columns int
	held          []byte
	lines         int
	program       *exec.Cmd
	to            io.WriteCloser
	// without says that there is no pager.
	without bool
}

// Write never fails for a pager that its user has ended.
func (w *pagedWriter) Write(b []byte) (int, error) {
	switch {
	case w.to != nil:
		_, _ = w.to.Write(b)
		return len(b), nil
	case w.without:
		return w.terminal.Write(b)
	}
	w.held = append(w.held, b...)
	for line := range strings.Lines(string(b)) {
		w.lines += 1 + max(0, runewidth.StringWidth(strings.TrimSuffix(line, "\n"))-1)/w.columns
	}
	if w.lines < w.rows {
		return len(b), nil
	}
	if w.start() != nil {
		w.without = true
		_, err := w.terminal.Write(w.held)
		return len(b), err
	}
	_, _ = w.to.Write(w.held)
	return len(b), nil
}

// start starts the pager that the environment names.
func (w *pagedWriter) start() error {
	w.program = exec.CommandContext(w.shell.ctx, "sh", "-c", fromEnvironment("more", "PSQL_PAGER", "PAGER"))
	w.program.Stdout, w.program.Stderr = w.terminal, w.shell.errOut
	to, err := w.program.StdinPipe()
	if err == nil {
		err = w.program.Start()
	}
	if err == nil {
		w.to = to
	}
	return err
}

// Close shows what is held, or waits until the user has ended the pager.
func (w *pagedWriter) Close() error {
	switch {
	case w.to != nil:
		_ = w.to.Close()
		_ = w.program.Wait()
	case !w.without:
		_, err := w.terminal.Write(w.held)
		return err
	}
	return nil
}

// fromEnvironment is the first variable that has a value, or else a default.
func fromEnvironment(otherwise string, names ...string) string {
	for _, name := range names {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value
		}
	}
	return otherwise
}

// setPager is \pset pager: on, off, always, or the other of the first two.
func (s *Shell) setPager(value string) bool {
	on, known := parseBoolean(value)
	switch {
	case value == "always":
		s.pager = value
	case value == "":
		on = s.pager == "off"
		fallthrough
	case known:
		s.pager = "off"
		if on {
			s.pager = "on"
		}
	default:
		s.complain(`unrecognized value "%s" for "pager": Boolean expected`, value)
		return false
	}
	switch s.pager {
	case "always":
		s.say("Pager is always used.")
	case "on":
		s.say("Pager is used for long output.")
	default:
		s.say("Pager usage is off.")
	}
	return true
}
