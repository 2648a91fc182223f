package session

import (
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// Signal implements expr.Session
// (https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL).
func (s *Session) Signal(pid int32, terminate bool) (bool, error) {
	if s.options.Registry == nil {
		return false, nil
	}
	other := s.options.Registry.find(pid)
	if other == nil {
		return false, s.notice("WARNING", sqlerr.New(sqlerr.Warning, -1, "PID %d is not a PostgreSQL server process", pid))
	}
	if err := s.maySignal(other.clientRoleIn(s.catalog()), terminate); err != nil {
		return false, err
	}
	if terminate {
		other.client.Terminate(nil)
	} else {
		other.client.Cancel()
	}
	return true, nil
}

// maySignal refuses to disturb the clients of a role that the session's role may not
// act for.
func (s *Session) maySignal(of catalog.ObjectID, terminate bool) error {
	snapshot := s.catalog()
	role := s.role()
	verb, what := "canceled", "query"
	if terminate {
		verb, what = "terminated", "process"
	}
	switch {
	case snapshot.IsSuperuser(role):
		return nil
	case snapshot.IsSuperuser(of):
		if terminate {
			return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be a superuser to terminate superuser process")
		}
		return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "must be a superuser to cancel superuser query")
	case snapshot.Acts(role, of) || snapshot.Acts(role, catalog.SignalBackendID):
		return nil
	default:
		return sqlerr.New(sqlerr.InsufficientPrivilege, -1,
			"must be a member of the role whose %s is being %s or member of pg_signal_backend", what, verb)
	}
}
