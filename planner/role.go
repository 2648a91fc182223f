package planner

import (
	"math"
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// postgresEpochMicros is where timestamps count from, in microseconds since the Unix
// epoch.
const postgresEpochMicros = 946_684_800_000_000

// roleBinder binds CREATE ROLE and ALTER ROLE.
type roleBinder struct {
	env     *Environment
	options catalog.RoleOptions
	notices []catalog.Notice
	// inRoles, members and admins are the lists of CREATE ROLE.
	inRoles, members, admins []catalog.ObjectID
}

// actingRole is the ID of the role that runs the statement.
func (env *Environment) actingRole() catalog.ObjectID {
	if env.Role == 0 {
		return catalog.SuperuserID
	}
	return env.Role
}

// role finds a role by its name or as the current one.
func (env *Environment) role(name ast.Identifier) (*catalog.Role, error) {
	wanted := name.Value
	switch wanted {
	case "current_user", "current_role":
		if r := env.Catalog.Role(env.actingRole()); r != nil {
			return r, nil
		}
	case "session_user":
		wanted = env.SessionUser
	}
	if r := env.Catalog.RoleByName(wanted); r != nil {
		return r, nil
	}
	return nil, sqlerr.New(sqlerr.UndefinedObject, name.Pos(), "role %q does not exist", wanted)
}

func (env *Environment) roles(names []ast.Identifier) ([]catalog.ObjectID, error) {
	ids := make([]catalog.ObjectID, len(names))
	for i, name := range names {
		r, err := env.role(name)
		if err != nil {
			return nil, err
		}
		ids[i] = r.ID
	}
	return ids, nil
}

// maySetUpRoles checks that the role may make, change and drop roles, or superusers.
func (env *Environment) maySetUpRoles(superusers bool, verb string) error {
	role := env.actingRole()
	if env.Catalog.IsSuperuser(role) {
		return nil
	}
	if superusers {
		return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be superuser to %s superusers", verb)
	}
	if r := env.Catalog.Role(role); r != nil && r.CreateRole {
		return nil
	}
	return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied to %s role", verb)
}

func planCreateRole(env *Environment, s *ast.CreateRole) (*plan.DDL, error) {
	rb := &roleBinder{env: env}
	if s.Word == "user" {
		rb.options.Login = new(true)
	}
	if err := rb.read(s.Options); err != nil {
		return nil, err
	}
	if err := env.maySetUpRoles(rb.options.Superuser != nil && *rb.options.Superuser, "create"); err != nil {
		return nil, err
	}
	command := &catalog.CreateRole{
		Name: s.Name.Value, Options: rb.options, InRoles: rb.inRoles, Members: rb.members, Admins: rb.admins, Grantor: env.actingRole(),
	}
	return &plan.DDL{Command: command, Tag: "CREATE ROLE", Notices: rb.notices}, nil
}

func planAlterRole(env *Environment, s *ast.AlterRole) (*plan.DDL, error) {
	switch {
	case s.Set != nil:
		return nil, notSupported(s.Pos(), "settings of roles are not supported").
			WithHint("Set them in the session, or in the client's connection string: options=-c name=value.")
	case s.All:
		return nil, notSupported(s.Pos(), "ALTER ROLE ALL is not supported")
	}
	role, err := env.role(s.Name)
	if err != nil {
		return nil, err
	}
	rb := &roleBinder{env: env}
	if err := rb.read(s.Options); err != nil {
		return nil, err
	}
	if rb.inRoles != nil || rb.members != nil || rb.admins != nil {
		return nil, notSupported(s.Pos(), "ALTER ROLE does not change memberships").WithHint("Use GRANT and REVOKE.")
	}
	command := &catalog.AlterRole{Role: role.ID, Options: rb.options}
	if s.RenameTo != nil {
		command.RenameTo = s.RenameTo.Value
	}
	// Everybody may change their own password.
	o := rb.options
	o.Verifier = nil
	own := role.ID == env.actingRole() && s.RenameTo == nil && o == catalog.RoleOptions{}
	if !own {
		if err := env.maySetUpRoles(role.Superuser || rb.options.Superuser != nil, "alter"); err != nil {
			return nil, err
		}
	}
	return &plan.DDL{Command: command, Tag: "ALTER ROLE", Notices: rb.notices}, nil
}

func planDropRoles(env *Environment, s *ast.Drop) (*plan.DDL, error) {
	command := &catalog.DropRoles{}
	ddl := &plan.DDL{Command: command, Tag: "DROP ROLE"}
	superusers := false
	for _, name := range s.Names {
		role, err := env.role(ast.Identifier{Span: name.Span, Value: name.Last()})
		switch {
		case err != nil && s.IfExists:
			ddl.Notices = append(ddl.Notices, catalog.Notice{Message: "role " + quoted(name.Last()) + " does not exist, skipping"})
		case err != nil:
			return nil, err
		case role.ID == env.actingRole():
			return nil, sqlerr.New(sqlerr.ObjectInUse, name.Pos(), "current user cannot be dropped")
		default:
			command.Roles = append(command.Roles, role.ID)
			superusers = superusers || role.Superuser
		}
	}
	return ddl, env.maySetUpRoles(superusers, "drop")
}

// attribute returns the attribute with a name, which stands for itself or has "no" in
// front; nil for what is none.
func (rb *roleBinder) attribute(name string) **bool {
	o := &rb.options
	return map[string]**bool{
		"superuser": &o.Superuser, "createrole": &o.CreateRole, "createdb": &o.CreateDatabase, "login": &o.Login,
		"replication": &o.Replication, "bypassrls": &o.BypassRowSecurity, "inherit": &o.Inherit,
	}[name]
}

// read reads the options; each may be given once.
func (rb *roleBinder) read(options []*ast.Option) error {
	var seen []string
	for _, option := range options {
		name := strings.TrimPrefix(option.Name, "no")
		if slices.Contains(seen, name) {
			return sqlerr.New(sqlerr.SyntaxError, option.Pos(), "conflicting or redundant options")
		}
		seen = append(seen, name)
		if attribute := rb.attribute(name); attribute != nil {
			*attribute = new(name == option.Name)
			continue
		}
		if err := rb.option(option); err != nil {
			return err
		}
	}
	return nil
}

func (rb *roleBinder) option(o *ast.Option) error {
	switch o.Name {
	case "password":
		return rb.password(o)
	case "connection limit":
		text, err := optionText(o)
		if err != nil {
			return err
		}
		limit, err := types.ParseText(types.Int4, text, types.DefaultFormat())
		if err != nil || limit.Int < -1 {
			return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "invalid connection limit: %s", text)
		}
		rb.options.ConnectionLimit = new(int(limit.Int))
		return nil
	case "valid until":
		text, err := optionText(o)
		if err != nil {
			return err
		}
		until, err := types.ParseText(types.TimestampTZ, text, newBinder(rb.env, modePull).format())
		if err != nil {
			return sqlerr.From(err).At(o.Pos())
		}
		rb.options.ValidUntil = new(int64(catalog.NoExpiry))
		if until.Int != math.MaxInt64 {
			rb.options.ValidUntil = new(until.Int + postgresEpochMicros)
		}
		return nil
	}
	list, err := rb.env.roles(roleNames(o.Value))
	switch o.Name {
	case "in role":
		rb.inRoles = list
	case "role", "user":
		rb.members = list
	case "admin":
		rb.admins = list
	}
	return err
}

// password reads PASSWORD 'text' and PASSWORD NULL.
func (rb *roleBinder) password(o *ast.Option) error {
	literal, given := o.Value.(*ast.StringLiteral)
	switch {
	case !given:
		rb.options.Verifier = new("")
		return nil
	case literal.Value == "":
		rb.options.Verifier = new("")
		rb.notices = append(rb.notices, catalog.Notice{Message: "empty string is not a valid password, clearing password"})
		return nil
	case rb.env.Verifier == nil:
		return notSupported(o.Pos(), "passwords are not supported here")
	}
	verifier, err := rb.env.Verifier(literal.Value)
	rb.options.Verifier = &verifier
	return err
}

// roleNames are the names in the value of an option.
func roleNames(value ast.Expr) []ast.Identifier {
	list, ok := value.(*ast.List)
	if !ok {
		return nil
	}
	var names []ast.Identifier
	for _, item := range list.Items {
		if word, ok := item.(*ast.Word); ok {
			names = append(names, ast.Identifier{Span: word.Span, Value: word.Value})
		}
	}
	return names
}
