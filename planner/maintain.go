package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/catalog/systables"
	"millrace/sql/sqlerr"
)

// Statements that ask for what goes on by itself here: space is given back by
// compactions, the log is cut by checkpoints, there are no statistics, indexes are
// part of the entries that change their tables, and results of continuous queries
// are kept up to date. They are checked as PostgreSQL checks them and answered
// with their tags.

// maintenanceOptions are the options of the statements with options.
var maintenanceOptions = map[string][]string{
	"VACUUM": {
		"full", "freeze", "verbose", "analyze", "disable_page_skipping", "skip_locked", "index_cleanup",
		"process_toast", "truncate", "parallel",
	},
	"ANALYZE": {"verbose", "skip_locked"},
	"CLUSTER": {"verbose"},
	"REINDEX": {"verbose", "concurrently", "tablespace"},
}

// planMaintain plans VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH MATERIALIZED VIEW
// and CHECKPOINT.
func planMaintain(env *Environment, statement ast.Statement) (*plan.Maintain, error) {
	b := newBinder(env, modePull)
	switch s := statement.(type) {
	case *ast.Maintain:
		m := &plan.Maintain{Tag: "ANALYZE"}
		if s.Vacuum {
			m.Tag, m.Alone = "VACUUM", true
		}
		if err := checkMaintenanceOptions(m.Tag, s.Options); err != nil {
			return nil, err
		}
		return m, b.checkMaintained(s.Tables)
	case *ast.Cluster:
		m := &plan.Maintain{Tag: "CLUSTER", Alone: s.Table == nil}
		if err := checkMaintenanceOptions(m.Tag, s.Options); err != nil || s.Table == nil {
			return m, err
		}
		r, err := b.maintained(s.Table)
		if err == nil && s.Index != nil && !b.hasIndex(r.Schema, s.Index.Value) {
			err = sqlerr.New(sqlerr.UndefinedObject, -1, "index %q for table %q does not exist", s.Index.Value, r.Name)
		}
		return m, err
	case *ast.Reindex:
		return b.reindex(s)
	case *ast.RefreshMaterializedView:
		return b.refresh(s)
	default:
		return &plan.Maintain{Tag: "CHECKPOINT"}, nil
	}
}

func checkMaintenanceOptions(statement string, options []*ast.Option) error {
	for _, o := range options {
		if !slices.Contains(maintenanceOptions[statement], o.Name) {
			return sqlerr.New(sqlerr.SyntaxError, o.Pos(), "unrecognized %s option %q", statement, o.Name)
		}
	}
	return nil
}

// maintained finds the stream or table that a statement names.
func (b *binder) maintained(name *ast.Name) (*catalog.Relation, error) {
	r, err := b.relation(name)
	if err == nil && r == nil {
		// PostgreSQL does not say where the name is.
		err = sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", strings.Join(name.Parts, "."))
	}
	return r, err
}

// checkMaintained checks that the tables and columns of VACUUM or ANALYZE exist.
func (b *binder) checkMaintained(list []*ast.MaintainTable) error {
	for _, t := range list {
		if b.isSystemTable(t.Table) {
			continue
		}
		r, err := b.maintained(t.Table)
		if err != nil {
			return err
		}
		for _, c := range t.Columns {
			if i := r.Column(c.Value); i < 0 || r.Columns[i].Hidden {
				return sqlerr.New(sqlerr.UndefinedColumn, -1, "column %q of relation %q does not exist", c.Value, r.Name)
			}
		}
	}
	return nil
}

func (b *binder) isSystemTable(name *ast.Name) bool {
	schema := name.Schema()
	if schema == "" {
		schema = systables.SchemaPgCatalog
	}
	return b.systemTableIn(schema, name) != nil
}

// hasIndex reports whether there is an index with a name, or a primary key.
func (b *binder) hasIndex(schema, name string) bool {
	if b.env.Catalog.LookupIndex(schema, name) != nil {
		return true
	}
	table, isKey := strings.CutSuffix(name, "_pkey")
	r := b.env.Catalog.Lookup(schema, table)
	return isKey && r != nil && hasPrimaryKey(r)
}

func (b *binder) reindex(s *ast.Reindex) (*plan.Maintain, error) {
	m := &plan.Maintain{Tag: "REINDEX", Alone: s.Concurrently || s.Object != "index" && s.Object != "table"}
	if err := checkMaintenanceOptions(m.Tag, s.Options); err != nil {
		return nil, err
	}
	name := s.Name.Last()
	switch s.Object {
	case "table":
		_, err := b.maintained(s.Name)
		return m, err
	case "index":
		if !slices.ContainsFunc(b.schemasOf(s.Name), func(schema string) bool { return b.hasIndex(schema, name) }) {
			return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "relation %q does not exist", strings.Join(s.Name.Parts, "."))
		}
	case "database", "system":
		if b.env.Database != "" && name != b.env.Database {
			return nil, notSupported(-1, "can only reindex the currently open database")
		}
	}
	return m, nil
}

// refresh plans REFRESH MATERIALIZED VIEW of a result that is up to date anyway.
func (b *binder) refresh(s *ast.RefreshMaterializedView) (*plan.Maintain, error) {
	if s.WithNoData {
		return nil, notSupported(s.Pos(), "WITH NO DATA is not supported").WithHint("The result of a continuous query is always kept up to date.")
	}
	r, err := b.maintained(s.Name)
	if err != nil {
		return nil, err
	}
	if !r.Derived() || r.Kind != catalog.KindTable {
		return nil, notSupported(-1, "%q is not a materialized view", r.Name)
	}
	return &plan.Maintain{Tag: "REFRESH MATERIALIZED VIEW"}, nil
}
