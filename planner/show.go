package planner

import (
	"millrace/planner/plan"
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// showQueries are the SELECTs behind SHOW and LIST, plain and extended.
var showQueries = map[string][2]string{
	"streams": {
		`SELECT schema, name, key, partitions, query FROM millrace.streams ORDER BY 1, 2`,
		`SELECT schema, name, key, partitions, query, rowtime, retention, cleanup_policy, rows, bytes, last_rowtime, definition FROM millrace.streams ORDER BY 1, 2`,
	},
	"tables": {
		`SELECT schema, name, key, partitions, query FROM millrace.tables ORDER BY 1, 2`,
		`SELECT schema, name, key, partitions, query, rows, bytes, definition FROM millrace.tables ORDER BY 1, 2`,
	},
	"views": {
		`SELECT schema, name FROM millrace.views ORDER BY 1, 2`,
		`SELECT schema, name, definition, comment FROM millrace.views ORDER BY 1, 2`,
	},
	"queries": {
		`SELECT name, state, sink, sources, lag, late, error, text FROM millrace.queries ORDER BY 1`,
		`SELECT name, state, sink, sources, lag, rows, late, error, shards, created, text FROM millrace.queries ORDER BY 1`,
	},
	"functions": {
		`SELECT name, arguments, result, kind FROM millrace.functions WHERE kind <> 'operator' ORDER BY 1, 2`,
		`SELECT name, arguments, result, kind, volatility FROM millrace.functions WHERE kind <> 'operator' ORDER BY 1, 2`,
	},
	"properties": {
		`SELECT name, setting AS value, short_desc AS description FROM pg_catalog.pg_settings ORDER BY 1`,
		`SELECT name, setting AS value, boot_val AS "default", context, short_desc AS description FROM pg_catalog.pg_settings ORDER BY 1`,
	},
	"types": {
		`SELECT pg_catalog.format_type(oid, NULL) AS name, typname AS internal FROM pg_catalog.pg_type WHERE typelem = 0 AND typarray <> 0 ORDER BY 1`,
		`SELECT pg_catalog.format_type(oid, NULL) AS name, typname AS internal, oid, typlen AS size FROM pg_catalog.pg_type WHERE typelem = 0 AND typarray <> 0 ORDER BY 1`,
	},
	"nodes": {
		`SELECT id, address, cluster_address, state, locality, leads, votes, version FROM millrace.nodes ORDER BY 1`,
		`SELECT id, address, cluster_address, state, locality, leads, votes, version, joined, started, last_contact FROM millrace.nodes ORDER BY 1`,
	},
	"shards": {
		`SELECT shard, leader, voters, readers, state FROM millrace.shards ORDER BY 1`,
		`SELECT s.shard, s.leader, s.state, s.term, s.index, r.node, r.role, r.state AS replica_state, r.lag, r.bytes, r.seeded_bytes, r.seed_bytes, r.error
			FROM millrace.shards s LEFT JOIN millrace.replicas r ON r.shard = s.shard ORDER BY s.shard, r.node`,
	},
}

const (
	// Behind the columns stand the options: those that were given, or all.
	describeQuery = `SELECT "column", type, key, nullable, "default" FROM (
			SELECT position, name::text AS "column", type, key, nullable, "default"
			FROM millrace.columns WHERE relation = $1 AND NOT hidden
			UNION ALL
			SELECT NULL, 'WITH ' || name, setting, NULL, NULL, NULL FROM millrace.options WHERE relation = $1 AND given
		) AS described ORDER BY position, "column"`
	describeExtendedQuery = `SELECT "column", type, key, nullable, "default", hidden, comment FROM (
			SELECT position, name::text AS "column", type, key, nullable, "default", hidden, comment
			FROM millrace.columns WHERE relation = $1
			UNION ALL
			SELECT NULL, 'WITH ' || name, setting, NULL, NULL, NULL, NULL, NULL FROM millrace.options WHERE relation = $1
		) AS described ORDER BY position, "column"`
	describeFunctionQuery = `SELECT name, arguments, result, kind, volatility
		FROM millrace.functions WHERE name = $1 ORDER BY 2`
)

func planShow(env *Environment, s *ast.ShowObjects) (*plan.Query, error) {
	texts, ok := showQueries[s.Kind]
	if !ok {
		return nil, notSupported(s.Pos(), "SHOW %s is not supported", s.Kind)
	}
	text := texts[0]
	if s.Extended {
		text = texts[1]
	}
	return planTemplate(env, text)
}

func planDescribe(env *Environment, s *ast.Describe) (*plan.Query, error) {
	if s.Function {
		name := s.Name.Last()
		if len(expr.Overloads(name)) == 0 && !expr.IsAggregate(name) {
			return nil, sqlerr.New(sqlerr.UndefinedFunction, s.Name.Pos(), "function %q does not exist", name)
		}
		return planTemplate(env, describeFunctionQuery, parameter{types.Text, types.StringDatum(name)})
	}
	b := newBinder(env, modePull)
	oid, err := b.describedOID(s.Name)
	if err != nil {
		return nil, err
	}
	text := describeQuery
	if s.Extended {
		text = describeExtendedQuery
	}
	return planTemplate(env, text, parameter{types.OID, types.IntDatum(int64(oid))})
}

// describedOID finds a relation or a system table.
func (b *binder) describedOID(name *ast.Name) (uint32, error) {
	r, err := b.relation(name)
	if err != nil {
		return 0, err
	}
	if r != nil {
		return uint32(r.ID), nil
	}
	if v, err := b.view(name); v != nil || err != nil {
		if err != nil {
			return 0, err
		}
		return uint32(v.ID), nil
	}
	if b.env.System != nil {
		schema := name.Schema()
		if schema == "" {
			schema = "pg_catalog"
		}
		if t := b.env.System.Lookup(schema, name.Last()); t != nil {
			return t.OID, nil
		}
	}
	return 0, b.undefinedTable(name)
}

// parameter is a value for a statement of the planner's own.
type parameter struct {
	t     types.Type
	value types.Datum
}

// planTemplate plans a SELECT of the planner's own with values for its
// parameters.
func planTemplate(env *Environment, text string, parameters ...parameter) (*plan.Query, error) {
	statement, err := sql.ParseOne(text)
	if err != nil {
		return nil, err
	}
	own := *env
	own.ParamTypes = nil
	for _, p := range parameters {
		own.ParamTypes = append(own.ParamTypes, p.t)
	}
	b := newBinder(&own, modePull)
	bound, err := b.query(statement.(*ast.Query), nil, nil)
	if err != nil {
		return nil, err
	}
	bound.node, err = rewriteExprs(bound.node, func(e expr.Expr) (expr.Expr, error) {
		return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			if p, ok := e.(*expr.Param); ok {
				return &expr.Const{Node: expr.Node{ResultType: p.ResultType, Position: -1}, Value: parameters[p.Index].value}, nil
			}
			return e, nil
		})
	})
	if err != nil {
		return nil, err
	}
	q, err := b.finishQuery(bound)
	if err != nil {
		return nil, err
	}
	q.Params, q.Tag = nil, "SHOW"
	return q, nil
}
