//go:build clients

package clients

func poolers() []client {
	return []client{
		{name: "pgbouncer", folder: "tools", command: []string{"sh", "pgbouncer.sh"}, steps: commonAnd("notify", "reset", "transactions")},
	}
}
