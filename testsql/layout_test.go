package testsql

import (
	"os/exec"
	"strings"
	"testing"
)

// mayImport lists, per folder, the folders of ours that its packages may
// import, apart from themselves and what lies below them. Imports follow the
// data; what is not listed is an error, so a new package has to be placed here.
var mayImport = map[string][]string{
	"sql/sqlerr":            {},
	"sql/types":             {"sql/sqlerr"},
	"sql/ast":               {"sql/types", "sql/sqlerr"},
	"sql":                   {"sql/ast", "sql/types", "sql/sqlerr"},
	"sql/expr":              {"sql/types", "sql/sqlerr"},
	"sql/catalog":           {"sql/types", "sql/sqlerr"},
	"sql/catalog/systables": {"sql/catalog", "sql/expr", "sql/types", "sql/sqlerr"},
	"log":                   {},
	"tables":                {"sql/types"},
	"planner/plan":          {"sql"},
	"planner":               {"planner/plan", "sql"},
	"exec/operator":         {"planner/plan", "sql"},
	"exec/lock":             {},
	"exec/pull":             {"exec/operator", "planner/plan", "sql"},
	"exec":                  {"exec/lock", "exec/operator", "exec/pull", "planner", "sql", "log", "tables"},
	"cluster/transport":     {},
	"cluster":               {"log", "tables"},
	"wire/session":          {"wire/auth", "wire/notify", "sql", "planner", "exec"},
	"wire/auth":             {"sql"},
	"wire/notify":           {"sql"},
	"wire":                  {"wire/auth", "wire/notify", "wire/session", "sql", "planner", "exec"},
	"cmd":                   {"sql", "planner", "exec", "log", "tables", "cluster", "wire"},
	"testsql":               {"cmd", "exec", "sql", "planner", "wire"},
}

// bannedImports are packages of others that shadow ours or have a replacement.
var bannedImports = map[string]string{
	"log":          "use log/slog",
	"database/sql": "use pgx",
}

// TestImportRanks holds the imports of every package against the ranks.
func TestImportRanks(t *testing.T) {
	output, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "millrace/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		words := strings.Fields(line)
		if len(words) > 0 {
			checkImports(t, strings.TrimPrefix(words[0], "millrace/"), words[1:])
		}
	}
}

func checkImports(t *testing.T, folder string, imports []string) {
	t.Helper()
	allowed, place := rankOf(folder)
	if place == "" {
		t.Errorf("package %s has no rank", folder)
		return
	}
	for _, path := range imports {
		if why, banned := bannedImports[path]; banned {
			t.Errorf("%s imports %s: %s", folder, path, why)
		}
		ours, isOurs := strings.CutPrefix(path, "millrace/")
		if isOurs && !within(ours, place) && !anyWithin(ours, allowed) {
			t.Errorf("%s may not import %s", folder, ours)
		}
	}
}

// rankOf returns the entry of the closest folder that has one.
func rankOf(folder string) (allowed []string, place string) {
	for at := folder; at != ""; {
		if allowed, known := mayImport[at]; known {
			return allowed, at
		}
		i := strings.LastIndexByte(at, '/')
		if i < 0 {
			break
		}
		at = at[:i]
	}
	return nil, ""
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func anyWithin(path string, folders []string) bool {
	for _, folder := range folders {
		if within(path, folder) {
			return true
		}
	}
	return false
}
