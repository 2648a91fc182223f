package lock

import "slices"

// table returns a table, made where it is not known.
func (m *Manager) table(number uint64) *table {
	t := m.tables[number]
	if t == nil {
		t = &table{number: number}
		t.object.table = t
		t.holders = t.first[:0]
		m.tables[number] = t
	}
	return t
}

// row returns a row, made where it is not known.
func (t *table) row(key string) *object {
	row := t.rows[key]
	if row == nil {
		row = &object{table: t, key: key}
		row.holders = row.first[:0]
		if t.rows == nil {
			t.rows = map[string]*object{}
		}
		t.rows[key] = row
	}
	return row
}

func (x *object) isTable() bool { return x == &x.table.object }

// forget drops an object that nobody needs.
func (m *Manager) forget(x *object) {
	if len(x.holders) > 0 || len(x.queue) > 0 || x.fast > 0 {
		return
	}
	t := x.table
	if !x.isTable() {
		delete(t.rows, x.key)
	}
	if len(t.rows) == 0 && len(t.holders) == 0 && len(t.queue) == 0 && t.fast == 0 && len(t.leases) == 0 && t.recalling == 0 {
		delete(m.tables, t.number)
	}
}

func (x *object) modesOf(o *Owner) modeSet {
	for i := range x.holders {
		if x.holders[i].owner == o {
			return x.holders[i].modes
		}
	}
	return 0
}

// modesWith returns the modes that the owners of a session hold.
func (x *object) modesWith(o *Owner) modeSet {
	var modes modeSet
	for i := range x.holders {
		if x.holders[i].owner.with(o) {
			modes |= x.holders[i].modes
		}
	}
	return modes
}

// blocks reports whether a mode that an owner asks for conflicts with what others
// hold, or with those of the first ahead waiters.
func (x *object) blocks(o *Owner, mode Mode, ahead int) bool {
	against := conflicts[mode]
	if x.fast > 0 && against.has(fastWriter) {
		return true
	}
	for i := range x.holders {
		if x.holders[i].modes&against != 0 && !x.holders[i].owner.with(o) {
			return true
		}
	}
	for _, w := range x.queue[:ahead] {
		if against.has(w.mode) && !w.owner.with(o) {
			return true
		}
	}
	return false
}

// place returns how many waiters a new request of a session stands behind: all of
// them, but for those that wait for what the session holds.
func (x *object) place(own modeSet) int {
	if own != 0 {
		for i, w := range x.queue {
			if conflicts[w.mode]&own != 0 {
				return i
			}
		}
	}
	return len(x.queue)
}

// grant gives an owner a mode.
func (m *Manager) grant(x *object, o *Owner, mode Mode) {
	o.journal = append(o.journal, held{x, mode})
	m.owners[o] = struct{}{}
	for i := range x.holders {
		if x.holders[i].owner == o {
			x.holders[i].modes |= 1 << mode
			return
		}
	}
	x.holders = append(x.holders, holder{o, 1 << mode})
}

// drop takes a mode from an owner.
func (x *object) drop(o *Owner, mode Mode) {
	for i := range x.holders {
		if x.holders[i].owner != o {
			continue
		}
		x.holders[i].modes &^= 1 << mode
		if x.holders[i].modes == 0 {
			x.holders = slices.Delete(x.holders, i, i+1)
		}
		return
	}
}

// wake grants the waiters of an object that nothing blocks any more.
func (m *Manager) wake(x *object) {
	for i := 0; i < len(x.queue); {
		w := x.queue[i]
		if x.blocks(w.owner, w.mode, i) {
			i++
			continue
		}
		x.queue = slices.Delete(x.queue, i, i+1)
		w.done, w.owner.session.waiting = true, nil
		m.grant(x, w.owner, w.mode)
		close(w.granted)
	}
	m.forget(x)
}
