package clients

// goClients are drivers of Go. database/sql's program is a module of its own, so that
// the drivers are none of Millrace's modules.
func goClients() []client {
	packages := &kit{
		name:     "databasesql",
		manifest: []string{"databasesql/go.mod", "databasesql/go.sum", "databasesql/client.go"},
		install:  [][]string{{"go", "build", "-o", "client", "."}},
	}
	databaseSQL := func(name, driver string) client {
		return client{name: name, folder: "databasesql", kits: []*kit{packages}, command: []string{"{kit}/client", driver}, steps: common}
	}
	return []client{
		{name: "pgx", command: []string{"go", "run", "."}, steps: commonAnd("notify", "modes", "copy", "batch")},
		databaseSQL("databasesql-pgx", "pgx"),
		databaseSQL("databasesql-pq", "postgres"),
	}
}
