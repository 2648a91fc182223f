// Package auth decides who may connect: the rules that say how clients prove who
// they are (rule.go), what is kept of a password (verifier.go), the exchange of
// SCRAM-SHA-256 (scram.go), and the certificates of TLS (certificates.go). It knows
// neither sockets nor messages.
package auth
