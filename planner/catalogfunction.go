package planner

import (
	"millrace/sql"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/types"
)

// catalogFunction is a function whose value is in the system tables: a call of
// it is a subquery over them.
type catalogFunction struct {
	args []types.Type
	// text selects one value; $1, $2 … are the arguments.
	text string
	// member says that the value is whether the only argument is among those that
	// text selects, which then does not depend on it and runs once.
	member bool
}

// catalogFunctions are PostgreSQL's functions about the system catalog
// (https://www.postgresql.org/docs/15/functions-info.html), by name and number
// of arguments.
var catalogFunctions = map[string]map[int]catalogFunction{
	"pg_table_is_visible": {
		1: {args: []types.Type{types.OID}, member: true, text: `SELECT oid FROM (SELECT c.oid,
			row_number() OVER (PARTITION BY c.relname ORDER BY array_position(current_schemas(true), n.nspname)) AS place
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = ANY (current_schemas(true))) found WHERE place = 1`},
	},
	"obj_description": {
		1: {args: []types.Type{types.OID}, text: `SELECT description FROM (SELECT 0 AS rank, description FROM pg_catalog.pg_description WHERE objoid = $1 AND objsubid = 0
			UNION ALL SELECT 1, definition FROM millrace.definitions WHERE id = $1 AND kind = 'description') AS d ORDER BY rank LIMIT 1`},
		2: {args: []types.Type{types.OID, types.Name}, text: `SELECT description FROM (SELECT 0 AS rank, description FROM pg_catalog.pg_description WHERE objoid = $1 AND objsubid = 0
			AND classoid = CASE $2 WHEN 'pg_type' THEN 1247 WHEN 'pg_class' THEN 1259 WHEN 'pg_constraint' THEN 2606 WHEN 'pg_namespace' THEN 2615 END
			UNION ALL SELECT 1, definition FROM millrace.definitions WHERE id = $1 AND kind = 'description' AND $2 = 'pg_class') AS d ORDER BY rank LIMIT 1`},
	},
	"col_description": {
		2: {args: []types.Type{types.OID, types.Int4}, text: `SELECT description FROM pg_catalog.pg_description WHERE objoid = $1 AND objsubid = $2`},
	},
	"pg_get_indexdef": {
		1: {args: []types.Type{types.OID}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'index' AND number = 0`},
		3: {args: []types.Type{types.OID, types.Int4, types.Bool}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'index' AND number = $2`},
	},
	"pg_get_viewdef": {
		1: {args: []types.Type{types.OID}, text: viewDefinition},
		2: {args: []types.Type{types.OID, types.Bool}, text: viewDefinition + ` AND $2 IS NOT NULL`},
	},
	"pg_get_function_result": {
		1: {args: []types.Type{types.OID}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'function result'`},
	},
	"pg_get_function_arguments": {
		1: {args: []types.Type{types.OID}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'function arguments'`},
	},
	"pg_get_function_identity_arguments": {
		1: {args: []types.Type{types.OID}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'function arguments'`},
	},
	"pg_relation_size":       {1: {args: []types.Type{types.OID}, text: relationSize}},
	"pg_table_size":          {1: {args: []types.Type{types.OID}, text: relationSize}},
	"pg_total_relation_size": {1: {args: []types.Type{types.OID}, text: relationSize}},
	"pg_database_size": {
		1: {args: []types.Type{types.Name}, text: `SELECT coalesce(sum(bytes), 0)::bigint FROM millrace.partitions WHERE $1 IS NOT NULL`},
	},
	"pg_tablespace_location": {
		1: {args: []types.Type{types.OID}, text: `SELECT '' WHERE $1 IS NOT NULL`},
	},
	"pg_size_pretty": {1: {args: []types.Type{types.Int8}, text: sizePretty}},
	"pg_get_serial_sequence": {
		2: {args: []types.Type{types.Text, types.Text}, text: `SELECT quote_ident(schema) || '.' || quote_ident(name) FROM millrace.sequences
			WHERE owner = $1::regclass::oid AND owner_column = $2 ORDER BY identity DESC LIMIT 1`},
	},
	"pg_get_constraintdef": {
		1: {args: []types.Type{types.OID}, text: `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'constraint'`},
		2: {args: []types.Type{types.OID, types.Bool}, text: `SELECT definition FROM millrace.definitions
			WHERE id = $1 AND (kind = 'constraint' OR kind = 'pretty constraint' AND $2) ORDER BY kind DESC LIMIT 1`},
	},
}

const (
	viewDefinition = `SELECT definition FROM millrace.definitions WHERE id = $1 AND kind = 'view'`
	relationSize   = `SELECT coalesce(sum(bytes), 0)::bigint FROM millrace.partitions WHERE relation = $1`
	// sizePretty rounds to the largest unit of which there are at least ten, as
	// PostgreSQL does.
	sizePretty = `SELECT CASE
		WHEN abs($1) < 10240 THEN $1::text || ' bytes'
		WHEN abs($1) < 10485248 THEN (($1 / 512 + 1) / 2)::text || ' kB'
		WHEN abs($1) < 10736893952 THEN (($1 / 524288 + 1) / 2)::text || ' MB'
		WHEN abs($1) < 10994579406848 THEN (($1 / 536870912 + 1) / 2)::text || ' GB'
		ELSE (($1 / 549755813888 + 1) / 2)::text || ' TB' END`
)

// catalogCall binds a call of a catalog function; nil where it is none.
func (b *exprBinder) catalogCall(name string, args []expr.Expr, pos int) (expr.Expr, error) {
	if name == "pg_get_expr" && (len(args) == 2 || len(args) == 3) {
		// Expressions are stored as their text.
		return b.coerce(args[0], types.Text, expr.Implicit)
	}
	f, ok := catalogFunctions[name][len(args)]
	if !ok || b.incremental() || b.env.System == nil {
		return nil, nil
	}
	values := make([]expr.Expr, len(args))
	var left expr.Expr
	for i := range args {
		if hasAggregate(args[i]) || !expr.CanCast(args[i].Type(), f.args[i], expr.Implicit) {
			return nil, nil
		}
		value, err := b.coerce(args[i], f.args[i], expr.Implicit)
		if err != nil {
			return nil, err
		}
		left = value
		if values[i], err = b.fromInside(value); err != nil {
			return nil, err
		}
	}
	statement, err := sql.ParseOne(f.text)
	if err != nil {
		return nil, err
	}
	// The template's parameters are its own; its names refer to nothing outside.
	outside := &scope{parent: nil, depth: b.scope.depth}
	template := *b.binder
	template.params = newParameters(f.args)
	bound, err := template.query(statement.(*ast.Query), outside, nil)
	if err != nil {
		return nil, err
	}
	node, err := rewriteExprs(bound.node, func(e expr.Expr) (expr.Expr, error) {
		return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
			if p, ok := e.(*expr.Param); ok {
				return values[p.Index], nil
			}
			return e, nil
		})
	})
	if err != nil {
		return nil, err
	}
	number := b.addSubquery(&boundQuery{node: node, visible: 1})
	if f.member {
		equal, _, err := expr.ResolveOperator("=", left.Type(), node.Columns()[0].Type, pos)
		if err != nil {
			return nil, err
		}
		return &expr.Subquery{Node: boolAt(pos), Number: number, Kind: expr.SubqueryAny, Left: left, Func: equal}, nil
	}
	return &expr.Subquery{Node: expr.Node{ResultType: node.Columns()[0].Type, Position: pos}, Number: number, Kind: expr.SubqueryScalar}, nil
}

// fromInside is an expression as a subquery of its row sees it.
func (b *binder) fromInside(e expr.Expr) (expr.Expr, error) {
	return expr.Rewrite(e, func(e expr.Expr) (expr.Expr, error) {
		switch e := e.(type) {
		case *expr.Column:
			return &expr.Outer{Node: e.Node, Level: 1, Index: e.Index, Name: e.Name}, nil
		case *expr.Outer:
			further := *e
			further.Level++
			return &further, nil
		case *expr.Subquery:
			// What the subquery takes from the row is one level further out; from
			// the rows around that, too.
			return b.moveSubquery(e, 1, func(level, index int) (int, int, error) { return level + 1, index, nil })
		}
		return e, nil
	})
}
