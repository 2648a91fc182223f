package plan

import (
	"millrace/sql/catalog"
	"millrace/sql/expr"
)

// Statement is a planned statement: *Query, *Insert, *Modify, *With, *Lock, *Copy,
// *DDL, *Alter, *Maintain or *Explain.
type Statement interface {
	statement()
}

// Insert adds the rows of a query to a stream or source table.
type Insert struct {
	Target *catalog.Relation
	// Source gives, once, one column for each of the target's, in its order and
	// of its types, with defaults filled in. Its Params are the statement's.
	Source *Query
	// Rowtime says that Source has one more column behind those: the rows' event
	// time as timestamptz, from the pseudocolumn in the INSERT's column list.
	Rowtime bool
	// Headers says that Source has one more column behind these: the rows' headers, of
	// the type types.Headers.
	Headers bool
	// Checks are the CHECK constraints of the target.
	Checks []Check
	// OnConflict is what happens to rows whose key exists; nil for an error.
	OnConflict *OnConflict
	// Returning computes the columns of RETURNING over GivenRows, the rows as they
	// were stored, in their order; nil without RETURNING.
	Returning *Query
}

// ReturningColumns describe the columns of RETURNING, nil without.
func (i *Insert) ReturningColumns() []Column {
	if i.Returning == nil {
		return nil
	}
	return i.Returning.Root.Columns()
}

// Check is a CHECK constraint: a row for whose columns Condition is false is
// refused.
type Check struct {
	Constraint *catalog.Constraint
	// Condition is over the relation's columns by their numbers.
	Condition expr.Expr
}

// OnConflict is ON CONFLICT of an INSERT.
type OnConflict struct {
	// Any says that a conflict with any row counts; else it is with the row of the
	// same primary key, where PrimaryKey is set, or of the same values in the unique
	// index Index.
	Any, PrimaryKey bool
	Index           catalog.ObjectID
	// Update tells DO UPDATE from DO NOTHING. It is not set with Any.
	Update bool
	// Updated gives, for DO UPDATE, the rows that take the place of others. Its
	// GivenRows are those that are there, next to each the one that was to be
	// inserted, and then the pair's number as a bigint. It gives the target's
	// columns and the number of the pair; pairs for which WHERE is not true are
	// left out.
	Updated *Query
	// SetsKey says that DO UPDATE assigns to a column of the primary key or of a
	// unique index.
	SetsKey bool
}

// Modify is UPDATE, DELETE and TRUNCATE of source tables.
type Modify struct {
	// Tag is the command tag without the count.
	Tag string
	// Uncounted says that the tag has no count.
	Uncounted bool
	// Parts are the tables: several for TRUNCATE alone.
	Parts []ModifyPart
	// Restart are the sequences that begin anew with it: TRUNCATE … RESTART IDENTITY.
	Restart []catalog.ObjectID
}

// ModifyPart is what is done to one table.
type ModifyPart struct {
	Target *catalog.Relation
	// Source gives, once, the rows that are concerned: all columns of the old row;
	// where Update is set, all columns of the new row; then the columns of
	// RETURNING. An old row that comes several times counts once. Its Params are
	// the statement's.
	Source *Query
	Update bool
	// Checks are, for an update, the CHECK constraints of the target.
	Checks []Check
	// Returning says that there is RETURNING.
	Returning bool
}

// ReturningColumns describe the columns of RETURNING.
func (m *ModifyPart) ReturningColumns() []Column { return m.Source.Root.Columns()[m.Width():] }

// Width is how many columns of Source belong to the old and the new row.
func (m *ModifyPart) Width() int {
	if m.Update {
		return 2 * len(m.Target.Columns)
	}
	return len(m.Target.Columns)
}

// With is a statement with others in its WITH that change data. All of them read
// what was there when the statement began, and each runs once and to its end,
// whether what it returns is read or not.
type With struct {
	// Parts are the statements in WITH that change data, as they were written:
	// the first has the number 1, by which plan.Given names what it returns.
	Parts []WithPart
	// Main is the statement itself: a *Query, *Insert or *Modify. Its Params are
	// those of all.
	Main Statement
	// Reads are the numbers of the parts whose rows Main reads, in order.
	Reads []int
	// Sources are the relations that are read anywhere, each once.
	Sources []*catalog.Relation
}

// WithPart is a statement in WITH that changes data.
type WithPart struct {
	Name string
	// Statement is an *Insert or *Modify.
	Statement Statement
	// Reads are the numbers of the parts whose rows Statement reads, in order.
	Reads []int
}

// ReturningColumns describe what a statement that changes data returns, nil
// without RETURNING.
func ReturningColumns(s Statement) []Column {
	switch s := s.(type) {
	case *With:
		if q, ok := s.Main.(*Query); ok {
			return q.Root.Columns()[:q.Visible]
		}
		return ReturningColumns(s.Main)
	case *Insert:
		return s.ReturningColumns()
	case *Modify:
		if part := &s.Parts[0]; part.Returning {
			return part.ReturningColumns()
		}
	}
	return nil
}

// Lock is LOCK TABLE.
type Lock struct {
	Relations []*catalog.Relation
	// Mode is the mode in lower case, such as access exclusive.
	Mode   string
	NoWait bool
}

// Copy is COPY in either direction.
type Copy struct {
	// From tells COPY … FROM STDIN from COPY … TO STDOUT.
	From    bool
	Options CopyOptions

	// Target, Columns and Defaults belong to FROM. Columns are the target's
	// column numbers in the order of the data's fields; FetchRowtime stands for
	// the rows' event time and FetchHeaders for their headers.
	Target  *catalog.Relation
	Columns []int
	// Defaults has an expression for each of the target's columns, of the
	// column's type: what a row gets that the data does not give.
	Defaults []expr.Expr
	// Generated has an expression over the target's columns, and of a stream the headers
	// behind them, for each generated one, nil for the others; it is nil where there are
	// none.
	Generated []expr.Expr
	// Checks are the CHECK constraints of the target.
	Checks []Check
	// Where is a condition over the target's columns that rows must meet to be
	// stored; nil for none.
	Where expr.Expr

	// Query gives the rows of TO, pull or push; or Change is a statement that
	// changes data, an *Insert, *Modify or *With, whose rows are sent.
	Query  *Query
	Change Statement
}

// CopyFormat is the format of the data of a COPY.
type CopyFormat uint8

// The formats of COPY.
const (
	CopyText CopyFormat = iota
	CopyCSV
)

// CopyHeader says what the first line of the data is.
type CopyHeader uint8

// The headers of COPY.
const (
	CopyNoHeader CopyHeader = iota
	// CopyHeaderLine is a line of column names, passed over by FROM.
	CopyHeaderLine
	// CopyHeaderMatch is a line that must hold the columns' names in order.
	CopyHeaderMatch
)

// CopyOptions are COPY's options, with their defaults filled in
// (https://www.postgresql.org/docs/15/sql-copy.html).
type CopyOptions struct {
	Format    CopyFormat
	Delimiter byte
	Null      string
	Header    CopyHeader
	// Quote and Escape belong to CSV.
	Quote, Escape byte
	// ForceQuote (TO), ForceNotNull and ForceNull (FROM) hold, for each field of
	// the data, whether the option names its column; nil for none.
	ForceQuote, ForceNotNull, ForceNull []bool
}

// DDL is a change of the catalog.
type DDL struct {
	Command catalog.Command
	// Tag is the command tag, such as CREATE TABLE.
	Tag string
	// Notices are for the client once the command has created something.
	Notices []catalog.Notice
	// Start, where not nil, are offsets of Stream at which the query that the command
	// creates begins: its rows from there on must still be there.
	Start  *Start
	Stream *catalog.Relation
	// Alone says that it is refused inside a transaction block.
	Alone bool
}

// Maintain asks for work that goes on by itself: there is nothing to do.
type Maintain struct {
	// Tag is the command tag, such as VACUUM.
	Tag string
	// Alone says that it is refused inside a transaction block.
	Alone bool
}

// Explain answers with the lines of a plan.
type Explain struct {
	// Query has one column of text and one row per line.
	Query *Query
}

func (*Query) statement()    {}
func (*Insert) statement()   {}
func (*Modify) statement()   {}
func (*With) statement()     {}
func (*Lock) statement()     {}
func (*Copy) statement()     {}
func (*DDL) statement()      {}
func (*Maintain) statement() {}
func (*Operate) statement()  {}
func (*Explain) statement()  {}
