// Package transport carries what the nodes of a cluster say to each other: Raft's
// messages of every group, requests with answers, messages in order, and streams of
// bytes, all over one listening port per node.
//
// # Connections
//
// A node makes a connection to another when it first has something to say, and keeps
// it. A connection carries requests from its dialer to its acceptor and the answers
// back, so two nodes that talk have connections in both directions. Each belongs to a
// Class, so that bulk never delays a heartbeat:
//
//   - control: Raft's heartbeats and votes,
//   - entries: the entries of Raft's logs,
//   - calls: requests and messages of this node's other parts,
//   - stream: one connection for one stream; TCP's own flow control is the stream's,
//   - join: one call by address, by a node that may not be a member yet.
//
// What is to be sent over the first three waits in an outbox; one goroutine writes it in
// frames of at most 64 KiB, the large ones in turns, as many small ones in one write as
// there are.
//
// # What holds
//
//   - A request is handled at most once: it is never sent a second time. When it fails,
//     ErrUnreachable says that it was certainly not handled, ErrFateUnknown that it may
//     have been.
//   - Messages of one method from one node are handled in the order of Send, one at a
//     time. The connection that a new one replaces is read no further before the new
//     one is.
//   - Raft's requests to append entries of one group and node are handled in their order.
//   - The goroutine that reads a connection never waits for a handler or for room to
//     answer: nodes cannot block each other by asking each other.
//   - What a peer can make a node hold is bounded: by the size of a message, the bytes of
//     messages that are incomplete, the number of handlers, the messages that wait.
//   - When a connection ends, the contexts of its handlers do; nothing of it outlives
//     Transport.Close.
//
// Peers are believed once they are connected: with TLS, a connection is one of a node
// that has a certificate of the cluster's authority.
package transport
