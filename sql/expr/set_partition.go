package expr

import "millrace/sql/types"

// definePartitions defines the functions about partitioned tables, of which there are
// none: no table has others below or above itself
// (https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-PARTITION).
func (b *builder) definePartitions() {
	columns := []SetColumn{
		{Name: "relid", Type: types.Regclass}, {Name: "parentrelid", Type: types.Regclass},
		{Name: "isleaf", Type: types.Bool}, {Name: "level", Type: types.Int4},
	}
	b.set("pg_partition_tree", "regclass", columns, noRows(len(columns)), "no rows: there are no partitioned tables")
	ancestors := []SetColumn{{Name: "relid", Type: types.Regclass}}
	b.set("pg_partition_ancestors", "regclass", ancestors, noRows(len(ancestors)), "no rows: there are no partitioned tables")
	b.function("pg_partition_root", "regclass", "regclass", lift0c(func(*Context) (int64, error) { return 0, errNull }), "NULL: there are no partitioned tables", stable)
}

// noRows is a function that returns no rows.
func noRows(columns int) func([]types.Type) RowSource {
	return func([]types.Type) RowSource {
		return newList(func(*Context, []types.Datum) ([][]types.Datum, error) { return make([][]types.Datum, columns), nil })
	}
}
