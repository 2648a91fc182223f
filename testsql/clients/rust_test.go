//go:build clients

package clients

// rustKit has the program itself, built.
var rustKit = &kit{
	name:     "rust",
	needs:    []tool{{[]string{"cargo", "--version"}, "1.89", "rustup has newer ones"}},
	manifest: []string{"rust/Cargo.toml", "rust/main.rs"},
	install:  [][]string{{"cargo", "build", "--quiet"}},
}

func rustClients() []client {
	return []client{
		{
			name: "tokio-postgres", folder: "rust", kits: []*kit{rustKit}, command: []string{"{kit}/target/debug/client"},
			steps: commonAnd("copied_push", "copy", "cursors", "pipeline"),
		},
	}
}
