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
	"millrace/sql/sqlerr"
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
	// Now is the wall clock, recorded as the time when a query was created.
	Now time.Time
}

// Plan plans a statement that reads or changes data or the catalog: SELECT,
// VALUES and TABLE, INSERT, COPY, CREATE, DROP, COMMENT, TERMINATE, PAUSE,
// RESUME, SHOW and DESCRIBE of objects, EXPLAIN. Errors are *sqlerr.Error with
// the place in the text that the statement was parsed from.
func Plan(env *Environment, statement ast.Statement) (plan.Statement, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, statement.Pos(), "this statement cannot be planned")
}

// PlanContinuous plans a continuous query of the catalog. The plan depends on
// the query and on the relations that it reads and writes alone, so that it is
// the same on every node and in every later version of the catalog.
func PlanContinuous(snapshot *catalog.Snapshot, query *catalog.Query) (*plan.Continuous, error) {
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, -1, "query %q cannot be planned", query.Name)
}
