package testsql

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"millrace/sql/expr"
)

// sectionOf returns the lines of a document below a heading of level two.
func sectionOf(t *testing.T, document, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(document, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("there is no heading %q", heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

// TestFunctionsAreDocumented compares the lists of functions, aggregates and
// operators in docs/sql.md with what there is.
func TestFunctionsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	isName := regexp.MustCompile(`^[a-z]\w*$`)
	functions, operators, aggregates := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, f := range expr.AllFunctions() {
		if isName.MatchString(f.Name) {
			functions[f.Name] = true
		} else {
			operators[f.Name] = true
		}
	}
	for _, a := range expr.AllAggregates() {
		aggregates[a.Name] = true
	}
	// What the planner expands: subqueries over the catalog.
	functions["pg_get_viewdef"] = true
	for _, f := range expr.AllSetFunctions() {
		functions[f.Name] = true
	}
	// <> has a second name.
	operators["!="] = true
	compare(t, "function", documented(sectionOf(t, document, "Functions"), 1), functions)
	compare(t, "aggregate", documented(sectionOf(t, document, "Aggregates"), 1), aggregates)
	compare(t, "operator", documented(sectionOf(t, document, "Expressions"), 0), operators)
}

// documented returns the words in backquotes in one cell of a section's table.
func documented(section string, cell int) map[string]bool {
	quoted := regexp.MustCompile("`([^`]+)`")
	words := map[string]bool{}
	for line := range strings.Lines(section) {
		line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00")
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for _, match := range quoted.FindAllStringSubmatch(cells[cell], -1) {
			words[strings.ReplaceAll(match[1], "\x00", "|")] = true
		}
	}
	return words
}

func compare(t *testing.T, what string, documented, existing map[string]bool) {
	t.Helper()
	for name := range existing {
		if !documented[name] {
			t.Errorf("the %s %s is not documented", what, name)
		}
	}
	for name := range documented {
		if !existing[name] {
			t.Errorf("the documented %s %s does not exist", what, name)
		}
	}
}
