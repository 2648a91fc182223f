package clients

// tools are PostgreSQL's own programs.
func tools() []client {
	return []client{
		{name: "psql", command: []string{"sh", "client.sh"}, steps: commonAnd("notify")},
		{name: "pgbench", folder: "tools", command: []string{"sh", "bench.sh"}, steps: []string{"initialize", "simple", "extended", "prepared"}},
	}
}
