package shell

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// invocation is a backslash command with its arguments.
type invocation struct {
	name      string
	arguments []string
	// text is the rest of the line as it was written.
	text string
}

// argument returns argument i, or "".
func (c invocation) argument(i int) string {
	if i < len(c.arguments) {
		return c.arguments[i]
	}
	return ""
}

// wholeLine are the commands that take the rest of their line as it is.
var wholeLine = map[string]bool{"copy": true, "h": true, "help": true, "!": true}

// runCommandLine runs the commands of a line, of which the first has lost its backslash.
// What follows \\ is added to the statement so far.
func (s *Shell) runCommandLine(line string) bool {
	for {
		end := strings.IndexAny(line, " \t\\\r\n")
		if end < 0 {
			end = len(line)
		}
		c := invocation{name: line[:end]}
		line = line[end:]
		if wholeLine[c.name] {
			c.text, line = strings.TrimSpace(line), ""
		} else {
			c.text, _, _ = strings.Cut(line, `\`)
			c.arguments, line = s.arguments(line)
		}
		if s.active() || isConditional(c.name) {
			if !s.command(c) {
				return false
			}
		} else {
			s.ignored(`\` + c.name + " command")
		}
		switch {
		case line == "" || s.ended:
			return true
		case strings.HasPrefix(line, `\\`):
			s.buffer.WriteString(line[2:] + "\n")
			return true
		}
		line = line[1:]
	}
}

// command runs one command.
func (s *Shell) command(c invocation) bool {
	if strings.HasPrefix(c.name, "d") || strings.TrimSuffix(c.name, "+") == "l" {
		known := false
		if ok := s.paged(func() (ok bool) { known, ok = s.describe(c); return ok }); known {
			return ok
		}
	}
	switch c.name {
	case "q", "quit":
		s.ended = true
	case "?":
		fmt.Fprint(s.out, commandHelp)
	case "h", "help":
		return s.statementHelp(c.text)
	case "c", "connect":
		return s.connect(c.arguments)
	case "conninfo":
		fmt.Fprintf(s.out, "You are connected to database \"%s\" as user \"%s\" on host \"%s\" at port \"%d\".\n",
			s.config.Database, s.config.User, s.config.Host, s.config.Port)
	case "copy":
		return s.copyFile(c.text)
	case "echo", "qecho", "warn":
		s.echo(c)
	case "e", "edit":
		return s.edit(c)
	case "g", "gx":
		return s.runAgain(c)
	case "gset":
		return s.gset(c)
	case "if", "elif", "else", "endif":
		return s.conditional(c)
	case "o", "out":
		return s.redirect(outputName(c))
	case "watch":
		return s.watch(c)
	case "i", "include", "ir", "include_relative":
		return s.includeFrom(c)
	case "p", "print":
		fmt.Fprintln(s.out, strings.TrimRight(s.current(), "\n"))
	case "r", "reset":
		s.clear()
		if !s.quiet {
			fmt.Fprintln(s.out, "Query buffer reset (cleared).")
		}
	case "set", "unset":
		s.set(c)
	default:
		return s.setLook(c)
	}
	return true
}

func (s *Shell) echo(c invocation) {
	words, end := c.arguments, "\n"
	if len(words) > 0 && words[0] == "-n" {
		words, end = words[1:], ""
	}
	text := strings.Join(words, " ") + end
	if c.name == "warn" {
		_ = s.out.Flush()
		fmt.Fprint(s.errOut, text)
		return
	}
	if c.name == "qecho" {
		fmt.Fprint(s.results(), text)
		return
	}
	fmt.Fprint(s.out, text)
}

// current is the statement so far, or else the last one.
func (s *Shell) current() string {
	if strings.TrimSpace(s.buffer.String()) != "" {
		return s.buffer.String()
	}
	return s.last
}

// take returns the current statement and forgets what is typed.
func (s *Shell) take() string {
	text := s.current()
	s.clear()
	s.last = text
	return s.interpolate(text)
}

// runAgain is \g, with a file or program for its results, and \gx with expanded.
func (s *Shell) runAgain(c invocation) bool {
	text := s.take()
	if strings.TrimSpace(text) == "" {
		return true
	}
	look := s.look
	look.expanded = look.expanded || c.name == "gx"
	return s.executeTo(request{text: text, look: &look}, outputName(c))
}

// outputName is the file or program that a command names; a program is the rest of its
// line.
func outputName(c invocation) string {
	if text := strings.TrimSpace(c.text); strings.HasPrefix(text, "|") {
		return text
	}
	return c.argument(0)
}

// watch runs the current statement again and again, until an error or Ctrl-C.
func (s *Shell) watch(c invocation) bool {
	seconds := 2.0
	if argument := c.argument(0); argument != "" {
		var err error
		if seconds, err = strconv.ParseFloat(argument, 64); err != nil || seconds < 0 || seconds > 1e6 {
			s.complain(`\watch: incorrect interval value "%s"`, argument)
			return false
		}
	}
	text := s.take()
	if strings.TrimSpace(text) == "" {
		s.complain(`\watch cannot be used with an empty query`)
		return false
	}
	look := s.look
	s.dropInterrupt()
	s.interrupted = false
	for {
		look.title = fmt.Sprintf("%s (every %gs)\n", time.Now().Format("Mon Jan _2 15:04:05 2006"), seconds)
		if !s.execute(request{text: text, look: &look, unpaged: true}) {
			return false
		}
		if s.interrupted { // and the statement had ended before the server was asked to end it
			return true
		}
		select {
		case <-time.After(time.Duration(seconds * float64(time.Second))):
		case <-s.interrupts:
			return true
		case <-s.ctx.Done():
			return true
		}
	}
}

// includeFrom is \i file, and \ir for a file beside the script.
func (s *Shell) includeFrom(c invocation) bool {
	name := c.argument(0)
	if name == "" {
		s.complain(`\%s: missing required argument`, c.name)
		return false
	}
	if strings.HasSuffix(c.name, "r") || strings.HasSuffix(c.name, "relative") {
		if within := s.source; len(within) > 0 && !within[len(within)-1].edited && !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(within[len(within)-1].name), name)
		}
	}
	file, err := os.Open(name)
	if err != nil {
		s.complain("%s: %s", name, cause(err))
		return false
	}
	defer func() { _ = file.Close() }()
	return s.runSource(&source{name: name, reader: bufio.NewReader(file)}) == ExitSuccess
}

// set is \set and \unset.
func (s *Shell) set(c invocation) {
	name := c.argument(0)
	switch {
	case name == "":
		for _, name := range slices.Sorted(maps.Keys(s.variables)) {
			fmt.Fprintf(s.out, "%s = '%s'\n", name, s.variables[name])
		}
		return
	case c.name == "unset":
		delete(s.variables, name)
	case len(c.arguments) == 1 && (name == "ON_ERROR_STOP" || name == "QUIET"):
		s.variables[name] = "on"
	default:
		s.variables[name] = strings.Join(c.arguments[1:], "")
	}
	s.quiet = name != "QUIET" && s.quiet || name == "QUIET" && s.isOn("QUIET")
}
