package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Index describes a secondary index of a table. The index of a relation's key is
// not among them: the rows themselves are in its order. Descriptors are immutable.
//
// An index that is not unique has its entries beside the rows, partition by
// partition. A unique one of a source table is a relation of its own that no name
// reaches (Snapshot.UniqueRelation): its key is the indexed columns, so that equal
// values meet on one shard wherever their rows are.
type Index struct {
	ID     ObjectID
	Schema string
	Name   string
	// Table is the relation that it indexes.
	Table ObjectID
	// Method is the access method that the statement named, btree or hash. Both
	// are kept in order.
	Method string
	// Columns are the indexed columns, in order.
	Columns []IndexColumn
	// Include are the numbers of the columns of INCLUDE, which an index-only scan
	// of PostgreSQL reads. Here rows are read from the table.
	Include []int
	Unique  bool
	// NullsNotDistinct says that NULLs count as equal in a unique index.
	NullsNotDistinct bool
	// Constraint says that a UNIQUE constraint of the same name owns the index.
	Constraint bool
	// Ready says that the index has all rows. Until then no query reads it; a
	// unique index keeps writers from its table meanwhile.
	Ready   bool
	Comment string
}

// IndexColumn is one column of an index. The order is what definitions show and
// what ORDER BY may use.
type IndexColumn struct {
	// Column is its number in the table.
	Column     int
	Descending bool
	NullsFirst bool
	// Class is the operator class that was named, where it is not the type's default
	// one, for definitions. It orders as the default does.
	Class string
}

// Numbers returns the numbers of the indexed columns, in order.
func (i *Index) Numbers() []int {
	numbers := make([]int, len(i.Columns))
	for n, c := range i.Columns {
		numbers[n] = c.Column
	}
	return numbers
}

// Covers reports whether the index is on exactly the given columns, in any order.
func (i *Index) Covers(columns []int) bool {
	return slices.Equal(slices.Sorted(slices.Values(i.Numbers())), slices.Sorted(slices.Values(columns)))
}

// Indexes returns all secondary indexes in the order of their IDs.
func (s *Snapshot) Indexes() []*Index { return s.indexes }

// Index returns the index with an ID, or nil.
func (s *Snapshot) Index(id ObjectID) *Index {
	i, found := slices.BinarySearchFunc(s.indexes, id, func(x *Index, id ObjectID) int { return cmp.Compare(x.ID, id) })
	if !found {
		return nil
	}
	return s.indexes[i]
}

// LookupIndex returns the secondary index with a qualified name, or nil.
func (s *Snapshot) LookupIndex(schema, name string) *Index {
	for _, i := range s.indexes {
		if i.Name == name && i.Schema == schema && s.Shadow(i.Table) == nil {
			return i
		}
	}
	return nil
}

// KeyIndex returns the table whose primary key has an index with a qualified name,
// or nil.
func (s *Snapshot) KeyIndex(schema, name string) *Relation {
	for _, r := range s.relations {
		if key := r.PrimaryKey(); key != nil && key.Name == name && r.Schema == schema {
			return r
		}
	}
	return nil
}

// IndexesOf returns the secondary indexes of a table in the order of their IDs.
// The slice is shared.
func (s *Snapshot) IndexesOf(table ObjectID) []*Index { return s.indexesByTable[table] }

// UniqueOf returns the unique indexes of a table that are ready, in the order of
// their IDs: those that its writers keep.
func (s *Snapshot) UniqueOf(table ObjectID) []*Index {
	var unique []*Index
	for _, i := range s.indexesByTable[table] {
		if i.Unique && i.Ready {
			unique = append(unique, i)
		}
	}
	return unique
}

// BuildingUnique reports whether a unique index of a table is being built, which
// keeps writers from the table.
func (s *Snapshot) BuildingUnique(table ObjectID) bool {
	return slices.ContainsFunc(s.indexesByTable[table], func(i *Index) bool { return i.Unique && !i.Ready })
}

// UniqueRelation returns the relation that holds the entries of a unique index, or
// nil for another ID. Its columns are the indexed ones, which are its key, and then
// those of the table's key; its Index is the index. It has the table's name and
// schema, so that errors name these.
func (s *Snapshot) UniqueRelation(index ObjectID) *Relation { return s.uniqueRelations[index] }

// newUniqueRelation describes the entries of a unique index.
func newUniqueRelation(i *Index, table *Relation) *Relation {
	r := &Relation{
		ID: i.ID, Kind: KindTable, Schema: table.Schema, Name: table.Name, Partitions: table.Partitions, Rowtime: -1, Index: i,
		Changed: table.Changed, Layout: table.Layout, Shadow: table.Shadow,
	}
	for n, c := range i.Columns {
		column := table.Columns[c.Column]
		r.Columns = append(r.Columns, Column{Name: column.Name, Type: column.Type})
		r.Key = append(r.Key, n)
	}
	for _, number := range table.Key {
		r.Columns = append(r.Columns, Column{Name: table.Columns[number].Name, Type: table.Columns[number].Type})
	}
	return r
}

// maxNameBytes is the longest name that PostgreSQL makes up.
const maxNameBytes = 63

// ChooseName returns a free name for an index or a constraint's index as PostgreSQL
// makes it up: table_columns_label, with a number behind the label where that is
// taken by a relation, an index or one of the names given besides.
func (s *Snapshot) ChooseName(schema, table string, columns []string, label string, besides ...string) string {
	return chooseName(table, columns, label, func(name string) bool {
		return s.NameTaken(schema, name) || slices.Contains(besides, name)
	})
}

// ChooseConstraintName returns a name as ChooseName does for a constraint that has no
// index: one that no other constraint of the schema has.
func (s *Snapshot) ChooseConstraintName(schema, table string, columns []string, label string, besides ...string) string {
	return chooseName(table, columns, label, func(name string) bool {
		return slices.Contains(besides, name) || slices.ContainsFunc(s.relations, func(r *Relation) bool {
			return r.Schema == schema && r.Constraint(name) != nil
		})
	})
}

func chooseName(table string, columns []string, label string, taken func(name string) bool) string {
	middle := ""
	for i, c := range columns {
		if i > 0 {
			middle += "_"
		}
		if middle += c; len(middle) >= maxNameBytes+1 {
			break
		}
	}
	for n := 0; ; n++ {
		numbered := label
		if n > 0 {
			numbered += strconv.Itoa(n)
		}
		if name := objectName(table, middle, numbered); !taken(name) {
			return name
		}
	}
}

// objectName joins three parts by underscores, of which the first two are cut
// until the name fits, the longer one first.
func objectName(first, second, label string) string {
	overhead := len(label) + 1
	if second != "" {
		overhead++
	}
	a, b := len(first), len(second)
	for a+b > maxNameBytes-overhead {
		if a > b {
			a--
		} else {
			b--
		}
	}
	name := cutName(first, a)
	if second != "" {
		name += "_" + cutName(second, b)
	}
	return name + "_" + label
}

// cutName cuts a name to at most n bytes, between characters.
func cutName(name string, n int) string {
	for n > 0 && n < len(name) && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:min(n, len(name))]
}
