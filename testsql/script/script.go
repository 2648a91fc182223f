// Package script reads and runs SQL scripts in the format of sqllogictest
// (https://www.sqlite.org/sqllogictest), with directives for push queries.
//
// A script is a list of records, separated by blank lines; # begins a comment.
//
//	statement ok
//	SQL
//
//	statement error 42P01
//	SQL
//
//	statement error 42P01 part of the message
//	SQL
//
//	query [rowsort]
//	SQL
//	----
//	expected rows, values separated by tabs, NULL as \N
//
//	push NAME
//	SELECT ... EMIT CHANGES, in a connection of its own
//
//	expect NAME [rowsort]
//	----
//	the next rows that the push gives
//
//	quiet NAME
//	(nothing more has come, once all that was written before has passed)
//
//	copy ok
//	COPY name FROM STDIN
//	----
//	the lines to send
//
//	copy error 23505
//	COPY name FROM STDIN
//	----
//	the lines to send
//
//	connection NAME
//	(the records from here on run in this connection, which is made when it is
//	named first; a script begins in one without a name)
//
//	query eventually [rowsort]
//	(a query that is run again until it gives the expected rows)
//
//	restart
//	(the node stops and starts again, and all connections with it)
//
//	clock 2s
//	(the server's clock is put forward)
//
// SQL may span lines; it ends at ---- or a blank line.
package script

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// Kind is what a record does.
type Kind string

// The kinds of records.
const (
	StatementOK    Kind = "statement ok"
	StatementError Kind = "statement error"
	Query          Kind = "query"
	Push           Kind = "push"
	Expect         Kind = "expect"
	Quiet          Kind = "quiet"
	CopyOK         Kind = "copy ok"
	CopyError      Kind = "copy error"
	Connection     Kind = "connection"
	Restart        Kind = "restart"
	Clock          Kind = "clock"
)

// Record is one step of a script.
type Record struct {
	Kind Kind
	// Line is the number of the record's first line.
	Line int
	// Header is that line.
	Header string
	SQL    string
	// Code and Message are what a StatementError or a CopyError expects; either may
	// be "".
	Code, Message string
	// Name is that of a push or of a connection.
	Name string
	// Sorted says that rows are compared without regard to their order.
	Sorted bool
	// Eventually has a Query run again until it gives what is expected.
	Eventually bool
	// Ahead is how far a Clock goes.
	Ahead time.Duration
	// Rows are those expected, of a COPY the lines to send.
	Rows []string
	// comments are the comment lines before the record, kept when the script is
	// written anew.
	comments []string
}

// Parse reads a script.
func Parse(r io.Reader) ([]*Record, error) {
	var records []*Record
	var comments []string
	in := &lines{scanner: bufio.NewScanner(r)}
	in.scanner.Buffer(nil, 1<<20)
	for in.next() {
		switch {
		case in.text == "":
			continue
		case strings.HasPrefix(in.text, "#"):
			comments = append(comments, in.text)
			continue
		}
		record, err := parseRecord(in)
		if err != nil {
			return nil, err
		}
		record.comments, comments = comments, nil
		records = append(records, record)
	}
	return records, in.scanner.Err()
}

// lines counts the lines that it reads.
type lines struct {
	scanner *bufio.Scanner
	text    string
	number  int
}

func (l *lines) next() bool {
	if !l.scanner.Scan() {
		return false
	}
	l.text = l.scanner.Text()
	l.number++
	return true
}

func parseRecord(in *lines) (*Record, error) {
	r := &Record{Line: in.number, Header: in.text}
	words := strings.Fields(in.text)
	rest := words[1:]
	switch {
	case strings.HasPrefix(in.text, string(StatementOK)):
		r.Kind, rest = StatementOK, words[2:]
	case strings.HasPrefix(in.text, string(CopyOK)):
		r.Kind, rest = CopyOK, words[2:]
	case strings.HasPrefix(in.text, string(StatementError)) || strings.HasPrefix(in.text, string(CopyError)):
		r.Kind, rest = Kind(strings.Join(words[:2], " ")), nil
		if len(words) > 2 {
			r.Code = words[2]
			r.Message = strings.Join(words[3:], " ")
		}
	case words[0] == string(Query):
		r.Kind = Query
	case words[0] == string(Restart):
		r.Kind = Restart
	case words[0] == string(Clock) && len(rest) == 1:
		var err error
		if r.Ahead, err = time.ParseDuration(rest[0]); err != nil {
			return nil, fmt.Errorf("line %d: %w", r.Line, err)
		}
		r.Kind, rest = Clock, nil
	case words[0] == string(Push) || words[0] == string(Expect) || words[0] == string(Quiet) || words[0] == string(Connection):
		if len(rest) == 0 {
			return nil, fmt.Errorf("line %d: %s needs a name", r.Line, words[0])
		}
		r.Kind, r.Name, rest = Kind(words[0]), rest[0], rest[1:]
	default:
		return nil, fmt.Errorf("line %d: unknown record %q", r.Line, in.text)
	}
	for _, word := range rest {
		if word == "eventually" && r.Kind == Query {
			r.Eventually = true
			continue
		}
		if word != "rowsort" {
			return nil, fmt.Errorf("line %d: unknown word %q", r.Line, word)
		}
		r.Sorted = true
	}
	return r, r.body(in)
}

// body reads the SQL and the expected rows of a record.
func (r *Record) body(in *lines) error {
	var sql []string
	expects := false
	for in.next() && in.text != "" {
		switch {
		case in.text == "----" && !expects:
			expects = true
		case expects:
			r.Rows = append(r.Rows, in.text)
		default:
			sql = append(sql, in.text)
		}
	}
	r.SQL = strings.Join(sql, "\n")
	needsSQL := r.Kind != Expect && r.Kind != Quiet && r.Kind != Restart && r.Kind != Connection && r.Kind != Clock
	if needsSQL != (r.SQL != "") {
		return fmt.Errorf("line %d: %s with SQL %q", r.Line, r.Kind, r.SQL)
	}
	return nil
}

// Write writes records as a script.
func Write(w io.Writer, records []*Record) error {
	for i, r := range records {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		parts := append(append([]string{}, r.comments...), r.Header)
		if r.SQL != "" {
			parts = append(parts, r.SQL)
		}
		if r.Kind == Query || r.Kind == Expect || r.Kind == CopyOK || r.Kind == CopyError {
			parts = append(append(parts, "----"), r.Rows...)
		}
		if _, err := fmt.Fprintln(w, strings.Join(parts, "\n")); err != nil {
			return err
		}
	}
	return nil
}
