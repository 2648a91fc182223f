package ast

// SetScope is how long a setting lasts.
type SetScope uint8

// Scopes of SetVariable.
const (
	ScopeDefault SetScope = iota // none written: the session
	ScopeSession
	ScopeLocal
)

// SetVariable is SET name = values, SET TIME ZONE, SET ROLE, SET SESSION
// AUTHORIZATION, and KSQL's SET 'name' = 'value'. Name is folded; a dotted
// name is joined by dots. The special spellings have the names of their
// settings: timezone, role, session_authorization, client_encoding,
// search_path (SET SCHEMA).
type SetVariable struct {
	Span
	Scope SetScope
	Name  string
	// Values are literals, *Unary minus of one, *Word or, for SET TIME ZONE
	// INTERVAL, *TypedLiteral. Empty for DEFAULT.
	Values []Expr
	// Default is SET name TO DEFAULT.
	Default bool
	// FromCurrent is SET name FROM CURRENT.
	FromCurrent bool
}

// ResetVariable is RESET name or RESET ALL; KSQL's UNSET 'name'.
type ResetVariable struct {
	Span
	Name string
	All  bool
}

// ShowVariable is SHOW name or SHOW ALL.
type ShowVariable struct {
	Span
	Name string
	All  bool
}

// ShowObjects is SHOW | LIST kind [EXTENDED]. Kind is "streams", "tables",
// "views", "queries", "functions", "types", "topics", "properties", "nodes" or
// "shards". All is SHOW ALL TOPICS.
type ShowObjects struct {
	Span
	Kind     string
	All      bool
	Extended bool
}

// Describe is DESCRIBE [EXTENDED] name [EXTENDED] or DESCRIBE FUNCTION name.
type Describe struct {
	Span
	Name     *Name
	Extended bool
	Function bool
}

// Explain is EXPLAIN [ANALYZE] [VERBOSE] | (options) statement or query id.
// The words of the old syntax are options as well. Exactly one of Statement
// and QueryID is set.
type Explain struct {
	Span
	Options   []*Option
	Statement Statement
	QueryID   *Identifier
}

// ControlAction is what ControlQuery does.
type ControlAction uint8

// Actions of ControlQuery.
const (
	TerminateQuery ControlAction = iota
	PauseQuery
	ResumeQuery
)

// ControlQuery is TERMINATE | PAUSE | RESUME id | ALL. QueryID is nil for ALL.
type ControlQuery struct {
	Span
	Action  ControlAction
	QueryID *Identifier
}

// Print is KSQL's PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n].
// Interval and Limit are nil without.
type Print struct {
	Span
	Topic         *Name
	FromBeginning bool
	Interval      *IntegerLiteral
	Limit         *IntegerLiteral
}

// Prepare is PREPARE name [(types)] AS statement.
type Prepare struct {
	Span
	Name      Identifier
	Types     []*TypeName
	Statement Statement
}

// Execute is EXECUTE name [(args)].
type Execute struct {
	Span
	Name Identifier
	Args []Expr
}

// Deallocate is DEALLOCATE [PREPARE] name | ALL. Name is nil for ALL.
type Deallocate struct {
	Span
	Name *Identifier
}

// Discard is DISCARD target: "all", "plans", "sequences" or "temp".
type Discard struct {
	Span
	Target string
}

// Listen is LISTEN channel.
type Listen struct {
	Span
	Channel Identifier
}

// Unlisten is UNLISTEN channel | *. Channel is nil for *.
type Unlisten struct {
	Span
	Channel *Identifier
}

// Notify is NOTIFY channel [, 'payload'].
type Notify struct {
	Span
	Channel Identifier
	Payload *StringLiteral
}

// Call is CALL procedure(args).
type Call struct {
	Span
	Function *FunctionCall
}

func (*SetVariable) statement()   {}
func (*ResetVariable) statement() {}
func (*ShowVariable) statement()  {}
func (*ShowObjects) statement()   {}
func (*Describe) statement()      {}
func (*Explain) statement()       {}
func (*ControlQuery) statement()  {}
func (*Print) statement()         {}
func (*Prepare) statement()       {}
func (*Execute) statement()       {}
func (*Deallocate) statement()    {}
func (*Discard) statement()       {}
func (*Listen) statement()        {}
func (*Unlisten) statement()      {}
func (*Notify) statement()        {}
func (*Call) statement()          {}
