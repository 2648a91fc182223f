package clients

// light are the clients of `make test`, which need nothing that is not there for the
// other tests.
func light() []client {
	return []client{
		{name: "pgx", command: []string{"go", "run", "."}, steps: commonAnd("modes", "copy", "batch")},
	}
}
