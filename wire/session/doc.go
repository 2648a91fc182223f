// Package session is a client's state and a statement's life, free of sockets:
// settings, prepared statements, portals, cursors and the transaction, and the
// way of each statement from text through the planner to the backend and back
// to the client. The package wire gives it a protocol.
//
// # Transactions
//
// The writes of a transaction are held in its session and become one atomic
// write at COMMIT. Its own queries read through them where they concern source
// tables. ROLLBACK, and ROLLBACK TO a savepoint, drop what is held. The rows that
// it writes are locked until it ends: see lock.go.
// A statement outside BEGIN … COMMIT is its own transaction, and the statements
// of one simple query, or between two Syncs of the extended protocol, share one,
// as in PostgreSQL. A definition (CREATE, DROP …) is not part of a transaction:
// it is refused between BEGIN and COMMIT, and elsewhere first commits what the
// statements before it wrote.
package session
