// Package lock is the lock manager of a node: which transaction holds which
// tables and rows, who waits for whom, and who must give way in a deadlock. It
// is a data structure in memory that knows nothing of what it protects: tables
// are numbers, rows are encoded keys.
//
// Locks order transactions that would otherwise meet at COMMIT. They are not
// what keeps the data right: the shards check the conditions of every write in
// the entries that write, so locks may be lost, with their node or with the
// leader of a shard, and what they would have kept in order then fails with
// 40001. That is why they are neither logged nor replicated.
//
// A transaction that holds the right lock on a row finds the row's conditions
// true when it commits, provided that every writer comes by its locks in one of
// two ways:
//
//   - as an Owner, which locks the table (LockTable), the rows (LockRows), reads
//     them, writes them, and releases the locks when the entries are applied;
//   - as a fast writer (EnterFast): a statement that commits by itself, in a table
//     in which nobody holds or awaits row locks. It locks nothing; who wants to
//     lock rows there waits until it has left. Such a writer waits for nobody
//     while it is in.
//
// Advisory locks are in it too, since transactions may wait for each other by both kinds.
//
// The modes, and which of them conflict, are PostgreSQL's
// (https://www.postgresql.org/docs/15/explicit-locking.html).
package lock
