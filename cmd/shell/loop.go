package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/peterh/liner"

	"millrace/sql"
)

// source is a file of statements, or the terminal.
type source struct {
	// name is the file's in messages, or "" where messages do not say the place.
	name   string
	reader *bufio.Reader
	// edited says that lines come from the editor.
	edited bool
	// line counts the lines that were read.
	line int
}

// errInterrupted says that Ctrl-C cleared the line.
var errInterrupted = errors.New("interrupted")

// readLine returns the next line without its end; io.EOF says that there is none.
func (s *Shell) readLine(from *source, stop sql.ScanStop) (string, error) {
	if from.edited {
		line, err := s.editor.read(s.prompt(stop))
		if errors.Is(err, liner.ErrPromptAborted) {
			return "", errInterrupted
		}
		return line, err
	}
	line, err := from.reader.ReadString('\n')
	if err != nil && line == "" {
		return "", err
	}
	from.line++
	if from.line == 1 {
		line = strings.TrimPrefix(line, "\uFEFF")
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// runSource runs the statements and commands of a source, and returns the exit code.
func (s *Shell) runSource(from *source) int {
	outerBuffer, outerScanner, outerConditionals := s.buffer, s.scanner, s.conditionals
	s.clear()
	s.conditionals = nil
	s.source = append(s.source, from)
	defer func() {
		s.source = s.source[:len(s.source)-1]
		s.buffer, s.scanner, s.conditionals = outerBuffer, outerScanner, outerConditionals
	}()
	stop := sql.StopEmpty
	for !s.ended {
		_ = s.out.Flush()
		line, err := s.readLine(from, stop)
		switch {
		case errors.Is(err, errInterrupted):
			s.clear()
			s.escapeConditional()
			stop = sql.StopEmpty
			continue
		case errors.Is(err, io.EOF):
			return s.atEnd(from)
		case err != nil:
			s.complain("%s", cause(err))
			return ExitFailure
		}
		var ok bool
		if stop, ok = s.takeLine(line); ok {
			continue
		}
		if code := s.afterError(from); code != ExitSuccess {
			return code
		}
	}
	return ExitSuccess
}

// afterError is the exit code with which a source ends behind an error, or ExitSuccess
// if it goes on.
func (s *Shell) afterError(from *source) int {
	switch {
	case s.connection.IsClosed() && !s.reconnect():
		return ExitConnection
	case from.edited:
		return ExitSuccess
	case s.stopsOnError():
		return ExitScript
	}
	select {
	case <-s.interrupts:
		return ExitScript
	default:
		return ExitSuccess
	}
}

// atEnd runs what a script leaves without a semicolon, as psql does.
func (s *Shell) atEnd(from *source) int {
	if from.edited {
		if !s.quiet {
			fmt.Fprintln(s.out, `\q`)
		}
		return ExitSuccess
	}
	text := s.buffer.String()
	s.clear()
	ok := strings.TrimSpace(text) == "" || !s.active() || s.run(s.interpolate(text))
	if ok = s.conditionalsEnd() && ok; ok {
		return ExitSuccess
	}
	return s.afterError(from)
}

// clear forgets the statement so far.
func (s *Shell) clear() { s.buffer, s.scanner = &strings.Builder{}, sql.StatementScanner{} }

// restart begins a new statement with a text.
func (s *Shell) restart(text string) {
	s.clear()
	s.buffer.WriteString(text)
}

// takeLine adds a line to the statement so far, and runs what is complete. At the first
// error it gives up the rest of the line and says so.
func (s *Shell) takeLine(line string) (stop sql.ScanStop, ok bool) {
	s.buffer.WriteString(line + "\n")
	ok = true
	for !s.ended && ok {
		end, text := 0, s.buffer.String()
		end, stop = s.scanner.Scan(text)
		switch stop {
		case sql.StopSemicolon:
			s.restart(text[end:])
			if !s.active() {
				s.ignored("query")
				continue
			}
			s.last = text[:end]
			ok = s.run(s.interpolate(s.last))
		case sql.StopBackslash:
			scanner := s.scanner
			s.restart(text[:end])
			s.scanner = scanner
			ok = s.runCommandLine(strings.TrimSuffix(text[end+1:], "\n"))
		case sql.StopEmpty:
			if !strings.Contains(text, "--") && !strings.Contains(text, "/*") {
				s.clear()
			}
			return stop, ok
		default:
			return stop, ok
		}
	}
	if !ok {
		s.clear()
		stop = sql.StopEmpty
	}
	return stop, ok
}

// reconnect connects again after the server has ended the connection, at a terminal.
func (s *Shell) reconnect() bool {
	if s.editor == nil {
		s.complain("millrace: error: connection to server was lost")
		return false
	}
	fmt.Fprintln(s.errOut, "The connection to the server was lost. Attempting reset: ")
	connection, err := dial(s.ctx, s.config)
	if err != nil {
		fmt.Fprintln(s.errOut, "Failed:", connectionError(err))
		return false
	}
	s.connection = connection
	fmt.Fprintln(s.errOut, "Succeeded.")
	return true
}

// prompt is psql's: the database, what is open, the state of the transaction.
func (s *Shell) prompt(stop sql.ScanStop) string {
	transaction := ""
	switch s.connection.TxStatus() {
	case 'T':
		transaction = "*"
	case 'E':
		transaction = "!"
	}
	end := ">"
	if s.connection.ParameterStatus("is_superuser") == "on" {
		end = "#"
	}
	mark := openMarks[stop]
	if mark == "=" && !s.active() {
		mark = "@"
	}
	return s.config.Database + mark + transaction + end + " "
}

// openMarks show in the prompt what is open.
var openMarks = [...]string{
	sql.StopSemicolon: "=", sql.StopBackslash: "=", sql.StopEmpty: "=", sql.StopOpen: "-", sql.StopParenthesis: "(",
	sql.StopQuote: "'", sql.StopDoubleQuote: `"`, sql.StopDollarQuote: "$", sql.StopComment: "*",
}

// isTerminal says whether a file is a terminal.
func isTerminal(file *os.File) bool { return file != nil && isatty.IsTerminal(file.Fd()) }
