package catalog

import (
	"encoding/json"
	"fmt"
	"slices"

	"millrace/sql/sqlerr"
)

// Schema is a schema that holds users' objects
// (https://www.postgresql.org/docs/15/ddl-schemas.html). Descriptors are immutable.
//
// Objects keep the name of their schema. Where it is renamed, or they go to another
// one, they keep the former name as they do their own, so that texts which named them
// before find them (AsOf).
type Schema struct {
	ID      ObjectID
	Name    string
	Comment string
}

// CreateSchema makes a schema. Apply gives out its ID. It belongs to Owner where that
// is not 0.
type CreateSchema struct {
	Name        string   `json:"name"`
	Owner       ObjectID `json:"owner,omitempty"`
	IfNotExists bool     `json:"if_not_exists,omitempty"`
}

// DropSchemas is DROP SCHEMA: all of Names or none.
type DropSchemas struct {
	Names    []string `json:"names"`
	IfExists bool     `json:"if_exists,omitempty"`
	// Cascade drops what is in them, and what depends on that, as well.
	Cascade bool `json:"cascade,omitempty"`
}

// RenameSchema gives a schema another name.
type RenameSchema struct {
	Name string `json:"name"`
	To   string `json:"to"`
}

// CommentOnSchema sets the comment of a schema; "" removes it.
type CommentOnSchema struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (*CreateSchema) command()    {}
func (*DropSchemas) command()     {}
func (*RenameSchema) command()    {}
func (*CommentOnSchema) command() {}

// publicSchema is the schema that a new cluster has.
var publicSchema = &Schema{ID: PublicSchemaID, Name: DefaultSchema, Comment: "standard public schema"}

// Schemas returns the schemas that hold users' objects, in the order of their IDs.
func (s *Snapshot) Schemas() []*Schema { return s.schemas }

// Schema returns the schema with a name, or nil.
func (s *Snapshot) Schema(name string) *Schema {
	for _, schema := range s.schemas {
		if schema.Name == name {
			return schema
		}
	}
	return nil
}

// SchemaByID returns the schema with an ID, or nil.
func (s *Snapshot) SchemaByID(id ObjectID) *Schema {
	for _, schema := range s.schemas {
		if schema.ID == id {
			return schema
		}
	}
	return nil
}

// SchemaID returns the ID of a schema that holds users' objects, 0 where there is none
// of that name.
func (s *Snapshot) SchemaID(name string) ObjectID {
	if schema := s.Schema(name); schema != nil {
		return schema.ID
	}
	return 0
}

// InSchema returns the streams, tables, views, sequences and types in a schema, in the order of
// their IDs, but for sequences that belong to a column.
func (s *Snapshot) InSchema(name string) []ObjectID {
	var ids []ObjectID
	for _, r := range s.relations {
		if r.Schema == name {
			ids = append(ids, r.ID)
		}
	}
	for _, v := range s.views {
		if v.Schema == name {
			ids = append(ids, v.ID)
		}
	}
	for _, q := range s.sequences {
		if q.Schema == name && q.Owner == 0 {
			ids = append(ids, q.ID)
		}
	}
	for _, t := range s.types {
		if t.Schema == name {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// noSchema is the error for a name that no schema has.
func noSchema(name string) error {
	return sqlerr.New(sqlerr.InvalidSchemaName, -1, "schema %q does not exist", name)
}

func applyCreateSchema(s *Snapshot, c *CreateSchema, result *Result) (*Snapshot, error) {
	if s.Schema(c.Name) != nil {
		if !c.IfNotExists {
			return nil, sqlerr.New(sqlerr.DuplicateSchema, -1, "schema %q already exists", c.Name)
		}
		result.Notices = append(result.Notices, Notice{
			Code: string(sqlerr.DuplicateSchema), Message: fmt.Sprintf("schema %q already exists, skipping", c.Name),
		})
		return nil, nil
	}
	if err := checkSchemaName(c.Name); err != nil {
		return nil, err
	}
	if c.Owner != 0 && s.Role(c.Owner) == nil {
		return nil, noRole(c.Owner)
	}
	next := s.edit()
	schema := &Schema{ID: next.nextID, Name: c.Name}
	next.nextID++
	next.schemas = inserted(slices.Clone(s.schemas), schema, func(x *Schema) ObjectID { return x.ID })
	if c.Owner != 0 {
		next.setAccess(&Access{Object: schema.ID, Owner: c.Owner, Default: true})
	}
	result.Created = append(result.Created, schema.ID)
	return next, nil
}

func checkSchemaName(name string) error {
	if name == "" {
		return sqlerr.New(sqlerr.InvalidName, -1, "a schema needs a name")
	}
	if len(name) > 2 && name[:3] == "pg_" || name == "information_schema" || name == "millrace" {
		return sqlerr.New(sqlerr.ReservedName, -1, "unacceptable schema name %q", name).
			WithDetail("The prefix \"pg_\" and the names information_schema and millrace are reserved for system schemas.")
	}
	return nil
}

func applyDropSchemas(s *Snapshot, c *DropSchemas, result *Result) (*Snapshot, error) {
	var named []dependant
	for _, name := range c.Names {
		schema := s.Schema(name)
		switch {
		case schema == nil && c.IfExists:
			result.Notices = append(result.Notices, Notice{Message: fmt.Sprintf("schema %q does not exist, skipping", name)})
		case schema == nil:
			return nil, noSchema(name)
		case !slices.ContainsFunc(named, func(d dependant) bool { return d.id == schema.ID }):
			named = append(named, dependant{id: schema.ID})
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	found, err := s.toDrop(named, len(c.Names), c.Cascade, result)
	if err != nil {
		return nil, err
	}
	next := s.edit()
	for _, d := range found {
		if q := s.Sequence(d.id); q != nil {
			next.dropDefaults(q)
		}
	}
	next.drop(found, result)
	next.keepShared(s)
	for _, d := range found {
		if t := s.DataType(d.id); t != nil {
			if users := next.TypeUsers(t.ID); len(users) > 0 {
				return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "DROP SCHEMA with CASCADE is not supported where objects of other schemas depend on its types").
					WithDetail("%s depends on type %s", users[0].What, t.Type).WithHint("Drop these first.")
			}
		}
	}
	return next, nil
}

func applyRenameSchema(s *Snapshot, c *RenameSchema) (*Snapshot, error) {
	old := s.Schema(c.Name)
	if old == nil {
		return nil, noSchema(c.Name)
	}
	if s.Schema(c.To) != nil {
		return nil, sqlerr.New(sqlerr.DuplicateSchema, -1, "schema %q already exists", c.To)
	}
	if err := checkSchemaName(c.To); err != nil {
		return nil, err
	}
	for _, t := range s.types {
		if t.Schema == c.Name {
			return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "a schema with types cannot be renamed").
				WithDetail("Type %q is in schema %q.", t.Name, c.Name)
		}
	}
	next := s.edit()
	renamed := *old
	renamed.Name = c.To
	next.schemas = slices.Clone(s.schemas)
	next.schemas[slices.Index(s.schemas, old)] = &renamed
	for _, r := range s.relations {
		if r.Schema == c.Name {
			next.moveRelation(r, c.To)
		}
	}
	for _, v := range s.views {
		if v.Schema == c.Name {
			moved := *v
			moved.moveTo(c.To, moved.Name, next.version)
			next.replaceView(&moved)
		}
	}
	for _, q := range s.sequences {
		if q.Schema == c.Name {
			moved := *q
			moved.Schema = c.To
			next.replaceSequence(&moved)
		}
	}
	return next, nil
}

// moveRelation puts a relation, with its indexes, into another schema.
func (s *Snapshot) moveRelation(r *Relation, schema string) {
	moved := *r
	moved.Schema = schema
	moved.FormerNames = renamedIn(r.FormerNames, Name{r.Schema, r.Name}, Name{schema, r.Name}, s.version)
	s.replaceRelation(&moved)
	s.moveIndexes(r.ID, schema)
}

// moveIndexes puts the indexes of a relation into another schema.
func (s *Snapshot) moveIndexes(table ObjectID, schema string) {
	for n, i := range s.indexes {
		if i.Table == table && i.Schema != schema {
			moved := *i
			moved.Schema = schema
			s.indexes[n] = &moved
		}
	}
}

// moveOwned puts the sequences that the columns of a relation own into another schema.
func (s *Snapshot) moveOwned(table ObjectID, schema string) {
	for n, q := range s.sequences {
		if q.Owner == table && q.Schema != schema {
			moved := *q
			moved.Schema = schema
			s.sequences[n] = &moved
		}
	}
}

// nameTakenIn is the error for a name that is taken where an object is to go.
func nameTakenIn(old, is Name) error {
	if old.Schema == is.Schema {
		return nameTaken(is.Name)
	}
	return sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists in schema %q", is.Name, is.Schema)
}

// checkMove refuses another name or schema for a relation where it is taken, or in the
// other schema that of an index or sequence which goes along.
func (s *Snapshot) checkMove(r *Relation, to Name) error {
	from := Name{r.Schema, r.Name}
	if s.NameTaken(to.Schema, to.Name) {
		return nameTakenIn(from, to)
	}
	if from.Schema == to.Schema {
		return nil
	}
	var along []string
	for _, i := range s.IndexesOf(r.ID) {
		along = append(along, i.Name)
	}
	if key := r.PrimaryKey(); key != nil {
		along = append(along, key.Name)
	}
	for _, q := range s.sequences {
		if q.Owner == r.ID {
			along = append(along, q.Name)
		}
	}
	for _, name := range along {
		if s.NameTaken(to.Schema, name) {
			return nameTakenIn(from, Name{to.Schema, name})
		}
	}
	return nil
}

// moveTo gives a view another schema and name, and keeps those that it had.
func (v *View) moveTo(schema, name string, version uint64) {
	v.FormerNames = renamedIn(v.FormerNames, Name{v.Schema, v.Name}, Name{schema, name}, version)
	v.Schema, v.Name = schema, name
}

func applyCommentOnSchema(s *Snapshot, c *CommentOnSchema) (*Snapshot, error) {
	old := s.Schema(c.Name)
	if old == nil {
		return nil, noSchema(c.Name)
	}
	next := s.edit()
	changed := *old
	changed.Comment = c.Text
	next.schemas = slices.Clone(s.schemas)
	next.schemas[slices.Index(s.schemas, old)] = &changed
	return next, nil
}

// schemaRecord is a schema on disk.
type schemaRecord struct {
	ID      ObjectID `json:"id"`
	Name    string   `json:"name"`
	Comment string   `json:"comment,omitempty"`
}

func newSchemaRecords(s *Snapshot) []schemaRecord {
	records := []schemaRecord{}
	for _, schema := range s.schemas {
		records = append(records, schemaRecord(*schema))
	}
	return records
}

// schemasOf reads schemas, which must be in the order of their IDs and have names of
// their own.
func schemasOf(records []schemaRecord) ([]*Schema, error) {
	var list []*Schema
	for _, r := range records {
		schema := Schema(r)
		if slices.ContainsFunc(list, func(other *Schema) bool { return other.ID >= schema.ID || other.Name == schema.Name }) {
			return nil, corrupt("damaged catalog record: schema %q", schema.Name)
		}
		list = append(list, &schema)
	}
	return list, nil
}

// schemaCommandKind names the kind of a command about schemas, "" for others. These
// commands are their own records.
func schemaCommandKind(command Command) string {
	switch command.(type) {
	case *CreateSchema:
		return "create_schema"
	case *DropSchemas:
		return "drop_schemas"
	case *RenameSchema:
		return "rename_schema"
	case *CommentOnSchema:
		return "comment_on_schema"
	default:
		return ""
	}
}

// decodeSchemaCommand reads a command about schemas; nil for other kinds.
func decodeSchemaCommand(kind string, body json.RawMessage) (Command, error) {
	var c Command
	switch kind {
	case "create_schema":
		c = &CreateSchema{}
	case "drop_schemas":
		c = &DropSchemas{}
	case "rename_schema":
		c = &RenameSchema{}
	case "comment_on_schema":
		c = &CommentOnSchema{}
	default:
		return nil, nil
	}
	return c, unmarshal(body, c)
}
