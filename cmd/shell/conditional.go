package shell

import (
	"strings"

	"millrace/sql"
)

// Conditionals are \if, \elif, \else and \endif. What stands in a branch that is not taken
// is read, since it must be known where it ends, and does nothing. They end in the file in
// which they begin.

// branch is what becomes of the part of a conditional that is being read.
type branch uint8

const (
	// branchTaken is run.
	branchTaken branch = iota
	// branchAwaited is not run, and a later one may be.
	branchAwaited
	// branchSkipped is not run, nor is any later one.
	branchSkipped
)

// conditional is an open \if.
type conditional struct {
	branch branch
	// inElse says that \else has been read.
	inElse bool
	// text and scanner are the statement so far when the part began.
	text    string
	scanner sql.StatementScanner
}

// active says whether what is read is run.
func (s *Shell) active() bool {
	n := len(s.conditionals)
	return n == 0 || s.conditionals[n-1].branch == branchTaken
}

// isConditional says whether a command is run in branches that are not taken, too.
func isConditional(name string) bool {
	return name == "if" || name == "elif" || name == "else" || name == "endif"
}

// conditional runs \if, \elif, \else or \endif.
func (s *Shell) conditional(c invocation) bool {
	if c.name == "if" {
		next := conditional{branch: branchSkipped, text: s.buffer.String(), scanner: s.scanner}
		if s.active() {
			next.branch = s.decide(c)
		}
		s.conditionals = append(s.conditionals, next)
		return true
	}
	n := len(s.conditionals)
	if n == 0 {
		s.complain(`\%s: no matching \if`, c.name)
		return false
	}
	innermost := &s.conditionals[n-1]
	if innermost.inElse && c.name != "endif" {
		s.complain(`\%s: cannot occur after \else`, c.name)
		return false
	}
	if innermost.branch == branchTaken {
		innermost.text, innermost.scanner = s.buffer.String(), s.scanner
	} else {
		s.restart(innermost.text)
		s.scanner = innermost.scanner
	}
	if c.name == "endif" {
		s.conditionals = s.conditionals[:n-1]
		return true
	}
	innermost.inElse = c.name == "else"
	switch {
	case innermost.branch != branchAwaited:
		innermost.branch = branchSkipped
	case innermost.inElse:
		innermost.branch = branchTaken
	default:
		innermost.branch = s.decide(c)
	}
	return true
}

// decide reads the condition of \if or \elif. One that is no boolean is false.
func (s *Shell) decide(c invocation) branch {
	condition := strings.Join(c.arguments, " ")
	value, ok := parseBoolean(condition)
	if !ok {
		s.complain(`unrecognized value "%s" for "\%s expression": Boolean expected`, condition, c.name)
	}
	if value {
		return branchTaken
	}
	return branchAwaited
}

// parseBoolean reads a boolean as psql does: on, off, 1, 0, or the beginning of true,
// false, yes or no.
func parseBoolean(text string) (value, ok bool) {
	text = strings.ToLower(text)
	switch {
	case text == "":
		return false, false
	case text == "on" || text == "1" || strings.HasPrefix("true", text) || strings.HasPrefix("yes", text):
		return true, true
	case text == "0" || len(text) > 1 && strings.HasPrefix("off", text) || strings.HasPrefix("false", text) || strings.HasPrefix("no", text):
		return false, true
	}
	return false, false
}

// ignored tells a user at the terminal that something in a branch not taken is not run.
func (s *Shell) ignored(what string) {
	if s.editor != nil && len(s.source) > 0 && s.source[len(s.source)-1].edited {
		s.complain(`%s ignored; use \endif or Ctrl-C to exit current \if block`, what)
	}
}

// escapeConditional leaves the innermost \if, on Ctrl-C.
func (s *Shell) escapeConditional() {
	if n := len(s.conditionals); n > 0 {
		s.conditionals = s.conditionals[:n-1]
		s.complain(`\if: escaped`)
	}
}

// conditionalsEnd complains of what is open at the end of a file.
func (s *Shell) conditionalsEnd() bool {
	if len(s.conditionals) == 0 {
		return true
	}
	s.complain(`reached EOF without finding closing \endif(s)`)
	return false
}
