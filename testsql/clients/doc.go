// Package clients runs real clients, each installed by its own package manager, against
// a node that asks for passwords over TLS.
//
// A client is a program in testdata with a folder of its own, in which it is started. It
// talks to the test by lines on its standard output:
//
//	ok STEP        a step is done; STEP is a word. The test expects exactly the steps
//	               that the client's entry lists, in their order.
//	row STREAM N   a push query over STREAM has given the row N. The test inserts N+1
//	               into STREAM until the row [Rows] has come, and measures how long each
//	               takes from its INSERT to this line.
//
// Other lines are notes for people. A client that fails ends with an exit code other
// than 0. A client that writes a line must flush it.
//
// The environment says where the node is, as libpq's variables: PGHOST, PGPORT, PGUSER,
// PGPASSWORD, PGDATABASE, PGSSLMODE (verify-full) and PGSSLROOTCERT, a file with the
// test's certificate authority. MILLRACE_CERTIFICATE and MILLRACE_KEY are the files of the
// node's certificate, for a pooler in front of it. MILLRACE_KIT is the folder into which the client's
// packages are installed.
//
// The steps that every client has:
//
//	connect      by password over TLS, the certificate checked, the password bound to the
//	             connection where the client can do so
//	types        creates the table of testdata/everything.sql, inserts its three rows with
//	             parameters of the client's types, and reads equal values. The test then
//	             compares what the server has with testdata/everything.txt.
//	prepared     creates TABLE numbers (n int PRIMARY KEY) and runs one prepared INSERT
//	             1,000 times, with 0 to 999
//	transaction  an error in a transaction block: its SQLSTATE is 23505, the next
//	             statement's 25P02, and after ROLLBACK nothing of the block is there; then
//	             the same behind a savepoint, to which it rolls back and commits. What is
//	             kept is the number 1000, from before the savepoint.
//	cancel       cancels SELECT pg_sleep(60) from outside, which gives 57014, and uses the
//	             connection once more
//	push         follows SELECT n FROM a stream EMIT CHANGES WITH (snapshot = true), whose
//	             row 0 it has inserted before, prints the lines "row" up to the row [Rows],
//	             ends the query, and uses the connection once more
//
// Clients that can wait for notifications have a step more:
//
//	notify       listens to a channel, on which it gets what it notifies itself, with its
//	             own process ID; creates STREAM listened (n int), listens to it, inserts
//	             row 0, and prints the lines "row" from the changes that it is told of
//
// A part of a client's file between the lines "example: begin" and "example: end" is
// what docs/clients.md shows; another one has a word behind "begin".
package clients

// Rows is the number of rows that a push query gets after its row 0.
const Rows = 20
