package ast

// Insert is INSERT INTO table ….
type Insert struct {
	Span
	With  *With
	Table *Name
	Alias *Identifier
	// Options are those of KSQL's INSERT INTO n WITH (…) query.
	Options []*Option
	Columns []*TargetColumn
	// Overriding is "", "user" or "system".
	Overriding string
	// Source is nil for DEFAULT VALUES. With Source.Emit the INSERT is a
	// continuous query.
	Source     *Query
	OnConflict *OnConflict
	Returning  []*Target
}

// TargetColumn is a column that INSERT or UPDATE writes. Path is empty unless
// a part of the column is written: col[1], col.field.
type TargetColumn struct {
	Span
	Name Identifier
	Path []*PathStep
}

// PathStep is one .field, [index] or [low:high] behind a column. Field is
// nil for the last two; Low and High are set for a slice as in Slice.
type PathStep struct {
	Span
	Field *Identifier
	Index Expr
	Slice bool
	Low   Expr
	High  Expr
}

// OnConflict is ON CONFLICT [target] DO NOTHING | DO UPDATE SET ….
type OnConflict struct {
	Span
	// Columns and Where, or Constraint, are the target; all empty without.
	Columns     []*IndexElement
	Where       Expr
	Constraint  *Identifier
	DoNothing   bool
	Set         []*Assignment
	UpdateWhere Expr
}

// Assignment is column = value of UPDATE, or, with Multiple, (a, b) = row.
type Assignment struct {
	Span
	Columns  []*TargetColumn
	Multiple bool
	Value    Expr
}

// Update is UPDATE table SET ….
type Update struct {
	Span
	With      *With
	Table     *TableName
	Set       []*Assignment
	From      []TableExpr
	Where     Expr
	Returning []*Target
}

// Delete is DELETE FROM table ….
type Delete struct {
	Span
	With      *With
	Table     *TableName
	Using     []TableExpr
	Where     Expr
	Returning []*Target
}

// Truncate is TRUNCATE [TABLE] tables.
type Truncate struct {
	Span
	Tables          []*TableName
	RestartIdentity bool
	Behavior        Behavior
}

// CopyEndpoint is the other side of a COPY.
type CopyEndpoint uint8

// Endpoints of Copy.
const (
	CopyStdio CopyEndpoint = iota // FROM STDIN, TO STDOUT
	CopyFile
	CopyProgram
)

// Copy is COPY table | (query) FROM | TO …. Exactly one of Table and
// Statement is set. The old syntax's options (CSV HEADER DELIMITER ',') are
// given by the names and values of the new one.
type Copy struct {
	Span
	Table     *Name
	Columns   []Identifier
	Statement Statement
	From      bool
	Endpoint  CopyEndpoint
	// Path is the file or the program's command line.
	Path    string
	Options []*Option
	Where   Expr
}

func (*Insert) statement()   {}
func (*Update) statement()   {}
func (*Delete) statement()   {}
func (*Truncate) statement() {}
func (*Copy) statement()     {}
