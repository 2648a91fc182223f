//go:build clients

package clients

// javaKit has the libraries in the folder lib. The clients' own classes are compiled
// when they are started.
var javaKit = &kit{
	name: "java",
	needs: []tool{
		{[]string{"javac", "-version"}, "17", "adoptium.net has newer ones"},
		{[]string{"mvn", "-v"}, "3.6", "maven.apache.org has newer ones"},
	},
	manifest: []string{"java/pom.xml"},
	install:  [][]string{{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"}},
}

func javaClient(name, class string, steps ...string) client {
	return client{
		name: name, folder: "java", kits: []*kit{javaKit},
		command: []string{"sh", "-e", "run.sh", "{kit}", class}, steps: steps,
	}
}

func javaClients() []client {
	return []client{
		javaClient("jdbc", "Jdbc",
			commonAnd("copied_push", "fetched_push", "batches", "copy", "cursors", "updatable", "created_types", "metadata", "notify")...),
		javaClient("hibernate", "Hibernate", commonAnd("orm", "validate", "drop")...),
		javaClient("flyway", "FlywayMigrations", "migrate", "failed", "again", "clean"),
	}
}
