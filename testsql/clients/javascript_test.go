//go:build clients

package clients

var javascriptKit = &kit{
	name: "javascript",
	needs: []tool{
		{[]string{"node", "--version"}, "20.19", "nodejs.org has newer ones"},
		{[]string{"npm", "--version"}, "9", "nodejs.org has newer ones"},
	},
	manifest: []string{"javascript/package.json"},
	install:  [][]string{{"npm", "install", "--silent", "--no-audit", "--no-fund"}},
}

func javascriptClient(name, file string, steps ...string) client {
	return client{
		name: name, folder: "javascript", kits: []*kit{javascriptKit},
		command: []string{"env", "NODE_PATH={kit}/node_modules", "node", file}, steps: steps,
	}
}

func javascriptClients() []client {
	return []client{
		javascriptClient("node-postgres", "node-postgres.js",
			commonAnd("row_events", "query_stream", "copied_push", "created_types", "notify", "copy", "cursors", "pool")...),
		javascriptClient("postgres.js", "postgres-js.js", commonAnd("cursor_push", "copied_push", "notify", "copy", "helpers")...),
		javascriptClient("knex", "knex.js", commonAnd("migrate", "builder", "rollback")...),
		javascriptClient("sequelize", "sequelize.js", commonAnd("sync", "orm", "definitions")...),
		javascriptClient("typeorm", "typeorm.js", commonAnd("sync", "orm", "migrate")...),
		javascriptClient("drizzle", "drizzle.js", commonAnd("migrate", "queries")...),
		javascriptClient("node-pg-migrate", "node-pg-migrate.js", "up", "down"),
	}
}
