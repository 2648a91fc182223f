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
	snapshot := s.catalog()
	asked := signal{process: uint32(pid), terminate: terminate, role: s.role()}
	outcome, of, err := s.options.Registry.signal(s.life, snapshot, asked)
	switch {
	case err != nil:
		return false, sqlerr.New(sqlerr.ConnectionFailure, -1, "the node of PID %d cannot be asked: %w", pid, err)
	case outcome == signalDelivered:
		return true, nil
	case outcome == signalNoProcess:
		return false, s.notice("WARNING", sqlerr.New(sqlerr.Warning, -1, "PID %d is not a PostgreSQL server process", pid))
	}
	if err := maySignal(snapshot, asked.role, of, terminate); err != nil {
		return false, err
	}
	// The catalog of the other node was another one.
	return false, signalRefusal(terminate)
}

// maySignal refuses to disturb the clients of a role that another may not act for.
func maySignal(snapshot *catalog.Snapshot, role, of catalog.ObjectID, terminate bool) error {
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
		return signalRefusal(terminate)
	}
}

func signalRefusal(terminate bool) error {
	verb, what := "canceled", "query"
	if terminate {
		verb, what = "terminated", "process"
	}
	return sqlerr.New(sqlerr.InsufficientPrivilege, -1,
		"must be a member of the role whose %s is being %s or member of pg_signal_backend", what, verb)
}
