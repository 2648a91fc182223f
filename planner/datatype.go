package planner

import (
	"slices"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// planCreateType plans CREATE TYPE: an enum, a composite type, or KSQL's name for a
// struct, which is a composite type.
func planCreateType(env *Environment, s *ast.CreateType) (*plan.DDL, error) {
	b := newBinder(env, modePull)
	name, err := b.newName(s.Name)
	if err != nil {
		return nil, err
	}
	t := types.Type{Kind: types.KindStruct, Mod: -1}
	switch s.Kind {
	case ast.EnumType:
		named, err := enumLabels(name, s.Labels)
		if err != nil {
			return nil, err
		}
		t = types.EnumOf(named)
	case ast.CompositeType:
		if t.Fields, err = b.structFields(s.Attributes); err != nil {
			return nil, err
		}
	case ast.AliasType:
		alias, err := b.typeName(s.Type)
		if err != nil {
			return nil, err
		}
		if alias.Kind != types.KindStruct || alias.Named != nil {
			return nil, notSupported(s.Type.Pos(), "CREATE TYPE as another name of type %s is not supported", alias).
				WithHint("CREATE TYPE … AS ENUM, AS (name type, …) and AS STRUCT<name type, …> make types.")
		}
		t.Fields = alias.Fields
	default:
		return nil, notSupported(s.Pos(), "CREATE TYPE without a definition is not supported").
			WithHint("CREATE TYPE … AS ENUM, AS (name type, …) and AS STRUCT<name type, …> make types.")
	}
	command := &catalog.CreateType{
		Type: catalog.DataType{Schema: name.Schema, Name: name.Name, Type: t}, IfNotExists: s.IfNotExists,
	}
	return &plan.DDL{Command: command, Tag: "CREATE TYPE"}, nil
}

func enumLabels(name catalog.Name, labels []*ast.StringLiteral) (*types.Named, error) {
	named := &types.Named{Schema: name.Schema, Name: name.Name}
	for _, l := range labels {
		if err := checkLabel(l.Value, l.Pos()); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(named.Labels, func(other types.EnumLabel) bool { return other.Label == l.Value }) {
			return nil, sqlerr.New(sqlerr.UniqueViolation, l.Pos(), "enum label %q used more than once", l.Value)
		}
		var err error
		if named, err = named.WithLabel(len(named.Labels), types.EnumLabel{Label: l.Value}); err != nil {
			return nil, err
		}
	}
	return named, nil
}

func checkLabel(label string, pos int) error {
	if len(label) > types.MaxEnumLabel {
		return sqlerr.New(sqlerr.InvalidName, pos, "invalid enum label \"%s\"", label).
			WithDetail("Labels must be %d bytes or less.", types.MaxEnumLabel)
	}
	return nil
}

// planAlterType plans ALTER TYPE of an enum, and what every type can be given.
func planAlterType(env *Environment, s *ast.AlterObject) (*plan.DDL, error) {
	b := newBinder(env, modePull)
	old, err := b.ownedType(s.Name)
	if err != nil {
		return nil, err
	}
	ddl := &plan.DDL{Tag: "ALTER TYPE"}
	if action, ok := s.Action.(*ast.OwnerTo); ok {
		return env.ownerTo(action, old.ID, old.Schema, ddl.Tag)
	}
	next := *old
	switch action := s.Action.(type) {
	case *ast.RenameTo:
		if err := b.checkUnmentioned(old, "rename", s.Pos()); err != nil {
			return nil, err
		}
		next.Name = action.Name.Value
	case *ast.AddEnumValue:
		if !old.IsEnum() {
			return nil, errNotEnum(old, s.Name.Pos())
		}
		if next.Type.Named, err = addLabel(old.Type.Named, action, ddl); err != nil {
			return nil, err
		}
	case *ast.RenameEnumValue:
		if !old.IsEnum() {
			return nil, errNotEnum(old, s.Name.Pos())
		}
		if next.Type.Named, err = renameLabel(old.Type.Named, action); err != nil {
			return nil, err
		}
		if err := b.checkUnmentioned(old, "rename a value of", s.Pos()); err != nil {
			return nil, err
		}
	default:
		return nil, notSupported(s.Pos(), "this form of ALTER TYPE is not supported").
			WithHint("ALTER TYPE can ADD VALUE, RENAME VALUE, RENAME TO and OWNER TO.")
	}
	ddl.Command = &catalog.AlterType{Type: next, Base: old.Changed}
	return ddl, nil
}

func commentOnType(env *Environment, name *ast.Name, text string) (*plan.DDL, error) {
	t, err := newBinder(env, modePull).ownedType(name)
	if err != nil {
		return nil, err
	}
	next := *t
	next.Comment = text
	return &plan.DDL{Command: &catalog.AlterType{Type: next, Base: t.Changed}, Tag: "COMMENT"}, nil
}

func errNotEnum(t *catalog.DataType, pos int) error {
	return sqlerr.New(sqlerr.WrongObjectType, pos, "%s is not an enum", t.Type)
}

func labelNumber(n *types.Named, label string) int {
	return slices.IndexFunc(n.Labels, func(l types.EnumLabel) bool { return l.Label == label })
}

func errNoLabel(label string, pos int) error {
	return sqlerr.New(sqlerr.InvalidParameterValue, pos, "\"%s\" is not an existing enum label", label)
}

func addLabel(n *types.Named, action *ast.AddEnumValue, ddl *plan.DDL) (*types.Named, error) {
	if err := checkLabel(action.Label, action.Pos()); err != nil {
		return nil, err
	}
	if labelNumber(n, action.Label) >= 0 {
		message := "enum label \"" + action.Label + "\" already exists"
		if !action.IfNotExists {
			return nil, sqlerr.New(sqlerr.DuplicateObject, action.Pos(), "%s", message)
		}
		ddl.Notices = append(ddl.Notices, catalog.Notice{Code: string(sqlerr.DuplicateObject), Message: message + ", skipping"})
		return n, nil
	}
	at := len(n.Labels)
	if action.Place != "" {
		if at = labelNumber(n, action.Neighbor); at < 0 {
			return nil, errNoLabel(action.Neighbor, action.Pos())
		}
		if action.Place == "after" {
			at++
		}
	}
	return n.WithLabel(at, types.EnumLabel{Label: action.Label})
}

func renameLabel(n *types.Named, action *ast.RenameEnumValue) (*types.Named, error) {
	if err := checkLabel(action.New, action.Pos()); err != nil {
		return nil, err
	}
	at := labelNumber(n, action.Old)
	if at < 0 {
		return nil, errNoLabel(action.Old, action.Pos())
	}
	if labelNumber(n, action.New) >= 0 {
		return nil, sqlerr.New(sqlerr.DuplicateObject, action.Pos(), "enum label \"%s\" already exists", action.New)
	}
	next := *n
	next.Labels = slices.Clone(n.Labels)
	next.Labels[at].Label = action.New
	return &next, nil
}

// checkUnmentioned refuses to rename what may stand in stored text: that of views and
// queries, and of defaults and constraints of tables with columns of the type.
func (b *binder) checkUnmentioned(t *catalog.DataType, verb string, pos int) error {
	refuse := func(what string) error {
		return notSupported(pos, "cannot %s type %s, which %s may mention", verb, t.Type, what).
			WithHint("Drop that first, and create it anew.")
	}
	for _, user := range b.env.Catalog.TypeUsers(t.ID) {
		if user.Mentions {
			return refuse(user.What)
		}
	}
	for _, r := range b.env.Catalog.Relations() {
		mentions := false
		for i := range r.Columns {
			c := &r.Columns[i]
			mentions = mentions || !c.Dropped && catalog.UsesType(c.Type, t.ID) && (c.Default != "" || c.Generated != "")
		}
		for i := range r.Constraints {
			for _, column := range r.Constraints[i].Columns {
				mentions = mentions || r.Constraints[i].Expression != "" && catalog.UsesType(r.Columns[column].Type, t.ID)
			}
		}
		if mentions {
			return refuse("a default or constraint of " + r.Kind.String() + " " + r.Name)
		}
	}
	return nil
}

// ownedType returns a type that CREATE TYPE made, which the role must own.
func (b *binder) ownedType(name *ast.Name) (*catalog.DataType, error) {
	target, err := b.targetName(name)
	if err != nil {
		return nil, err
	}
	t := b.env.Catalog.LookupType(target.Schema, target.Name)
	if t == nil {
		return nil, sqlerr.New(sqlerr.UndefinedObject, name.Pos(), "type %q does not exist", target.String())
	}
	b.env.need(demand{object: t.ID, kind: "type", name: t.Name})
	return t, nil
}

func planDropTypes(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	command := &catalog.DropTypes{IfExists: s.IfExists, Cascade: s.Behavior == ast.Cascade}
	b := newBinder(env, modePull)
	for _, n := range s.Names {
		name, err := b.targetName(n)
		if err != nil {
			return nil, err
		}
		if t := env.Catalog.LookupType(name.Schema, name.Name); t != nil {
			env.need(demand{object: t.ID, kind: "type", name: t.Name})
		}
		command.Names = append(command.Names, name)
	}
	return &plan.DDL{Command: command, Tag: "DROP TYPE"}, nil
}

// createdType finds a type that CREATE TYPE made by its name, of arrays where it begins
// with an underscore, and notes that the statement mentions it.
func (b *binder) createdType(schemas []string, name string) (types.Type, bool) {
	snapshot := b.env.Catalog.Present()
	for _, schema := range schemas {
		if t := snapshot.LookupType(schema, name); t != nil {
			b.addType(t.Type)
			return t.Type, true
		}
	}
	if name != "" && name[0] == '_' {
		if t, ok := b.createdType(schemas, name[1:]); ok {
			return types.ArrayOf(t), true
		}
	}
	return types.Type{}, false
}

// addType notes the types of CREATE TYPE that a type is made of.
func (b *binder) addType(t types.Type) {
	// Nothing fails here.
	_, _ = t.ReplaceNamed(func(n *types.Named) (types.Type, error) {
		if id := catalog.ObjectID(n.ID); !slices.Contains(b.types, id) {
			b.types = append(b.types, id)
		}
		return types.Type{}, nil
	})
}
