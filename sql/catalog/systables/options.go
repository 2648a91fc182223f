package systables

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/sql/catalog"
)

// The options of streams and tables, as WITH (…) gives them.

// cleanupPolicy says what becomes of the old rows of a stream.
func cleanupPolicy(r *catalog.Relation) string {
	switch ages := r.RetentionMillis > 0 || r.RetentionBytes > 0; {
	case r.Compact && ages:
		return "compact,delete"
	case r.Compact:
		return "compact"
	default:
		return "delete"
	}
}

// retention prints how long a stream keeps its rows; "" for ever.
func retention(r *catalog.Relation) string {
	var limits []string
	if r.RetentionMillis > 0 {
		limits = append(limits, (time.Duration(r.RetentionMillis) * time.Millisecond).String())
	}
	if r.RetentionBytes > 0 {
		limits = append(limits, strconv.FormatInt(r.RetentionBytes, 10)+" bytes per partition")
	}
	return strings.Join(limits, ", ")
}

// relationSettings lists the options of a relation: those that were given, and what holds
// without them.
func relationSettings(r *catalog.Relation) []catalog.Option {
	list := slices.Clone(r.Options)
	add := func(name, value string) {
		if !slices.ContainsFunc(list, func(o catalog.Option) bool { return o.Name == name }) {
			list = append(list, catalog.Option{Name: name, Value: value})
		}
	}
	add("partitions", itoa(r.Partitions))
	if r.Kind != catalog.KindStream {
		return list
	}
	if r.RetentionMillis == 0 {
		add("retention", "unlimited")
	}
	add("retention_bytes", "unlimited")
	add("cleanup_policy", cleanupPolicy(r))
	if r.Compact {
		add("delete_retention", strconv.FormatInt(r.DeleteRetentionMillis, 10)+" ms")
	}
	if r.Query == 0 && !r.Frozen {
		add("max_ahead", strconv.FormatInt(r.MaxAheadMillis, 10)+" ms")
	}
	return list
}

func millraceOptions(_ context.Context, env *Environment, _ *Table) ([]row, error) {
	var rows []row
	for _, r := range env.Catalog.Relations() {
		for i, o := range relationSettings(r) {
			rows = append(rows, row{
				"relation": r.ID, "schema": r.Schema, "relation_name": r.Name,
				"name": o.Name, "setting": o.Value, "given": i < len(r.Options),
			})
		}
	}
	return rows, nil
}

// reloptions are the options of a source table as pg_class has them. Those of streams and
// derived tables would not be options of the tables as which pg_dump takes them along.
func reloptions(r *catalog.Relation) any {
	if len(r.Options) == 0 || r.Kind == catalog.KindStream || r.Derived() {
		return nil
	}
	list := make([]string, len(r.Options))
	for i, o := range r.Options {
		list[i] = o.Name + "=" + o.Value
	}
	return list
}
