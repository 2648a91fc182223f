package planner

import (
	"slices"
	"strings"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// createAs binds CREATE … AS: the relation is what the query's result is.
func createAs(env *Environment, s *ast.CreateRelation, command *catalog.CreateRelation, ddl *plan.DDL) error {
	r := &command.Relation
	if s.HasElements && (len(s.Columns) > 0 || len(s.Constraints) > 0) {
		return notSupported(s.Columns[0].Pos(), "columns with types in CREATE … AS are not supported").WithHint("Cast the columns in the SELECT list.")
	}
	partitions, err := wantedPartitions(s.Options, env.Catalog.Shards())
	if err != nil {
		return err
	}
	c, err := bindContinuous(env, s.Query, nil, partitions)
	if err != nil {
		return err
	}
	if err := describeResult(s, c, r); err != nil {
		return err
	}
	stop, err := c.relationOptions(s.Options, r, true)
	if err != nil {
		return err
	}
	// Planning for the sink finds what cannot be done for its options.
	if _, err := c.stages(r); err != nil {
		return sqlerr.From(err).At(s.Pos())
	}
	q := &catalog.Query{
		Name: r.Name, Text: ast.String(s.Query), StopOnError: stop, Version: env.Catalog.Version(),
		Settings: env.Settings, CreatedMillis: env.Now.UnixMilli(),
	}
	for _, source := range c.sources {
		q.Sources = append(q.Sources, source.ID)
		q.Columns = append(q.Columns, readColumns(c.root, source.ID))
	}
	q.Views, q.Indirect, q.Types = c.views, c.indirect(), c.types
	_, q.Shared = share(c.root, shareable(env.Catalog, q))
	command.Query = q
	c.noteStart(ddl)
	ddl.Notices = []catalog.Notice{{
		Message: "continuous query " + quoted(q.Name) + " keeps " + r.Kind.String() + " " + quoted(r.Name) + " up to date from now on",
		Hint:    "SHOW QUERIES shows how far it is.",
	}}
	return nil
}

// wantedPartitions is the number of partitions that the options name, within
// what there can be, else the number of shards.
func wantedPartitions(options []*ast.Option, shards int) (int, error) {
	for _, o := range options {
		if strings.EqualFold(o.Name, "partitions") {
			n, err := optionInteger(o, 1, catalog.MaxShards)
			return min(int(n), shards), err
		}
	}
	return shards, nil
}

// describeResult makes the columns, key and placement of a derived relation from
// the plan of its query.
func describeResult(s *ast.CreateRelation, c *continuousBinder, r *catalog.Relation) error {
	root := c.resultOf(r.Kind)
	properties := root.Props()
	if r.Kind == catalog.KindStream && properties.Kind != plan.AppendOnly {
		return sqlerr.New(sqlerr.InvalidTableDefinition, s.Query.Pos(), "the result of the query changes, so it cannot be a stream").
			WithHint("Use CREATE TABLE %s AS …", r.Name)
	}
	if len(s.ColumnNames) > c.visible {
		return sqlerr.New(sqlerr.SyntaxError, s.ColumnNames[c.visible].Pos(), "too many column names were specified")
	}
	for i, column := range root.Columns() {
		name, pos := column.Name, columnPosition(c.boundQuery, i, s.Query.Pos())
		if i < len(s.ColumnNames) {
			name, pos = s.ColumnNames[i].Value, s.ColumnNames[i].Pos()
		}
		hidden := i >= c.visible
		if hidden {
			name = freeName(name, r)
		} else {
			// A result keeps what CHANGES OF tells of its rows under the same name.
			if name != "rowop" {
				if err := checkColumnName(name, pos); err != nil {
					return sqlerr.From(err).WithHint("Give the column another name with AS.")
				}
			}
			if r.Column(name) >= 0 {
				return sqlerr.New(sqlerr.DuplicateColumn, pos, "column %q specified more than once", name)
			}
		}
		if err := checkColumnType(name, column.Type, pos); err != nil {
			return err
		}
		r.Columns = append(r.Columns, catalog.Column{Name: name, Type: column.Type, Hidden: hidden})
	}
	if c.visible == 0 {
		return sqlerr.New(sqlerr.InvalidTableDefinition, s.Query.Pos(), "a %s needs columns", r.Kind)
	}
	r.Partitions = properties.Partitions
	switch {
	case r.Kind == catalog.KindStream && c.keyless:
	case r.Kind == catalog.KindStream:
		r.Key = properties.Partitioning
	case properties.Key != nil:
		r.Key = nonNil(properties.Key)
		if properties.Partitioning != nil && !slices.Equal(properties.Partitioning, r.Key) {
			r.Distribution = properties.Partitioning
		}
		if w := properties.Window; w != nil && len(r.Key) > 1 && r.Key[0] == w.End && r.Key[1] == w.Start {
			r.Window = []int{w.Start, w.End}
		}
	default:
		r.Bag = true
	}
	return nil
}

// freeName returns a name for a hidden column that no other column has.
func freeName(name string, r *catalog.Relation) string {
	name = strings.TrimSpace(name)
	free := name
	for i := 1; r.Column(free) >= 0; i++ {
		free = name + "_" + decimal(i)
	}
	return free
}
