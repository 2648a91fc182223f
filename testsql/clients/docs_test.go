package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExamplesAreTested holds the examples of docs/clients.md against the programs
// that they are parts of.
func TestExamplesAreTested(t *testing.T) {
	document, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)<!-- (\\S+?)( \\w+)? -->\n```\\w+\n(.*?)```\n").FindAllStringSubmatch(string(document), -1)
	if len(blocks) == 0 || len(blocks) != strings.Count(string(document), "```")/2 {
		t.Errorf("%d blocks name their program, of %d fences", len(blocks), strings.Count(string(document), "```"))
	}
	for _, block := range blocks {
		program, err := os.ReadFile(filepath.Join("testdata", block[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		part := regexp.MustCompile(`(?s)example: begin` + block[2] + `\n(.*?)\n[^\n]*example: end`).FindSubmatch(program)
		if part == nil {
			t.Errorf("%s has no example%s", block[1], block[2])
			continue
		}
		if got, want := unindented(block[3]), unindented(string(part[1])); got != want {
			t.Errorf("%s: the document has\n%s\nand the program\n%s", block[1], got, want)
		}
	}
}

// unindented is a text without the white space before and behind its lines and
// without empty lines at its ends.
func unindented(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}
