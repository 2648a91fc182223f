// Package wire speaks PostgreSQL's frontend/backend protocol, version 3.0
// (https://www.postgresql.org/docs/15/protocol.html), on behalf of the sessions
// of package session.
//
// Each connection has one goroutine, which reads messages, runs statements and
// writes results. While a statement has run for longer than a moment, a second
// one reads ahead, so that a client that vanishes or says goodbye ends its
// statement. An idle connection keeps no buffers but a small one.
//
// Message bodies are encoded and decoded by pgproto3. The framing is this
// package's own: memory grows with the bytes that arrived, never with a length
// that was only announced, and rows go from columnar batches to the output
// buffer without a value in between.
package wire
