package shell

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// commandHelp is what \? prints.
const commandHelp = `General
  \g [FILE] or ;         run the statement, without text: the last one again;
                         its rows go to a file, or to a program with \g |COMMAND
  \gx [FILE]             like \g, with a line per column
  \gset [PREFIX]         run it and set variables from its only row
  \watch [SECONDS]       run the statement again and again, until Ctrl-C
  \q                     end the shell (also Ctrl-D)
  Ctrl-C                 end the running statement, or clear the line

Help
  \?                     this text
  \h [STATEMENT]         syntax of a statement

Statement buffer
  \e [FILE]              edit it, or the last one, or a file, with $EDITOR
  \p                     print what is typed so far
  \r                     forget it

Input and output
  \copy ...              COPY with a file of this machine
  \echo [-n] [TEXT]      print a text (\warn: to standard error)
  \i FILE                run a file (\ir: a path beside the script)
  \o [FILE]              results go to a file, or to a program with \o |COMMAND
  \qecho [-n] [TEXT]     print a text where results go

Conditionals
  \if CONDITION          what follows is run where the condition is true or on
  \elif CONDITION        or else where this one is
  \else                  or else what follows here
  \endif                 the end of \if

Catalog (+ for more columns, S for system objects too)
  \d[S+]                 streams, tables, views and sequences
  \d[S+] NAME            columns, indexes and constraints
  \dt[S+] [PATTERN]      streams and tables
  \dv[S+] [PATTERN]      views
  \di[S+] [PATTERN]      indexes
  \ds[S+] [PATTERN]      sequences
  \df[S] [PATTERN]       functions
  \dn[S+] [PATTERN]      schemas
  \du [PATTERN]          roles
  \l                     databases

Printing
  \a                     aligned or unaligned rows
  \f [TEXT]              separator of unaligned rows
  \t [on|off]            rows alone
  \x [on|off]            a line per column
  \timing [on|off]       how long statements take
  \pset NAME VALUE       format (aligned, unaligned, csv, json), expanded,
                         tuples_only, null, fieldsep, pager (on, off, always):
                         $PAGER shows what is longer than the terminal

Connection and variables
  \c [DATABASE [USER [HOST [PORT]]]]  connect again
  \conninfo              what this is connected to
  \set [NAME [VALUE]]    set a variable, used as :NAME, :'NAME' or :"NAME"
  \unset NAME            unset it
                         ON_ERROR_STOP ends scripts at the first error, QUIET
                         prints no tags, VERBOSITY is terse, default or verbose
`

// synopses are what \h prints, by statement. docs/sql.md says all.
var synopses = map[string]string{
	"ALTER TABLE":   "ALTER TABLE name action [, ...]",
	"BEGIN":         "BEGIN",
	"COMMIT":        "COMMIT",
	"COPY":          "COPY { name [(column, ...)] | (query) } { FROM STDIN | TO STDOUT } [WITH (option, ...)]",
	"CREATE INDEX":  "CREATE [UNIQUE] INDEX [name] ON table (column [, ...])",
	"CREATE ROLE":   "CREATE { ROLE | USER } name [option ...]",
	"CREATE STREAM": "CREATE STREAM [IF NOT EXISTS] name (column type [constraint ...] [, ...]) [WITH (option = value, ...)]\nCREATE STREAM name AS query",
	"CREATE TABLE":  "CREATE TABLE [IF NOT EXISTS] name (column type [constraint ...] [, ...]) [WITH (option = value, ...)]\nCREATE TABLE name AS query",
	"CREATE VIEW":   "CREATE [OR REPLACE] VIEW name [(column, ...)] AS query",
	"DELETE":        "DELETE FROM table [WHERE condition] [RETURNING expression, ...]",
	"DROP":          "DROP { STREAM | TABLE | VIEW | INDEX | SEQUENCE | ROLE } [IF EXISTS] name [, ...] [CASCADE | RESTRICT]",
	"EXPLAIN":       "EXPLAIN statement",
	"GRANT":         "GRANT privilege [, ...] ON object TO role [, ...]\nGRANT role TO role [, ...]",
	"INSERT":        "INSERT INTO name [(column, ...)] { VALUES (expression, ...) [, ...] | query } [ON CONFLICT ...] [RETURNING expression, ...]",
	"PAUSE":         "PAUSE name",
	"RESUME":        "RESUME name",
	"REVOKE":        "REVOKE privilege [, ...] ON object FROM role [, ...]\nREVOKE role FROM role [, ...]",
	"ROLLBACK":      "ROLLBACK [TO SAVEPOINT name]",
	"SELECT": "[WITH name AS (query) [, ...]]\nSELECT [DISTINCT] expression [[AS] name] [, ...]\n  [FROM item [, ...]] [WHERE condition]\n" +
		"  [WINDOW { TUMBLING | HOPPING | SESSION } (...)] [GROUP BY expression, ...] [HAVING condition]\n" +
		"  [{ UNION | INTERSECT | EXCEPT } [ALL] query] [ORDER BY expression [ASC | DESC], ...] [LIMIT n] [OFFSET n]\n" +
		"  [EMIT { CHANGES | FINAL } [WITH (option = value, ...)] [LIMIT n]]",
	"SET":       "SET [SESSION | LOCAL] name { TO | = } { value | DEFAULT }",
	"SHOW":      "SHOW { name | ALL | STREAMS | TABLES | QUERIES }",
	"TERMINATE": "TERMINATE { name | ALL }",
	"TRUNCATE":  "TRUNCATE [TABLE] name [, ...]",
	"UPDATE":    "UPDATE table SET column = expression [, ...] [WHERE condition] [RETURNING expression, ...]",
}

// statementHelp is \h.
func (s *Shell) statementHelp(name string) bool {
	name = strings.ToUpper(strings.TrimSuffix(strings.TrimSpace(name), ";"))
	names := slices.Sorted(maps.Keys(synopses))
	if name == "" {
		fmt.Fprintln(s.out, "Available help:")
		for _, statement := range names {
			fmt.Fprintln(s.out, "  "+statement)
		}
		return true
	}
	found := false
	for _, statement := range names {
		if name == "*" || strings.HasPrefix(statement, name) {
			found = true
			fmt.Fprintf(s.out, "Command:     %s\nSyntax:\n%s\n\n", statement, synopses[statement])
		}
	}
	if !found {
		fmt.Fprintf(s.out, "No help available for \"%s\".\nTry \\h with no arguments to see available help.\n", name)
	}
	return true
}
