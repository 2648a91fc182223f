package exec

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"millrace/planner/plan"
)

// First rows that stand together where the order does not tell them apart: those with
// rank() <= n, or dense_rank() <= n. Rows of one place in the order are a group, of which
// all rows are given or none.
//
// Stored form: that of topN; behind what tells rows of one place apart is the length of
// the place, 4 bytes, so that a key says which group it is of.
//
// Invariant: a group is among those given while fewer than n stand before it, rows for
// rank(), groups for dense_rank().

// appendPlaceLength ends the key of a row whose place has so many bytes.
func appendPlaceLength(key []byte, length int) []byte {
	return binary.BigEndian.AppendUint32(key, uint32(length))
}

// placeOf returns the place in the order of a key that appendPlaceLength has ended.
func placeOf(key string) string {
	end := len(key) - 4
	return key[:binary.BigEndian.Uint32([]byte(key[end:]))]
}

// standing counts what stands before the group at hand, and what is in it.
type standing struct{ before, group int64 }

// next goes on to the next group.
func (s *standing) next(ties plan.Ties) {
	if ties == plan.TiesDense {
		s.group = min(s.group, 1)
	}
	s.before, s.group = s.before+s.group, 0
}

// finishTies is finishPart for groups.
func (o *topN) finishTies(t *turn, part string, gone, come *topRows) error {
	changed := o.changed[part]
	rows, err := o.tiedRows(t, part, slices.Sorted(maps.Keys(changed)))
	if err != nil {
		return err
	}
	var then, now standing
	place := ""
	kept := rows[:0]
	for _, row := range rows {
		was, is := changed[row.key].apply(row)
		if at := placeOf(was.key); at != place {
			then.next(o.plan.Ties)
			now.next(o.plan.Ties)
			place = at
		}
		var given, give int64
		if then.before < o.plan.Count {
			given = was.count
		}
		if now.before < o.plan.Count {
			give = max(is.count, 0)
		}
		replace(gone, come, was.row, given, is.row, give)
		if is.count != 0 && (!o.bounded || now.before < o.plan.Count) {
			kept = append(kept, is)
		} else {
			is.count = 0
		}
		then.group, now.group = then.group+was.count, now.group+max(is.count, 0)
		o.store(t, part, was, is)
	}
	o.hold(part, kept)
	return nil
}

// tiedRows is rows for groups: those that the turn may bring among the given ones or
// take from them, each as a whole, and the touched rows.
func (o *topN) tiedRows(t *turn, part string, touched []string) ([]topRow, error) {
	head, complete := o.held[part], true
	if o.held == nil {
		var groups, place = int64(0), ""
		var err error
		if head, complete, err = o.readUntil(t, part, func(rows int, key string) bool {
			if at := placeOf(key); rows == 0 || at != place {
				place = at
				// Each touched row may have been a group of its own, and leave.
				if groups++; groups > o.plan.Count+int64(len(touched)) {
					return true
				}
				// For rank() the rows before a group say as much, each at least one.
				return o.plan.Ties == plan.TiesRank && int64(rows) >= o.plan.Count+int64(len(touched))
			}
			return false
		}); err != nil {
			return nil, err
		}
	}
	return o.merge(t, part, head, complete, touched)
}

// merge puts touched rows among the first ones of a part.
func (o *topN) merge(t *turn, part string, head []topRow, complete bool, touched []string) ([]topRow, error) {
	all := make([]topRow, 0, len(head)+len(touched))
	for _, key := range touched {
		at, found := slices.BinarySearchFunc(head, key, func(r topRow, key string) int { return strings.Compare(r.key, key) })
		all = append(all, head[:at]...)
		head = head[at:]
		row := topRow{key: key}
		switch {
		case found:
			row, head = head[0], head[1:]
		case !complete && len(head) == 0:
			var err error
			if row, err = o.get(t, part, key); err != nil {
				return nil, err
			}
		}
		all = append(all, row)
	}
	return append(all, head...), nil
}
