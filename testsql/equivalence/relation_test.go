package equivalence

import (
	"fmt"
	"strings"
)

// relation is a stream or table that queries read.
type relation struct {
	name    string
	columns []column
	// stream says that it is a stream in Millrace; otherwise it is a table.
	stream bool
	// view says that it is a view in Millrace, which has no key.
	view bool
	// options of a stream: the key column and WITH.
	key     string
	options string
	// appendOnly says that no row of it changes.
	appendOnly bool
	// identities counts the values of a table's primary key.
	identities int
	// empty says that no row is inserted.
	empty bool
	// query defines a derived relation. overStream says that the query gives rows
	// of a stream one by one, so that pushed by itself it begins with new rows.
	query      *query
	overStream bool
	// since is the column of a table that says when a row's version begins; "" for none.
	since string
	// history is what makes the tables with former versions of rows for which the query
	// asks in PostgreSQL. Such a query cannot run once in Millrace.
	history string
}

// source makes a stream or a table with columns of random types.
func (g *generator) source(name string, shards int) *relation {
	r := &relation{name: name, stream: !g.one(3), appendOnly: true}
	r.appendOnly = r.stream
	if !r.stream {
		r.columns = []column{{"id", "integer", false}}
	}
	for range 2 + g.random.IntN(6) {
		r.columns = append(r.columns, column{name: fmt.Sprintf("%s%d", name, len(r.columns)), typ: g.usualType()})
	}
	if g.kept && !r.stream && g.one(2) {
		r.since, r.options = "since", " WITH (timestamp = 'since')"
		r.columns = append(r.columns, column{name: "since", typ: "timestamp"})
	}
	if r.stream && g.one(3) {
		r.key = pick(g, r.columns...).name
	}
	if r.stream && g.one(6) {
		r.options = fmt.Sprintf(" WITH (partitions = %d)", 1+g.random.IntN(shards))
	}
	return r
}

// kind is the word for what the relation is.
func (r *relation) kind() string {
	switch {
	case r.view:
		return "VIEW"
	case r.stream:
		return "STREAM"
	}
	return "TABLE"
}

// declaration is the statement that makes a derived relation.
func (r *relation) declaration() string {
	return "CREATE " + r.kind() + " " + r.name + " AS " + r.query.String()
}

// create returns the statements that make a source, in Millrace and in
// PostgreSQL.
func (r *relation) create() (millrace, postgres string) {
	var ours, theirs []string
	for i, c := range r.columns {
		definition := c.name + " " + c.typ
		if !r.stream && i == 0 {
			definition += " PRIMARY KEY"
		}
		theirs = append(theirs, definition)
		if c.name == r.key {
			definition += " KEY"
		}
		ours = append(ours, definition)
	}
	return "CREATE " + r.kind() + " " + r.name + " (" + strings.Join(ours, ", ") + ")" + r.options,
		"CREATE TABLE " + r.name + " (" + strings.Join(theirs, ", ") + ")"
}

// row makes the values of a row.
func (g *generator) row(r *relation) []string {
	values := make([]string, len(r.columns))
	for i, c := range r.columns {
		if !r.stream && i == 0 {
			r.identities++
			values[i] = fmt.Sprint(r.identities)
			continue
		}
		if values[i] = g.datum(c.typ); c.name == r.since {
			values[i] = g.version()
		}
	}
	return values
}

// rowLiteral writes a row as an element of VALUES.
func rowLiteral(values []string) string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = valueLiteral(value)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func valueLiteral(value string) string {
	if value == null {
		return "NULL"
	}
	return quote(value)
}

// insert is a statement that writes rows, each of which may be left out.
func insert(r *relation, rows [][]string) *fragment {
	values := make([]*fragment, len(rows))
	for i, row := range rows {
		values[i] = maybe(piece(rowLiteral(row)))
	}
	return list("INSERT INTO "+r.name+" VALUES ", ", ", values...)
}
