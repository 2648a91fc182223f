package session

import (
	"maps"

	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// savepoint is what ROLLBACK TO goes back to.
type savepoint struct {
	name              string
	held, heldBytes   int
	settings, lasting *values
	readOnly          bool
	// cursors is how many cursors had been declared.
	cursors  int
	restarts map[catalog.ObjectID]catalog.Sequence
	// locks is the mark in the transaction's locks, and sent and listening are those in
	// its notifications.
	locks, sent, listening int
	// steps and rewrites are the counts of the transaction's definitions.
	steps, rewrites int
}

// savepointStatement is SAVEPOINT.
func (s *Session) savepointStatement(n *ast.Savepoint) (string, error) {
	if err := s.requireBlock("SAVEPOINT"); err != nil {
		return "", err
	}
	t := &s.transaction
	steps, rewrites := t.definitions.counts()
	t.savepoints = append(t.savepoints, savepoint{
		steps: steps, rewrites: rewrites,
		name: n.Name.Value, held: len(t.held), heldBytes: t.heldBytes,
		settings: s.settings, lasting: s.lasting, readOnly: t.readOnly, cursors: s.cursorCount,
		locks: s.lockMark(), restarts: maps.Clone(t.restarts),
		sent: len(t.notifications.sent), listening: len(t.notifications.listening),
	})
	return "SAVEPOINT", nil
}

// findSavepoint returns the number of the youngest savepoint with a name.
func (s *Session) findSavepoint(name ast.Identifier) (int, error) {
	for i := len(s.transaction.savepoints) - 1; i >= 0; i-- {
		if s.transaction.savepoints[i].name == name.Value {
			return i, nil
		}
	}
	return 0, sqlerr.New("3B001", -1, "savepoint %q does not exist", name.Value)
}

// release is RELEASE SAVEPOINT.
func (s *Session) release(n *ast.ReleaseSavepoint) (string, error) {
	if err := s.requireBlock("RELEASE SAVEPOINT"); err != nil {
		return "", err
	}
	i, err := s.findSavepoint(n.Name)
	if err != nil {
		return "", err
	}
	s.transaction.savepoints = s.transaction.savepoints[:i]
	return "RELEASE", nil
}

// rollbackTo is ROLLBACK TO SAVEPOINT, which also brings a failed block back.
func (s *Session) rollbackTo(n *ast.RollbackTo) (string, error) {
	if err := s.requireBlock("ROLLBACK TO SAVEPOINT"); err != nil {
		return "", err
	}
	i, err := s.findSavepoint(n.Name)
	if err != nil {
		return "", err
	}
	t := &s.transaction
	point := t.savepoints[i]
	t.savepoints = t.savepoints[:i+1]
	if err := s.undefine(point.steps, point.rewrites); err != nil {
		return "", err
	}
	s.cut(point.held, point.heldBytes)
	t.notifications.cut(point.sent, point.listening)
	s.releaseLocks(point.locks)
	t.readOnly, t.restarts = point.readOnly, s.restartsAt(point.restarts)
	t.state = stateBlock
	s.settings, s.lasting = point.settings, point.lasting
	for name, c := range s.cursors {
		if c.number > point.cursors {
			s.closeCursor(name)
		}
	}
	return "ROLLBACK", nil
}
