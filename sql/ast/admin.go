package ast

// Privilege is one privilege of GRANT or REVOKE: a lower-case word such as
// "select", or "all", with the columns it is restricted to.
type Privilege struct {
	Span
	Name    string
	Columns []Identifier
}

// Grant is GRANT or, with Revoke, REVOKE, of privileges on objects or, where
// Kind is "", of roles: Privileges then holds the roles' names.
type Grant struct {
	Span
	Revoke     bool
	Privileges []*Privilege
	// Kind is the kind of the objects; AllInSchema says that Objects are
	// schemas and all objects of the kind in them are meant.
	Kind        ObjectKind
	AllInSchema bool
	Objects     []*Name
	Roles       []Identifier
	// Option is WITH GRANT OPTION or WITH ADMIN OPTION; for REVOKE, GRANT
	// OPTION FOR or ADMIN OPTION FOR.
	Option    bool
	GrantedBy *Identifier
	Behavior  Behavior
}

// Maintain is ANALYZE or VACUUM [(options)] [tables]. The words of the old
// syntax are options as well.
type Maintain struct {
	Span
	// Vacuum tells VACUUM from ANALYZE.
	Vacuum  bool
	Options []*Option
	Tables  []*MaintainTable
}

// MaintainTable is a table of Maintain with its columns perhaps.
type MaintainTable struct {
	Span
	Table   *Name
	Columns []Identifier
}

// Cluster is CLUSTER [(options)] [table [USING index]]. The old syntax, CLUSTER
// index ON table, is the same.
type Cluster struct {
	Span
	Options []*Option
	// Table is nil for all tables.
	Table *Name
	Index *Identifier
}

// Reindex is REINDEX [(options)] INDEX | TABLE | SCHEMA | DATABASE | SYSTEM name.
type Reindex struct {
	Span
	Options []*Option
	// Object is the kind of what Name names, in lower case.
	Object       string
	Concurrently bool
	Name         *Name
}

// RefreshMaterializedView is REFRESH MATERIALIZED VIEW name.
type RefreshMaterializedView struct {
	Span
	Concurrently bool
	Name         *Name
	WithNoData   bool
}

// Checkpoint is CHECKPOINT.
type Checkpoint struct {
	Span
}

func (*Grant) statement()                   {}
func (*Maintain) statement()                {}
func (*Cluster) statement()                 {}
func (*Reindex) statement()                 {}
func (*RefreshMaterializedView) statement() {}
func (*Checkpoint) statement()              {}
