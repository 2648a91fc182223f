package randomtables

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// step is one thing that a script does, on both servers.
type step struct {
	kind    stepKind
	session int
	// sql is the statement as Millrace knows it, lines what a COPY … FROM STDIN
	// sends.
	sql, lines string
	// oneRow says that the statement makes one row, so that it has one error at
	// most that comes first.
	oneRow bool
	// extended says that the statement takes the extended protocol.
	extended bool
}

type stepKind uint8

const (
	// statement runs SQL.
	statement stepKind = iota
	// definition is SQL whose tag is not compared.
	definition
	// copyIn is COPY … FROM STDIN.
	copyIn
	// restart stops the server and starts it again. Sessions end, and with them
	// what they have not committed.
	restart
	// kill is a restart without a warning.
	kill
)

// inPostgres returns the statement as PostgreSQL knows it: a derived table is a
// view.
func (s step) inPostgres() string {
	if s.kind != definition {
		return s.sql
	}
	if name, query, derived := strings.Cut(s.sql, " AS SELECT "); derived {
		return strings.Replace(name, "CREATE TABLE ", "CREATE VIEW ", 1) + " AS SELECT " + query
	}
	return strings.Replace(s.sql, "DROP MATERIALIZED VIEW ", "DROP VIEW ", 1)
}

// String shows the step in a log.
func (s step) String() string {
	switch s.kind {
	case restart:
		return "-- restart"
	case kill:
		return "-- kill"
	case copyIn:
		return fmt.Sprintf("%d: %s\n%s\\.", s.session, s.sql, s.lines)
	default:
		return fmt.Sprintf("%d: %s", s.session, s.sql)
	}
}

// writeScript writes steps in the format of testsql/scripts, with the outcomes
// that PostgreSQL had.
func writeScript(w io.Writer, steps []step, outcomes []outcome) {
	// A script of one session needs no names for connections.
	first := 0
	if slices.ContainsFunc(steps, func(s step) bool { return s.session > 0 }) {
		first = -1
	}
	session := first
	for i, s := range steps {
		if s.kind == restart || s.kind == kill {
			fmt.Fprint(w, "restart\n\n")
			session = first
			continue
		}
		if s.session != session {
			fmt.Fprintf(w, "connection %d\n\n", s.session)
			session = s.session
		}
		o := outcomes[i]
		switch {
		case o.refused:
		case s.kind == copyIn && o.code != "":
			fmt.Fprintf(w, "copy error %s\n%s\n----\n%s\n", o.code, s.sql, s.lines)
		case s.kind == copyIn:
			fmt.Fprintf(w, "copy ok\n%s\n----\n%s\n", s.sql, s.lines)
		case o.code != "":
			fmt.Fprintf(w, "statement error %s\n%s\n\n", o.code, s.sql)
		case o.isQuery:
			fmt.Fprintf(w, "query rowsort\n%s\n----\n%s\n", s.sql, strings.Join(append(o.rows, ""), "\n"))
		default:
			fmt.Fprintf(w, "statement ok\n%s\n\n", s.sql)
		}
	}
}
