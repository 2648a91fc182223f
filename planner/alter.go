package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// alterBinder binds one ALTER TABLE or STREAM. Its actions change a copy of the
// descriptor one after the other; what they ask of the rows, and whether these
// must be stored anew, is gathered on the way and planned at the end, over the
// rows as they are to be.
type alterBinder struct {
	*binder
	plan *plan.Alter
	// old is the relation as it is, next as it is to be.
	old, next *catalog.Relation
	// values are the values of columns that are computed from the old row, by
	// number: of columns with another type, and of added ones.
	values map[int]expr.Expr
	// row is the old row, which expressions of USING are about.
	row *fromItem
	// retyped are the columns that get another type.
	retyped []int
	// rewrite says that rows must be stored anew.
	rewrite bool
	// checks are the conditions that rows must meet, over the new row.
	checks []rowCondition
}

// rowCondition is what no row may be, and the error if one is.
type rowCondition struct {
	violated  ast.Expr
	violation *sqlerr.Error
}

// planAlter plans ALTER TABLE and ALTER STREAM.
func planAlter(env *Environment, s *ast.AlterRelation) (plan.Statement, error) {
	if s.Kind == ast.ObjectIndex {
		return planned(planAlterIndex(env, s))
	}
	if sequence, err := planAlterTableSequence(env, s); sequence != nil || err != nil {
		return sequence, err
	}
	out := &plan.Alter{Tag: "ALTER " + strings.ToUpper(string(s.Kind))}
	ab := &alterBinder{binder: newBinder(env, modePull), plan: out, values: map[int]expr.Expr{}}
	switch s.Kind {
	case ast.ObjectTable, ast.ObjectStream, ast.ObjectMaterializedView:
		if v, err := ab.view(s.Table.Name); s.Kind == ast.ObjectTable && (v != nil || err != nil) {
			if err != nil {
				return nil, err
			}
			return planned(planAlterView(env, s, v))
		}
	case ast.ObjectView:
		v, err := ab.view(s.Table.Name)
		if err != nil {
			return nil, err
		}
		if v != nil {
			return planned(planAlterView(env, s, v))
		}
	default:
		return nil, notSupported(s.Pos(), "ALTER %s is not supported", strings.ToUpper(string(s.Kind)))
	}
	found, err := ab.findTarget(s)
	if err != nil || !found {
		return out, err
	}
	if owner, alone := s.Actions[0].(*ast.OwnerTo); alone && len(s.Actions) == 1 {
		return planned(ab.env.ownerTo(owner, ab.old.ID, ab.old.Schema, out.Tag))
	}
	next := *ab.old
	next.Columns, next.Key = slices.Clone(next.Columns), slices.Clone(next.Key)
	next.Constraints = slices.Clone(next.Constraints)
	ab.next = &next
	if err := ab.bindRow(s.Table); err != nil {
		return nil, err
	}
	actions := slices.Clone(s.Actions)
	slices.SortStableFunc(actions, func(x, y ast.AlterAction) int { return actionPass(x) - actionPass(y) })
	out.Command = &catalog.AlterRelation{Base: ab.old.Changed}
	for _, action := range actions {
		if err := ab.action(action); err != nil {
			return nil, sqlerr.From(err).At(action.Pos())
		}
	}
	out.DropIndexes = out.Command.DropIndexes
	if err := ab.finish(); err != nil {
		return nil, err
	}
	return out, nil
}

// findTarget finds the relation and checks that the actions may be done to it.
func (ab *alterBinder) findTarget(s *ast.AlterRelation) (found bool, err error) {
	name := s.Table.Name
	r, err := ab.relation(name)
	if err != nil {
		return false, err
	}
	if r == nil {
		if table := ab.systemTableNamed(name); table != "" {
			return false, sqlerr.New(sqlerr.InsufficientPrivilege, name.Pos(), "permission denied: %q is a system catalog", table)
		}
		if !s.IfExists {
			return false, ab.undefinedTable(name)
		}
		ab.notice("", "relation %q does not exist, skipping", strings.Join(name.Parts, "."))
		return false, nil
	}
	if s.Kind == ast.ObjectView {
		return false, sqlerr.New(sqlerr.WrongObjectType, -1, "%q is not a view", r.Name)
	}
	want := catalog.KindTable
	if s.Kind == ast.ObjectStream {
		want = catalog.KindStream
	}
	if r.Kind != want {
		return false, sqlerr.New(sqlerr.WrongObjectType, name.Pos(), "%q is not a %s", r.Name, want).
			WithHint("Use ALTER %s for a %s.", strings.ToUpper(r.Kind.String()), r.Kind)
	}
	if r.Derived() && slices.ContainsFunc(s.Actions, func(a ast.AlterAction) bool { return !allowedOnDerived(a) }) {
		return false, sqlerr.New(sqlerr.WrongObjectType, s.Actions[0].Pos(), "cannot alter %s %q in this way", r.Kind, r.Name).
			WithDetail("A continuous query writes the %s.", r.Kind).
			WithHint("It can be renamed, and options can be changed. For other columns drop it and create it again.")
	}
	ab.env.needOwner(r)
	ab.plan.Target, ab.old = r, r
	return true, nil
}

// allowedOnDerived reports whether an action does not touch what a query writes.
func allowedOnDerived(action ast.AlterAction) bool {
	switch action.(type) {
	case *ast.RenameTo, *ast.OwnerTo, *ast.SetSchema, *ast.SetOptions:
		return true
	default:
		return false
	}
}

// systemTableNamed returns the name of the system table that a name means, or "".
func (b *binder) systemTableNamed(name *ast.Name) string {
	if b.env.System == nil {
		return ""
	}
	schema := name.Schema()
	if schema == "" {
		schema = "pg_catalog"
	}
	if t := b.env.System.Lookup(schema, name.Last()); t != nil {
		return t.Name
	}
	return ""
}

func (ab *alterBinder) notice(code sqlerr.Code, format string, args ...any) {
	message := sqlerr.New(code, -1, format, args...).Message
	ab.plan.Notices = append(ab.plan.Notices, catalog.Notice{Code: string(code), Message: message})
}

// bindRow makes the old row what USING can speak of.
func (ab *alterBinder) bindRow(table *ast.TableName) error {
	ab.addSource(ab.old)
	bare := *table
	bare.Alias = nil
	var err error
	ab.row, err = ab.scan(ab.old, &bare, newScope(nil))
	return err
}

// actionPass orders the actions of one statement as PostgreSQL does: what is
// dropped makes room for what is added, and constraints see all columns.
func actionPass(action ast.AlterAction) int {
	switch a := action.(type) {
	case *ast.DropColumn, *ast.DropConstraint:
		return 0
	case *ast.AddColumn:
		return 2
	case *ast.AlterColumn:
		switch a.Kind {
		case ast.DropColumnDefault, ast.DropColumnNotNull, ast.DropColumnIdentity, ast.DropColumnExpression:
			return 0
		case ast.SetColumnType:
			return 1
		case ast.SetColumnDefault:
			return 5
		}
		return 3
	case *ast.AddConstraint:
		return 4
	default:
		return 6
	}
}

func (ab *alterBinder) action(action ast.AlterAction) error {
	switch a := action.(type) {
	case *ast.AddColumn:
		return ab.addColumn(a)
	case *ast.DropColumn:
		return ab.dropColumn(a)
	case *ast.AlterColumn:
		return ab.alterColumn(a)
	case *ast.AddConstraint:
		return ab.addConstraint(a)
	case *ast.DropConstraint:
		return ab.dropConstraint(a)
	case *ast.RenameTo:
		return ab.renameTo(a)
	case *ast.RenameMember:
		if a.Kind == ast.ObjectConstraint {
			return ab.renameConstraint(a)
		}
		return ab.renameColumn(a)
	case *ast.SetOptions:
		if ab.next.Kind == catalog.KindStream {
			return ab.setLifetime(a)
		}
		return checkStorageParameters(a)
	case *ast.OwnerTo:
		return notSupported(a.Pos(), "OWNER TO together with other actions is not supported").WithHint("Give it a statement of its own.")
	case *ast.SetSchema:
		return ab.setSchema(a)
	case *ast.ValidateConstraint:
		if ab.next.Constraint(a.Constraint.Value) == nil {
			return ab.noConstraint(a.Constraint.Value)
		}
		return nil
	case *ast.AlterFlag:
		return alterFlag(a)
	default:
		return notSupported(action.Pos(), "this action of ALTER is not supported")
	}
}

// renameTo gives the relation another name. The command looks whether it is free.
func (ab *alterBinder) renameTo(a *ast.RenameTo) error {
	if a.Name.Value == ab.old.Name {
		return sqlerr.New(sqlerr.DuplicateTable, -1, "relation %q already exists", a.Name.Value)
	}
	if err := ab.renameInChecks(-1, a.Name.Value); err != nil {
		return err
	}
	ab.next.Name = a.Name.Value
	return nil
}

func (ab *alterBinder) setSchema(a *ast.SetSchema) error {
	if a.Schema.Value == ab.next.Schema {
		return nil
	}
	if ab.env.Catalog.Schema(a.Schema.Value) == nil {
		return sqlerr.New(sqlerr.InvalidSchemaName, a.Schema.Pos(), "schema %q does not exist", a.Schema.Value)
	}
	ab.env.needCreate(a.Schema.Value)
	ab.next.Schema = a.Schema.Value
	return nil
}

// alterFlag takes the actions of fixed words that say what is so anyway.
func alterFlag(a *ast.AlterFlag) error {
	switch a.Words {
	case "set logged", "set without cluster", "set without oids", "disable row level security", "no force row level security":
		return nil
	default:
		return notSupported(a.Pos(), "ALTER TABLE … %s is not supported", strings.ToUpper(a.Words))
	}
}

// storageParameters are those of PostgreSQL's tables
// (https://www.postgresql.org/docs/15/sql-createtable.html#SQL-CREATETABLE-STORAGE-PARAMETERS).
// They tune its storage and mean nothing here.
var storageParameters = []string{
	"fillfactor", "toast_tuple_target", "parallel_workers", "vacuum_truncate", "vacuum_index_cleanup", "user_catalog_table",
	"log_autovacuum_min_duration",
	"autovacuum_enabled", "autovacuum_vacuum_threshold", "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_threshold",
	"autovacuum_vacuum_insert_scale_factor", "autovacuum_analyze_threshold", "autovacuum_analyze_scale_factor",
	"autovacuum_vacuum_cost_delay", "autovacuum_vacuum_cost_limit", "autovacuum_freeze_min_age", "autovacuum_freeze_max_age",
	"autovacuum_freeze_table_age", "autovacuum_multixact_freeze_min_age", "autovacuum_multixact_freeze_max_age",
	"autovacuum_multixact_freeze_table_age",
}

// isStorageParameter reports whether an option is one of PostgreSQL's storage
// parameters, those for the table's TOAST part among them.
func isStorageParameter(name string) bool {
	return slices.Contains(storageParameters, strings.TrimPrefix(strings.ToLower(name), "toast."))
}

// passStorageParameters leaves the storage parameters out of a table's options.
func passStorageParameters(list []*ast.Option, r *catalog.Relation) ([]*ast.Option, error) {
	if r.Kind != catalog.KindTable {
		return list, nil
	}
	var others []*ast.Option
	for _, o := range list {
		if !isStorageParameter(o.Name) {
			others = append(others, o)
		} else if err := checkFillfactor(o); err != nil {
			return nil, err
		}
	}
	return others, nil
}

func checkStorageParameters(a *ast.SetOptions) error {
	for _, o := range a.Options {
		if slices.Contains(relationOptionNames, strings.ToLower(o.Name)) {
			return notSupported(o.Pos(), "option %q cannot be changed", o.Name).WithHint("It is set when the relation is created.")
		}
		if !isStorageParameter(o.Name) {
			return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "unrecognized parameter %q", o.Name)
		}
		if err := checkFillfactor(o); err != nil {
			return err
		}
	}
	return nil
}

// checkFillfactor refuses a fill factor that PostgreSQL refuses.
func checkFillfactor(o *ast.Option) error {
	if !strings.EqualFold(o.Name, "fillfactor") || o.Value == nil {
		return nil
	}
	text, err := optionText(o)
	if err != nil {
		return err
	}
	factor, err := types.ParseText(types.Int4, text, types.DefaultFormat())
	if err != nil {
		return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "invalid value for integer option %q: %s", "fillfactor", text)
	}
	if factor.Int < 10 || factor.Int > 100 {
		return sqlerr.New(sqlerr.InvalidParameterValue, o.Pos(), "value %s out of bounds for option %q", text, "fillfactor").
			WithDetail("Valid values are between \"10\" and \"100\".")
	}
	return nil
}
