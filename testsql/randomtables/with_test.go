package randomtables

import (
	"fmt"
	"slices"
	"strings"
)

// with returns a statement that changes rows inside WITH.
func (g *generator) with() string {
	t := g.source()
	x := source{t, "x"}
	where := g.search(1, g.schema.sources, x)
	first := fmt.Sprintf("DELETE FROM %s AS x WHERE %s", t.name, where)
	if i := slices.IndexFunc(t.columns, func(c column) bool { return !t.inKey(c.name) && !c.generated }); i >= 0 && g.oneIn(2) {
		first = fmt.Sprintf("UPDATE %s AS x SET %s WHERE %s", t.name, g.assignment(t, t.columns[i], []source{x}), where)
	}
	first = "WITH m AS (" + first + " RETURNING *) "
	m := source{t, "m"}
	other := g.source()
	switch {
	case g.oneIn(3) || other == t || other.givesValues():
		return first + g.pick("SELECT * FROM m", "SELECT count(*) FROM m", "SELECT count(*) FROM "+t.name)
	case g.oneIn(2) && len(other.primary) > 0:
		if a, b := g.common(t, other); a != "" {
			return first + fmt.Sprintf("DELETE FROM %s AS y USING m WHERE m.%s = y.%s RETURNING y.*", other.name, a, b)
		}
	}
	columns := slices.DeleteFunc(slices.Clone(other.columns), func(c column) bool { return c.generated })
	if len(columns) == 0 {
		return first + "SELECT 1"
	}
	var values []string
	for _, c := range columns {
		values = append(values, g.scalar(c.typ, 1, m))
	}
	return first + fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM m%s", other.name, names(columns), strings.Join(values, ", "), g.returning(other, other.name))
}
