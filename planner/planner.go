// Package planner turns syntax trees into plans: it binds names and types
// against a catalog snapshot, rewrites the plan by a list of rules, and cuts
// continuous queries into stages. It touches no clock, file or network, and
// the same input gives the same plan everywhere.
package planner

import (
	"time"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/types"
)

// Environment is what a statement is planned against.
type Environment struct {
	Catalog *catalog.Snapshot
	// System are the system tables; nil for none.
	System *systables.Registry
	// Database is the only database name that a qualified name may have.
	Database string
	// SearchPath are the schemas of unqualified names, in order; empty stands for
	// the default one. pg_catalog comes first where it is not named.
	SearchPath []string
	// Format holds the session's settings for reading and printing values; nil
	// for the defaults.
	Format *types.Format
	// ParamTypes are the types that the client gave for $1, $2 ...; Unknown for
	// those to be inferred.
	ParamTypes []types.Type
	// Settings are the session's settings that a continuous query keeps
	// (TimeZone, DateStyle, IntervalStyle, search_path).
	Settings []catalog.Option
	// User is what the session calls its current user, and SessionUser the role that
	// the client connected as.
	User, SessionUser string
	// Role is the role that runs the statement; 0 for one that may do everything.
	Role catalog.ObjectID
	// Verifier returns what the catalog keeps of a password; nil where there are
	// none.
	Verifier func(password string) (string, error)
	// demands gathers what the statement needs to be allowed; nil where everything is.
	demands *[]demand
	// viewOwner is, while the query of a view is bound, the role that owns the view,
	// which must be allowed what the query does.
	viewOwner catalog.ObjectID
	// Now is the wall clock, recorded as the time when a query was created.
	Now time.Time
}

// Plan plans a statement that reads or changes data or the catalog: SELECT,
// VALUES and TABLE, INSERT, UPDATE, DELETE, TRUNCATE, LOCK, COPY, CREATE, ALTER, DROP,
// COMMENT, VACUUM and its relatives, what operators ask of the cluster, TERMINATE, PAUSE, RESUME, SHOW and DESCRIBE of objects, EXPLAIN.
// Errors are *sqlerr.Error with the place in the text that the statement was
// parsed from.
//
// A statement that the role may not run is an error with SQLSTATE 42501.
func Plan(env *Environment, statement ast.Statement) (plan.Statement, error) {
	if env.Role == 0 {
		return planStatement(env, statement)
	}
	checked := *env
	checked.demands = &[]demand{}
	planned, err := planStatement(&checked, statement)
	if err != nil {
		return nil, err
	}
	return planned, checked.checkDemands()
}

func planStatement(env *Environment, statement ast.Statement) (plan.Statement, error) {
	switch s := statement.(type) {
	case *ast.Query:
		return planSelect(env, s)
	case *ast.Insert:
		if s.Source != nil && s.Source.Emit != nil {
			return planned(planInsertQuery(env, s))
		}
		return planChange(env, s.With, func(b *binder) (plan.Statement, error) { return planned(b.insert(s, nil)) })
	case *ast.Update:
		return planChange(env, s.With, func(b *binder) (plan.Statement, error) { return planned(b.update(s, nil)) })
	case *ast.Delete:
		return planChange(env, s.With, func(b *binder) (plan.Statement, error) { return planned(b.delete(s, nil)) })
	case *ast.Truncate:
		return planned(planTruncate(env, s))
	case *ast.Lock:
		return planned(planLock(env, s))
	case *ast.Copy:
		return planned(planCopy(env, s))
	case *ast.Explain:
		return planned(planExplain(env, s))
	case *ast.ShowObjects:
		return planned(planShow(env, s))
	case *ast.Describe:
		return planned(planDescribe(env, s))
	case *ast.CreateRelation:
		return planned(planCreate(env, s))
	case *ast.AlterRelation:
		if s.Kind == ast.ObjectSequence {
			return planned(planAlterSequence(env, s))
		}
		return planAlter(env, s)
	case *ast.CreateSchema:
		return planned(planCreateSchema(env, s))
	case *ast.CreateSequence:
		return planned(planCreateSequence(env, s))
	case *ast.CreateType:
		return planned(planCreateType(env, s))
	case *ast.AlterObject:
		if s.Kind == ast.ObjectType {
			return planned(planAlterType(env, s))
		}
		return planned(planAlterObject(env, s))
	case *ast.Drop:
		return planned(planDrop(env, s))
	case *ast.CreateView:
		return planned(planCreateView(env, s))
	case *ast.CreateIndex:
		return planned(planCreateIndex(env, s))
	case *ast.ControlQuery:
		return planned(planControl(env, s))
	case *ast.Comment:
		return planned(planComment(env, s))
	case *ast.CreateRole:
		return planned(planCreateRole(env, s))
	case *ast.AlterRole:
		return planned(planAlterRole(env, s))
	case *ast.Grant:
		return planned(planGrant(env, s))
	case *ast.AlterNode, *ast.DropNode, *ast.AlterShard, *ast.AlterCluster:
		return planned(planOperate(env, s))
	case *ast.Maintain, *ast.Cluster, *ast.Reindex, *ast.RefreshMaterializedView, *ast.Checkpoint:
		return planned(planMaintain(env, s))
	default:
		return nil, notSupported(statement.Pos(), "%s is not supported", statementName(statement))
	}
}

// planned turns a typed result into the interface without the trap of a nil
// pointer in it.
func planned[S plan.Statement](s S, err error) (plan.Statement, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// statementName is how errors call statements that cannot be planned.
func statementName(statement ast.Statement) string {
	switch statement.(type) {
	case *ast.CreateDatabase:
		return "CREATE DATABASE"
	case *ast.CreateExtension:
		return "CREATE EXTENSION"
	case *ast.AlterSystem:
		return "ALTER"
	case *ast.Print:
		return "PRINT"
	case *ast.Call:
		return "CALL"
	default:
		return "this statement"
	}
}
