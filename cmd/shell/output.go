package shell

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
)

// output is a file or a program that results go to in place of Out.
type output struct {
	*bufio.Writer
	to      io.WriteCloser
	program *exec.Cmd
}

// openOutput opens a file, or starts the program behind a vertical bar.
func (s *Shell) openOutput(name string) (*output, error) {
	o := &output{}
	if program, is := strings.CutPrefix(name, "|"); is {
		_ = s.out.Flush()
		o.program = exec.CommandContext(s.ctx, "sh", "-c", program)
		o.program.Stdout, o.program.Stderr = s.shown, s.errOut
		pipe, err := o.program.StdinPipe()
		if err != nil {
			return nil, err
		}
		if err := o.program.Start(); err != nil {
			return nil, err
		}
		o.to = pipe
	} else {
		file, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		o.to = file
	}
	o.Writer = bufio.NewWriterSize(o.to, 64<<10)
	return o, nil
}

// Close writes what is left and waits for the program, which may have read enough.
func (o *output) Close() error {
	err := o.Flush()
	err = errors.Join(err, o.to.Close())
	if o.program == nil {
		return err
	}
	_ = o.program.Wait()
	return nil
}

// results is where the rows, tags and descriptions of statements go.
func (s *Shell) results() *bufio.Writer {
	if s.redirected != nil {
		return s.redirected.Writer
	}
	return s.out
}

// flush writes what was printed.
func (s *Shell) flush() {
	_ = s.results().Flush()
	_ = s.out.Flush()
}

// redirect is \o: what is printed from now on goes to a file or a program, and to Out
// again without a name.
func (s *Shell) redirect(name string) bool {
	before := s.redirected
	s.redirected = nil
	ok := true
	if before != nil {
		if err := before.Close(); err != nil {
			s.complain("%s", cause(err))
			ok = false
		}
	}
	if name == "" {
		return ok
	}
	next, err := s.openOutput(name)
	if err != nil {
		s.complain("%s: %s", strings.TrimPrefix(name, "|"), cause(err))
		return false
	}
	s.redirected = next
	return ok
}

// executeTo runs a request with its results going to a file or a program, as \g does.
func (s *Shell) executeTo(r request, name string) bool {
	if name == "" {
		return s.execute(r)
	}
	before := s.redirected
	defer func() { s.redirected = before }()
	next, err := s.openOutput(name)
	if err != nil {
		s.complain("%s: %s", strings.TrimPrefix(name, "|"), cause(err))
		return false
	}
	s.redirected = next
	ok := s.execute(r)
	if err := next.Close(); err != nil {
		s.complain("%s", cause(err))
		return false
	}
	return ok
}

// gset is \gset: it runs the current statement and keeps its only row in variables.
func (s *Shell) gset(c invocation) bool {
	text := s.take()
	if strings.TrimSpace(text) == "" {
		return true
	}
	stored := true
	ok := s.execute(request{text: text, keep: func(fields []field, rows [][][]byte) {
		stored = s.store(c.argument(0), fields, rows) && stored
	}})
	return ok && stored
}

// store puts the values of a row into variables that are named as its columns.
func (s *Shell) store(prefix string, fields []field, rows [][][]byte) bool {
	switch {
	case len(rows) == 0:
		s.complain(`no rows returned for \gset`)
		return false
	case len(rows) > 1:
		s.complain(`more than one row returned for \gset`)
		return false
	}
	for i, f := range fields {
		name := prefix + f.name
		switch {
		case !isVariable(name):
			s.complain(`invalid variable name: "%s"`, name)
			return false
		case rows[0][i] == nil:
			delete(s.variables, name)
		default:
			s.variables[name] = string(rows[0][i])
		}
	}
	return true
}

// isVariable says whether a name may be a variable's.
func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c < 128 && c != '_' && (c < '0' || c > '9') && (c|32 < 'a' || c|32 > 'z') {
			return false
		}
	}
	return name != ""
}
