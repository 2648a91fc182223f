package session

import (
	"context"
	"slices"
	"strconv"

	"millrace/planner"
	"millrace/sql"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// NodeStatus tells the system tables of the node. Its methods are those of
// systables.Runtime.
type NodeStatus interface {
	Queries(ctx context.Context) ([]systables.QueryStatus, error)
	Partitions(ctx context.Context) ([]systables.PartitionStatus, error)
	Shards(ctx context.Context) ([]systables.ShardStatus, error)
	Replicas(ctx context.Context) ([]systables.ReplicaStatus, error)
	Nodes(ctx context.Context) ([]systables.NodeStatus, error)
	Errors(ctx context.Context) ([]systables.RowError, error)
	LateRows(ctx context.Context) ([]systables.LateRow, error)
}

// noStatus is a node that nothing is known of.
type noStatus struct{}

func (noStatus) Queries(context.Context) ([]systables.QueryStatus, error)        { return nil, nil }
func (noStatus) Partitions(context.Context) ([]systables.PartitionStatus, error) { return nil, nil }
func (noStatus) Shards(context.Context) ([]systables.ShardStatus, error)         { return nil, nil }
func (noStatus) Replicas(context.Context) ([]systables.ReplicaStatus, error)     { return nil, nil }
func (noStatus) Nodes(context.Context) ([]systables.NodeStatus, error)           { return nil, nil }
func (noStatus) LateRows(context.Context) ([]systables.LateRow, error)           { return nil, nil }
func (noStatus) Errors(context.Context) ([]systables.RowError, error)            { return nil, nil }

// runtimeView is the running server as a session sees it.
type runtimeView struct {
	NodeStatus
	session *Session
}

var _ systables.Runtime = runtimeView{}

// Sessions implements systables.Runtime.
func (v runtimeView) Sessions(ctx context.Context) ([]systables.SessionStatus, error) {
	if v.session.options.Registry == nil {
		return []systables.SessionStatus{v.session.Info()}, nil
	}
	list, missing := v.session.options.Registry.Sessions(ctx)
	for _, node := range missing {
		err := v.session.notice("WARNING", sqlerr.New(sqlerr.Warning, -1, "the sessions of node %d are not shown", node).
			WithDetail("The node cannot be reached."))
		if err != nil {
			return nil, err
		}
	}
	return list, ctx.Err()
}

// Locks implements systables.Runtime.
func (v runtimeView) Locks(ctx context.Context) ([]systables.LockStatus, error) {
	locks, err := v.session.locks().List(ctx)
	if err != nil {
		return nil, err
	}
	var list []systables.LockStatus
	for _, l := range locks {
		status := systables.LockStatus{
			PID: l.Process, Transaction: l.Transaction, Relation: catalog.ObjectID(l.Relation), Target: l.Target,
			Mode: l.Mode, Granted: l.Granted, WaitStart: l.Since,
		}
		if l.Advisory != nil {
			status.Advisory = &systables.AdvisoryKey{ClassID: l.Advisory.Class, ObjectID: l.Advisory.Object, SubID: l.Advisory.Sub}
		}
		list = append(list, status)
	}
	return list, nil
}

// Settings implements systables.Runtime.
func (v runtimeView) Settings(context.Context) ([]systables.Setting, error) {
	list := make([]systables.Setting, 0, len(settings))
	for _, i := range sortedSettings() {
		s := &settings[i]
		setting := systables.Setting{
			Name: s.name, Shown: v.session.settings.byNumber[i], ShownDefault: s.standard,
			Value: s.plain(v.session.settings.byNumber[i]), Default: s.plain(s.standard),
			Reset: s.plain(v.session.initial.byNumber[i]), Description: s.description, Context: s.context,
			Type: s.kind(), Unit: s.unit.name(), Choices: s.choices,
		}
		if setting.Type == "integer" {
			setting.Lowest, setting.Highest = strconv.FormatInt(s.low, 10), strconv.FormatInt(s.high, 10)
		}
		list = append(list, setting)
	}
	return list, nil
}

// SequenceState implements systables.Runtime.
func (v runtimeView) SequenceState(id catalog.ObjectID) (last int64, called bool, ahead int64) {
	if q, own := v.session.transaction.restarts[id]; own {
		return q.Last, q.Called, 0
	}
	return v.session.options.Backend.SequenceState(id)
}

// Cursors implements systables.Runtime.
func (v runtimeView) Cursors(context.Context) ([]systables.Cursor, error) {
	var list []systables.Cursor
	for _, c := range v.session.cursors {
		list = append(list, systables.Cursor{
			Name: c.name, Statement: c.text, Hold: c.hold, Binary: c.binary,
			Created: c.created, NotScrollable: c.kept == nil, SQL: true,
		})
	}
	for name, p := range v.session.portals {
		if name == "" {
			continue
		}
		list = append(list, systables.Cursor{Name: name, Statement: p.statement.text, Created: p.created, NotScrollable: true})
	}
	return list, nil
}

// PreparedStatements implements systables.Runtime.
func (v runtimeView) PreparedStatements(context.Context) ([]systables.PreparedStatement, error) {
	var list []systables.PreparedStatement
	for name, st := range v.session.statements {
		if name == "" {
			continue
		}
		list = append(list, systables.PreparedStatement{
			Name: name, Statement: st.text, Prepared: st.created, Parameters: st.params, FromSQL: st.fromSQL,
		})
	}
	return list, nil
}

// systemTable returns the rows of a system table, for queries.
func (s *Session) systemTable(ctx context.Context, schema, name string) ([][]types.Datum, error) {
	var table *systables.Table
	if s.options.System != nil {
		table = s.options.System.Lookup(schema, name)
	}
	if table == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", schema+"."+name)
	}
	status := s.options.Status
	if status == nil {
		status = noStatus{}
	}
	return table.Rows(ctx, &systables.Environment{
		Catalog:       s.catalog(),
		Runtime:       runtimeView{NodeStatus: status, session: s},
		Database:      s.identity.Database,
		User:          s.User(),
		Role:          s.role(),
		ServerVersion: DefaultServerVersion,
		Functions:     s.options.Functions,
		Visible:       s.visible,
		ViewText:      func(v *catalog.View) string { return planner.ViewText(s.catalog(), v, s.visible) },
	})
}

// visible reports whether the search path has a schema.
func (s *Session) visible(schema string) bool { return slices.Contains(s.Schemas(), schema) }

var _ expr.Session = (*Session)(nil)

// Setting implements expr.Session.
func (s *Session) Setting(name string) (string, bool) {
	_, value, ok := s.settings.get(name)
	return value, ok
}

// Database implements expr.Session.
func (s *Session) Database() string { return s.identity.Database }

// BackendPID implements expr.Session.
func (s *Session) BackendPID() int32 { return s.identity.ProcessID }

// BlockingPIDs implements expr.Session.
func (s *Session) BlockingPIDs(pid int32) []int32 {
	list, err := s.locks().Blocking(s.life, pid)
	if err != nil {
		s.logger.Info("nobody can say whom a process waits for", "process", pid, "error", err)
	}
	return list
}

// Keywords implements expr.Session.
func (s *Session) Keywords() []expr.Keyword {
	known := sql.PostgresKeywords()
	list := make([]expr.Keyword, len(known))
	for i, k := range known {
		list[i] = expr.Keyword(k)
	}
	return list
}

// Schemas implements expr.Session: the schemas of the search path that exist.
// $user means a user's own schema, never a system one: the user millrace does not
// have the system tables among its own.
func (s *Session) Schemas() []string {
	snapshot := s.catalog()
	list := []string{}
	for _, name := range s.settings.searchPath {
		system := name == systables.SchemaPgCatalog || name == systables.SchemaInformation || name == systables.SchemaMillrace
		if name == "$user" {
			name, system = s.User(), false
		}
		schema := snapshot.Schema(name)
		allowed := system || schema != nil && snapshot.Allowed(s.role(), schema.ID, catalog.PrivilegeUsage) != 0
		if allowed && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// RelationName implements expr.Session.
func (s *Session) RelationName(oid uint32) (schema, name string, ok bool) {
	if s.options.System != nil {
		if table := s.options.System.ByOID(oid); table != nil {
			return table.Schema, table.Name, true
		}
	}
	if v := s.catalog().View(catalog.ObjectID(oid)); v != nil {
		return v.Schema, v.Name, true
	}
	if q := s.catalog().Sequence(catalog.ObjectID(oid)); q != nil {
		return q.Schema, q.Name, true
	}
	if r := s.catalog().Relation(catalog.ObjectID(oid)); r != nil {
		return r.Schema, r.Name, true
	}
	return s.indexName(catalog.ObjectID(oid))
}

// indexName is RelationName for an index, that of a primary key included.
func (s *Session) indexName(id catalog.ObjectID) (schema, name string, ok bool) {
	if i := s.catalog().Index(id); i != nil {
		return s.catalog().Relation(i.Table).Schema, i.Name, true
	}
	for _, r := range s.catalog().Relations() {
		if key := r.PrimaryKey(); key != nil && r.IndexID() == id {
			return r.Schema, key.Name, true
		}
	}
	return "", "", false
}

// indexOID is RelationOID for an index.
func (s *Session) indexOID(schema, name string) (oid uint32, ok bool) {
	if i := s.catalog().LookupIndex(schema, name); i != nil {
		return uint32(i.ID), true
	}
	if r := s.catalog().KeyIndex(schema, name); r != nil {
		return uint32(r.IndexID()), true
	}
	return 0, false
}

// RelationOID implements expr.Session.
func (s *Session) RelationOID(schema, name string) (oid uint32, ok bool) {
	if r := s.catalog().Lookup(schema, name); r != nil {
		return uint32(r.ID), true
	}
	if v := s.catalog().LookupView(schema, name); v != nil {
		return uint32(v.ID), true
	}
	if q := s.catalog().LookupSequence(schema, name); q != nil {
		return uint32(q.ID), true
	}
	if s.options.System != nil {
		if table := s.options.System.Lookup(schema, name); table != nil {
			return table.OID, true
		}
	}
	return s.indexOID(schema, name)
}
