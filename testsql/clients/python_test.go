//go:build clients

package clients

var pythonKit = &kit{
	name:     "python",
	needs:    []tool{{[]string{"python3", "--version"}, "3.10", "python.org has newer ones"}},
	manifest: []string{"python/requirements.txt"},
	install: [][]string{
		{"python3", "-m", "venv", "venv"},
		{"venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	},
}

func pythonClient(name, file string, steps ...string) client {
	return client{name: name, folder: "python", kits: []*kit{pythonKit}, command: []string{"{kit}/venv/bin/python", "-B", file}, steps: steps}
}

func pythonClients() []client {
	return []client{
		pythonClient("psycopg3", "psycopg3.py", commonAnd("copied_push", "fetched_push", "copy", "pipeline", "cursors", "created_types", "notify", "async")...),
		pythonClient("psycopg2", "psycopg2_client.py", commonAnd("copied_push", "copy", "batches", "cursors", "notify", "async")...),
		pythonClient("asyncpg", "asyncpg_client.py", commonAnd("copied_push", "copy", "cursors", "introspection", "created_types", "notify", "repeatable")...),
		pythonClient("sqlalchemy", "sqlalchemy_client.py", commonAnd("reflect", "orm")...),
		pythonClient("alembic", "alembic_client.py", "upgrade", "compare", "downgrade"),
		pythonClient("django", "django_client.py", commonAnd("migrate", "orm", "introspect", "unmigrate")...),
	}
}
