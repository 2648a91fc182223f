package lock

import (
	"strings"
	"testing"
)

// TestConflicts holds the modes against PostgreSQL's tables
// (https://www.postgresql.org/docs/15/explicit-locking.html): a letter for each
// mode in the order of the columns, X for a conflict.
func TestConflicts(t *testing.T) {
	for _, table := range []struct {
		first Mode
		rows  string
	}{
		{AccessShare, `
			.......X
			......XX
			....XXXX
			...XXXXX
			..XX.XXX
			..XXXXXX
			.XXXXXXX
			XXXXXXXX`},
		{KeyShare, `
			...X
			..XX
			.XXX
			XXXX`},
	} {
		for i, row := range strings.Fields(table.rows) {
			for j, letter := range row {
				a, b := table.first+Mode(i), table.first+Mode(j)
				if got := conflicts[a].has(b); got != (letter == 'X') {
					t.Errorf("%s and %s: conflict is %t", a, b, got)
				}
			}
		}
	}
}

// TestConflictsAreSymmetric also shows that modes of tables and of rows have
// nothing to do with each other.
func TestConflictsAreSymmetric(t *testing.T) {
	for a := range modes {
		for b := range modes {
			if conflicts[a].has(b) != conflicts[b].has(a) {
				t.Errorf("%s and %s", a, b)
			}
			if a.Row() != b.Row() && conflicts[a].has(b) {
				t.Errorf("%s and %s meet", a, b)
			}
		}
	}
}

// TestChangesAreLocks shows that who changes a row keeps away at least those whom
// the lock of the same strength keeps away.
func TestChangesAreLocks(t *testing.T) {
	for change, lock := range map[Mode]Mode{ChangeRow: NoKeyUpdate, ChangeKey: Update} {
		if !covers(setOf(change), lock) || covers(setOf(lock), change) {
			t.Errorf("%s does not go beyond %s", change, lock)
		}
	}
}
