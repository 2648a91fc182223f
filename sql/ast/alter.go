package ast

// ObjectKind names a kind of object as SQL spells it.
type ObjectKind string

// Kinds of object.
const (
	ObjectStream           ObjectKind = "stream"
	ObjectTable            ObjectKind = "table"
	ObjectView             ObjectKind = "view"
	ObjectMaterializedView ObjectKind = "materialized view"
	ObjectIndex            ObjectKind = "index"
	ObjectSequence         ObjectKind = "sequence"
	ObjectType             ObjectKind = "type"
	ObjectDomain           ObjectKind = "domain"
	ObjectSchema           ObjectKind = "schema"
	ObjectDatabase         ObjectKind = "database"
	ObjectExtension        ObjectKind = "extension"
	ObjectRole             ObjectKind = "role"
	ObjectUser             ObjectKind = "user"
	ObjectGroup            ObjectKind = "group"
	ObjectColumn           ObjectKind = "column"
	ObjectFunction         ObjectKind = "function"
	ObjectConstraint       ObjectKind = "constraint"
	ObjectTablespace       ObjectKind = "tablespace"
)

// AlterRelation is ALTER TABLE | STREAM | VIEW | MATERIALIZED VIEW | INDEX |
// SEQUENCE name actions. Renames and SET SCHEMA are single actions.
type AlterRelation struct {
	Span
	Kind     ObjectKind
	IfExists bool
	Table    *TableName
	Actions  []AlterAction
}

// AlterAction is one action of AlterRelation.
type AlterAction interface {
	Node
	alterAction()
}

// AddColumn is ADD [COLUMN] [IF NOT EXISTS] definition.
type AddColumn struct {
	Span
	IfNotExists bool
	Column      *ColumnDefinition
}

// DropColumn is DROP [COLUMN] [IF EXISTS] name.
type DropColumn struct {
	Span
	IfExists bool
	Column   Identifier
	Behavior Behavior
}

// AlterColumnKind is what AlterColumn changes.
type AlterColumnKind uint8

// Kinds of AlterColumn.
const (
	SetColumnDefault AlterColumnKind = iota
	DropColumnDefault
	SetColumnNotNull
	DropColumnNotNull
	SetColumnType
	SetColumnStatistics
	SetColumnStorage
	SetColumnOptions
	ResetColumnOptions
	AddColumnIdentity
	DropColumnIdentity
	DropColumnExpression
)

// AlterColumn is ALTER [COLUMN] name …. Expr is the new default, or the USING
// expression of a new type; Type, Collation, Statistics, Storage, Options and
// Sequence belong to the kinds of those names.
type AlterColumn struct {
	Span
	Column     Identifier
	Kind       AlterColumnKind
	Expr       Expr
	Type       *TypeName
	Collation  *Name
	Statistics int
	Storage    string
	Options    []*Option
	ByDefault  bool
	IfExists   bool
	Behavior   Behavior
}

// AddConstraint is ADD constraint.
type AddConstraint struct {
	Span
	Constraint *TableConstraint
}

// DropConstraint is DROP CONSTRAINT [IF EXISTS] name.
type DropConstraint struct {
	Span
	IfExists   bool
	Constraint Identifier
	Behavior   Behavior
}

// ValidateConstraint is VALIDATE CONSTRAINT name.
type ValidateConstraint struct {
	Span
	Constraint Identifier
}

// RenameTo is RENAME TO name.
type RenameTo struct {
	Span
	Name Identifier
}

// RenameMember is RENAME [COLUMN] old TO new, or RENAME CONSTRAINT old TO new.
type RenameMember struct {
	Span
	Kind ObjectKind // ObjectColumn or ObjectConstraint
	Old  Identifier
	New  Identifier
}

// SetSchema is SET SCHEMA name.
type SetSchema struct {
	Span
	Schema Identifier
}

// OwnerTo is OWNER TO role.
type OwnerTo struct {
	Span
	Role Identifier
}

// SetOptions is SET (name = value, …); Reset is RESET (name, …).
type SetOptions struct {
	Span
	Reset   bool
	Options []*Option
}

// AlterFlag is an action of fixed words, such as "enable row level security"
// or "cluster on"; Name is its argument, nil without.
type AlterFlag struct {
	Span
	Words string
	Name  *Name
}

// AlterSequenceOptions are the options of ALTER SEQUENCE.
type AlterSequenceOptions struct {
	Span
	Options []*Option
}

// AlterObject is ALTER kind name RENAME TO | OWNER TO | SET SCHEMA for
// objects that have no actions of their own: schemas, databases, types.
type AlterObject struct {
	Span
	Kind   ObjectKind
	Name   *Name
	Action AlterAction
}

// AddEnumValue is ADD VALUE [IF NOT EXISTS] 'label' [BEFORE | AFTER 'other'],
// an action of ALTER TYPE.
type AddEnumValue struct {
	Span
	IfNotExists bool
	Label       string
	// Place is "", "before" or "after" Neighbor.
	Place    string
	Neighbor string
}

// RenameEnumValue is RENAME VALUE 'old' TO 'new', an action of ALTER TYPE.
type RenameEnumValue struct {
	Span
	Old, New string
}

// AlterSystem is ALTER SYSTEM SET name = values | RESET name | RESET ALL.
type AlterSystem struct {
	Span
	// Set is a *SetVariable or *ResetVariable.
	Set Statement
}

// AlterRole is ALTER ROLE | USER | GROUP name [WITH] options, or with Set,
// ALTER ROLE name [IN DATABASE db] SET | RESET …. All is ALTER ROLE ALL.
type AlterRole struct {
	Span
	Word     string
	All      bool
	Name     Identifier
	Options  []*Option
	Database *Identifier
	Set      Statement
	// RenameTo is the new name, nil without.
	RenameTo *Identifier
}

// Drop is DROP kind [IF EXISTS] names. DeleteTopic is KSQL's DELETE TOPIC.
type Drop struct {
	Span
	Kind         ObjectKind
	Concurrently bool
	IfExists     bool
	Names        []*Name
	Behavior     Behavior
	DeleteTopic  bool
}

// Comment is COMMENT ON kind name IS text. Text is nil for NULL. Of a column
// Name is table.column; of a constraint Name is the constraint and Table its
// table.
type Comment struct {
	Span
	Kind  ObjectKind
	Name  *Name
	Table *Name
	Text  *StringLiteral
}

func (*AddColumn) alterAction()            {}
func (*DropColumn) alterAction()           {}
func (*AlterColumn) alterAction()          {}
func (*AddConstraint) alterAction()        {}
func (*DropConstraint) alterAction()       {}
func (*ValidateConstraint) alterAction()   {}
func (*RenameTo) alterAction()             {}
func (*RenameMember) alterAction()         {}
func (*SetSchema) alterAction()            {}
func (*OwnerTo) alterAction()              {}
func (*SetOptions) alterAction()           {}
func (*AlterFlag) alterAction()            {}
func (*AlterSequenceOptions) alterAction() {}
func (*AddEnumValue) alterAction()         {}
func (*RenameEnumValue) alterAction()      {}

func (*AlterRelation) statement() {}
func (*AlterObject) statement()   {}
func (*AlterSystem) statement()   {}
func (*AlterRole) statement()     {}
func (*Drop) statement()          {}
func (*Comment) statement()       {}
