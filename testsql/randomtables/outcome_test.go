package randomtables

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outcome is what a client sees of a statement.
type outcome struct {
	// isQuery says that the statement returns rows, which are in an order of their
	// own.
	isQuery bool
	rows    []string
	tag     string
	// refused says that Millrace refuses what PostgreSQL does.
	refused bool
	// The fields of the error.
	code, message, detail, table, column, constraint string
}

// outcomeOf runs a step's SQL and returns what comes of it.
func outcomeOf(ctx context.Context, connection *pgx.Conn, s step, sql string) outcome {
	var out outcome
	if s.kind == copyIn {
		tag, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(s.lines), sql)
		out.tag = tag.String()
		out.fail(err)
		return out
	}
	var results []*pgconn.Result
	var err error
	if s.extended {
		result := connection.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
		results, err = []*pgconn.Result{result}, result.Err
	} else {
		results, err = connection.PgConn().Exec(ctx, sql).ReadAll()
	}
	for _, result := range results {
		out.isQuery = out.isQuery || len(result.FieldDescriptions) > 0
		for _, row := range result.Rows {
			values := make([]string, len(row))
			for i, value := range row {
				values[i] = `\N`
				if value != nil {
					values[i] = string(value)
				}
			}
			out.rows = append(out.rows, strings.Join(values, "\t"))
		}
		out.tag = result.CommandTag.String()
	}
	slices.Sort(out.rows)
	out.fail(err)
	return out
}

func (o *outcome) fail(err error) {
	if err == nil {
		return
	}
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		o.code, o.message = "none", err.Error()
		return
	}
	o.rows, o.tag = nil, ""
	o.code, o.message, o.detail = failure.Code, failure.Message, failure.Detail
	o.table, o.column, o.constraint = failure.TableName, failure.ColumnName, failure.ConstraintName
}

// difference says how Millrace's outcome differs from PostgreSQL's. Its kind is
// the same for differences that have probably the same cause.
type difference struct{ kind, text string }

func compare(s step, want, got outcome) *difference {
	one := func(what, want, got string) *difference {
		return &difference{kind: what + quotedNames.ReplaceAllString(want+got, ""), text: fmt.Sprintf("%s is %q, in PostgreSQL %q", what, got, want)}
	}
	switch {
	case refusesRow(want.code) && refusesRow(got.code) && (!s.oneRow || want.code == "55P03" || got.code == "55P03"):
		// Which of several wrong rows is met first is left open, and whether a row is
		// found to be wrong or to be locked.
		return nil
	case want.code == "55P03" && strings.HasPrefix(got.code, "42"):
		return nil // PostgreSQL locks tables before it looks at what is said of them
	case severalActions(s) && want.code != "" && got.code != "":
		return nil // which of several actions fails is left open
	case want.code != got.code:
		kind := fmt.Sprintf("SQLSTATE %q and %q", want.code, got.code) + quotedNames.ReplaceAllString(want.message+got.message, "")
		return &difference{
			kind: kind,
			text: fmt.Sprintf("SQLSTATE is %q (%s), in PostgreSQL %q (%s)", got.code, got.message, want.code, want.message),
		}
	case want.table != got.table:
		return one("table", want.table, got.table)
	case want.column != got.column:
		return one("column", want.column, got.column)
	case want.constraint != got.constraint:
		return one("constraint", want.constraint, got.constraint)
	case want.message != got.message && want.code != "42P07" && want.code != "2BP01":
		// Of several names that are taken either may be named, and derived tables are
		// views there.
		return one("message", want.message, got.message)
	case want.tag != got.tag && s.kind != definition:
		return one("tag", want.tag, got.tag)
	case !slices.Equal(want.rows, got.rows):
		return &difference{kind: "rows", text: "rows (- PostgreSQL, + here):\n" + diffRows(want.rows, got.rows)}
	}
	return nil
}

// severalActions says that a definition does more than one thing.
func severalActions(s step) bool {
	return strings.HasPrefix(s.sql, "ALTER TABLE") && strings.Contains(s.sql, ", ")
}

// refusesRow says that an error is about a row's values, or its lock.
func refusesRow(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") || code == "21000" || code == "55P03"
}

// quotedNames are what differs between messages of one kind.
var quotedNames = regexp.MustCompile(`"[^"]*"|\d+`)

// diffRows lists the rows that only one of two sorted lists has.
func diffRows(want, got []string) string {
	var out strings.Builder
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			fmt.Fprintf(&out, "- %s\n", want[0])
			want = want[1:]
		case len(want) == 0 || got[0] < want[0]:
			fmt.Fprintf(&out, "+ %s\n", got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return out.String()
}
