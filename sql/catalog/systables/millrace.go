package systables

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/sql/catalog"
)

func millraceRows(r *Registry) map[string]rowsFunc {
	return map[string]rowsFunc{
		"streams":      millraceStreams,
		"tables":       millraceTablesRows,
		"queries":      millraceQueries,
		"query_shards": millraceQueryShards,
		"columns":      r.millraceColumns,
		"shards":       millraceShards,
		"nodes":        millraceNodes,
		"replicas":     millraceReplicas,
		"errors":       millraceErrors,
		"late_rows":    millraceLateRows,
		"functions":    millraceFunctions,
		"sessions":     millraceSessions,
		"settings":     millraceSettings,
		"partitions":   millracePartitions,
		"sequences":    millraceSequences,
		"definitions":  millraceDefinitions,
		"views":        millraceViews,
		"options":      millraceOptions,
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// extent sums a relation's partitions; rows and bytes are -1 when not known.
type extent struct {
	rows, bytes int64
	rowtime     time.Time
}

func extents(ctx context.Context, env *Environment) (map[catalog.ObjectID]extent, error) {
	sums := make(map[catalog.ObjectID]extent)
	if env.Runtime == nil {
		return sums, nil
	}
	list, err := env.Runtime.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		sum := sums[p.Relation]
		sum.rows, sum.bytes = addKnown(sum.rows, p.Rows), addKnown(sum.bytes, p.Bytes)
		if p.Rowtime.After(sum.rowtime) {
			sum.rowtime = p.Rowtime
		}
		sums[p.Relation] = sum
	}
	return sums, nil
}

func addKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// keyNames lists the columns of a relation's key.
func keyNames(r *catalog.Relation) any {
	if len(r.Key) == 0 || r.RowID() >= 0 {
		return nil
	}
	names := make([]string, len(r.Key))
	for i, k := range r.Key {
		names[i] = r.Columns[k].Name
	}
	return strings.Join(names, ", ")
}

// queryNames lists the queries that write a relation.
func queryNames(env *Environment, r *catalog.Relation) any {
	var names []string
	if r.Frozen {
		names = append(names, "(terminated)")
	}
	for _, q := range env.Catalog.QueriesWriting(r.ID) {
		names = append(names, q.Name)
	}
	if names == nil {
		return nil
	}
	return strings.Join(names, ", ")
}

func relationRow(env *Environment, r *catalog.Relation, sums map[catalog.ObjectID]extent) row {
	out := row{
		"schema": r.Schema, "name": r.Name, "id": r.ID, "key": keyNames(r), "partitions": r.Partitions,
		"query": queryNames(env, r), "definition": r.Definition, "comment": orNull(r.Comment), "rows": nil, "bytes": nil,
	}
	if sum, known := sums[r.ID]; known {
		out["rows"], out["bytes"] = orUnknown(sum.rows), orUnknown(sum.bytes)
	}
	return out
}

func millraceStreams(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	sums, err := extents(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, r := range env.Catalog.Relations() {
		if r.Kind != catalog.KindStream {
			continue
		}
		stream := relationRow(env, r, sums)
		stream["retention"] = orNull(retention(r))
		stream["cleanup_policy"] = cleanupPolicy(r)
		stream["last_rowtime"] = sums[r.ID].rowtime
		if r.Rowtime >= 0 {
			stream["rowtime"] = r.Columns[r.Rowtime].Name
		}
		rows = append(rows, stream)
	}
	return rows, nil
}

func millraceTablesRows(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	sums, err := extents(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, r := range env.Catalog.Relations() {
		if r.Kind == catalog.KindTable {
			rows = append(rows, relationRow(env, r, sums))
		}
	}
	return rows, nil
}

// queryStates are the states of a query on a shard from the most to the least
// worrying: a query as a whole is in the first that any shard reports.
var queryStates = []string{"failed", "unreachable", "paused", "backfilling", "lagging"}

func queryStatuses(ctx context.Context, env *Environment) ([]QueryStatus, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	return env.Runtime.Queries(ctx)
}

func millraceQueries(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	statuses, err := queryStatuses(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, q := range env.Catalog.Queries() {
		state, lag, consumed, late, shards := "running", int64(0), int64(0), int64(0), 0
		var failure any
		var states []string
		for _, s := range statuses {
			if s.Query != q.ID {
				continue
			}
			shards++
			lag, consumed, late = lag+s.Lag, consumed+s.Rows, late+s.Late
			states = append(states, s.State)
			if s.Error != "" && failure == nil {
				failure = s.Error
			}
		}
		if q.Paused {
			states = append(states, "paused")
		}
		for _, worrying := range queryStates {
			if slices.Contains(states, worrying) {
				state = worrying
				break
			}
		}
		rows = append(rows, row{
			"name": q.Name, "id": q.ID, "state": state, "sink": relationName(env, q.Sink), "sources": sourceNames(env, q),
			"lag": lag, "rows": consumed, "late": late, "error": failure, "shards": shards, "created": time.UnixMilli(q.CreatedMillis),
			"settings": orNull(settingList(q)), "text": q.Text,
		})
	}
	return rows, nil
}

func settingList(q *catalog.Query) string {
	list := make([]string, len(q.Settings))
	for i, s := range q.Settings {
		list[i] = s.Name + " = " + s.Value
	}
	return strings.Join(list, "; ")
}

func relationName(env *Environment, id catalog.ObjectID) any {
	r := env.Catalog.Relation(id)
	if r == nil {
		return nil
	}
	return catalog.Name{Schema: r.Schema, Name: r.Name}.String()
}

func sourceNames(env *Environment, q *catalog.Query) string {
	var names []string
	for _, id := range q.Sources {
		if r := env.Catalog.Relation(id); r != nil {
			names = append(names, catalog.Name{Schema: r.Schema, Name: r.Name}.String())
		}
	}
	return strings.Join(names, ", ")
}

func millraceQueryShards(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	statuses, err := queryStatuses(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range statuses {
		if q := env.Catalog.Query(s.Query); q != nil {
			rows = append(rows, row{
				"query": q.Name, "shard": s.Shard, "state": s.State, "rows": s.Rows, "lag": s.Lag, "error": orNull(s.Error),
			})
		}
	}
	return rows, nil
}

func (r *Registry) millraceColumns(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, t := range r.tables {
		for i, c := range t.Columns {
			rows = append(rows, row{
				"relation": t.OID, "schema": t.Schema, "relation_name": t.Name, "position": i + 1, "name": c.Name,
				"type": c.Type.String(), "nullable": true,
			})
		}
	}
	for _, v := range env.Catalog.Views() {
		for i, c := range v.Columns {
			rows = append(rows, row{
				"relation": v.ID, "schema": v.Schema, "relation_name": v.Name, "position": i + 1, "name": c.Name,
				"type": c.Type.String(), "nullable": true, "comment": orNull(c.Comment),
			})
		}
	}
	for _, relation := range env.Catalog.Relations() {
		for i := range relation.Columns {
			c := &relation.Columns[i]
			if c.Dropped {
				continue
			}
			rows = append(rows, row{
				"relation": relation.ID, "schema": relation.Schema, "relation_name": relation.Name, "position": i + 1, "name": c.Name,
				"type": c.Type.String(), "key": columnKey(relation, i), "nullable": !c.NotNull, "default": orNull(c.Default),
				"hidden": c.Hidden, "comment": orNull(c.Comment),
			})
		}
	}
	return rows, nil
}

// columnKey says what part a column has in its relation's key.
func columnKey(r *catalog.Relation, column int) any {
	switch {
	case r.IsKey(column) && r.PrimaryKey() != nil:
		return "primary key"
	case r.IsKey(column):
		return "key"
	case r.Rowtime == column && r.Kind == catalog.KindStream:
		return "rowtime"
	default:
		return nil
	}
}

func millraceErrors(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Errors(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, e := range list {
		out := row{
			"time": e.Time, "shard": e.Shard, "relation": relationName(env, e.Relation), "partition": e.Partition,
			"offset": e.Offset, "sqlstate": e.Code, "message": e.Message, "query": nil,
		}
		if q := env.Catalog.Query(e.Query); q != nil {
			out["query"] = q.Name
		}
		rows = append(rows, out)
	}
	return rows, nil
}

func millraceLateRows(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.LateRows(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, late := range list {
		out := row{
			"time": late.Time, "shard": late.Shard, "partition": late.Partition, "offset": nil, "rowtime": nil,
			"window_start": late.WindowStart, "window_end": late.WindowEnd, "rows": late.Rows, "query": nil,
		}
		if late.Offset >= 0 {
			out["offset"] = late.Offset
		}
		if !late.Rowtime.IsZero() {
			out["rowtime"] = late.Rowtime
		}
		if q := env.Catalog.Query(late.Query); q != nil {
			out["query"] = q.Name
		}
		rows = append(rows, out)
	}
	return rows, nil
}

func millraceFunctions(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	volatilities := map[byte]string{'i': "immutable", 's': "stable", 'v': "volatile"}
	var rows []row
	for i := range env.Functions {
		f := &env.Functions[i]
		kind := "function"
		switch {
		case f.Aggregate:
			kind = "aggregate"
		case !isName(f.Name):
			kind = "operator"
		}
		rows = append(rows, row{
			"name": f.Name, "arguments": f.argumentList(), "result": signatureName(f.Result), "kind": kind, "volatility": volatilities[f.Volatility],
		})
	}
	return rows, nil
}

func millraceSessions(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		rows = append(rows, row{
			"pid": s.PID, "user": s.User, "database": s.Database, "application_name": s.ApplicationName,
			"client_address": orNull(s.ClientAddress), "started": s.Started, "query_started": s.QueryStarted,
			"state": s.State, "query": s.Query,
		})
	}
	return rows, nil
}

func millraceSettings(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	list, err := settings(ctx, env)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range list {
		rows = append(rows, row{
			"name": s.Name, "value": s.Shown, "default": s.ShownDefault, "context": s.Context, "description": s.Description,
		})
	}
	return rows, nil
}

func millracePartitions(ctx context.Context, env *Environment, _ *Table) ([]row, error) {
	if env.Runtime == nil {
		return nil, nil
	}
	list, err := env.Runtime.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, p := range list {
		r := env.Catalog.Relation(p.Relation)
		if r == nil {
			continue
		}
		rows = append(rows, row{
			"relation": r.ID, "schema": r.Schema, "name": r.Name, "partition": p.Partition, "start_offset": p.StartOffset,
			"end_offset": p.EndOffset, "rows": orUnknown(p.Rows), "bytes": orUnknown(p.Bytes), "rowtime": p.Rowtime,
		})
	}
	return rows, nil
}

// millraceDefinitions has the texts behind pg_get_indexdef and its relatives;
// the columns of an index have numbers from 1.
// whatItIs describes a relation that tools show as a table and that is not one to write:
// what obj_description says where the user has given no comment.
func whatItIs(env *Environment, r *catalog.Relation) string {
	q := env.Catalog.Query(r.Query)
	switch {
	case r.Kind == catalog.KindStream && q != nil:
		return "stream that query " + q.Name + " writes: " + q.Text
	case r.Kind == catalog.KindStream && r.Derived():
		return "stream that a query wrote, which was terminated"
	case r.Kind == catalog.KindStream:
		return "stream"
	case q != nil:
		return "table that query " + q.Name + " keeps up to date: " + q.Text
	case r.Derived():
		return "table that a query kept up to date, which was terminated"
	}
	return ""
}

func millraceDefinitions(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, r := range env.Catalog.Relations() {
		rows = append(rows, row{"id": r.ID, "kind": "relation", "definition": r.Definition})
		if text := whatItIs(env, r); text != "" {
			rows = append(rows, row{"id": r.ID, "kind": "description", "definition": text})
		}
		for _, c := range checks(r) {
			rows = append(rows,
				row{"id": c.ID, "kind": "constraint", "definition": checkDefinition(c, false)},
				row{"id": c.ID, "kind": "pretty constraint", "definition": checkDefinition(c, true)})
		}
		rows = append(rows, indexDefinitions(env, r)...)
	}
	for _, v := range env.Catalog.Views() {
		rows = append(rows, row{"id": v.ID, "kind": "view", "definition": viewText(env, v)})
	}
	for i := range env.Functions {
		f := &env.Functions[i]
		if isName(f.Name) {
			rows = append(rows,
				row{"id": firstFunctionOID + i, "kind": "function result", "definition": signatureName(f.Result)},
				row{"id": firstFunctionOID + i, "kind": "function arguments", "definition": f.argumentList()})
		}
	}
	return rows, nil
}
