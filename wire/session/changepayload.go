package session

import (
	"slices"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// The payloads that are no changes of rows, but say what has become of them.
const (
	// noteSkipped stands where changes were left out.
	noteSkipped = `{"rowop":"skipped"}`
	// noteDropped and noteRevoked are the last ones: the relation was dropped, or the
	// listener may not read it any more.
	noteDropped = `{"rowop":"dropped"}`
	noteRevoked = `{"rowop":"revoked"}`
)

// changePayload makes JSON objects of a relation's changes: rowop, and the columns that
// SELECT * has, as to_json gives their values with the default settings. Where that has
// more than maxPayloadLength bytes, the key's columns and rowop are left, and where that
// is too long, too, rowop alone.
type changePayload struct {
	// names are the members' names as they stand in the object, rowop is the number of
	// the column that has it, negative for none, and key are the numbers of the key's.
	names []string
	rowop int
	key   []int
}

// newChangePayload returns the payloads of a relation's push query with given columns.
func newChangePayload(relation *catalog.Relation, columns []Column) *changePayload {
	p := &changePayload{rowop: slices.IndexFunc(columns, func(c Column) bool { return c.Name == "rowop" })}
	for i, c := range columns {
		p.names = append(p.names, string(types.AppendJSONString(nil, c.Name))+":")
		inKey := slices.ContainsFunc(relation.Key, func(k int) bool {
			return !relation.Columns[k].Hidden && relation.Columns[k].Name == c.Name
		})
		if inKey {
			p.key = append(p.key, i)
		}
	}
	return p
}

// texts returns a payload for each row.
func (p *changePayload) texts(batch *types.Batch) []string {
	all := make([]int, len(p.names))
	for i := range all {
		all[i] = i
	}
	texts := make([]string, batch.Len)
	var buf []byte
	for row := range batch.Len {
		for _, columns := range [][]int{all, p.key, nil} {
			if buf = p.append(buf[:0], batch, row, columns); len(buf) <= maxPayloadLength {
				break
			}
		}
		texts[row] = string(buf)
	}
	return texts
}

// append appends the object of a row with some of its columns.
func (p *changePayload) append(buf []byte, batch *types.Batch, row int, columns []int) []byte {
	buf = append(buf, `{"rowop":`...)
	if p.rowop >= 0 {
		buf = appendJSON(buf, &batch.Columns[p.rowop], row)
	} else {
		buf = append(buf, `"insert"`...)
	}
	for _, i := range columns {
		if i == p.rowop {
			continue
		}
		buf = append(append(buf, ','), p.names[i]...)
		buf = appendJSON(buf, &batch.Columns[i], row)
	}
	return append(buf, '}')
}

func appendJSON(buf []byte, v *types.Vector, row int) []byte {
	value := types.ToJSON(v.Type, v.Datum(row), types.DefaultFormat())
	return types.AppendJSON(buf, &value)
}
