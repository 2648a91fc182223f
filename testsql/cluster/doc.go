// Package cluster tests clusters of nodes in processes of their own, over real sockets.
// The larger tests run by make test-cluster.
package cluster
