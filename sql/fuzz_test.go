package sql

import (
	"strings"
	"testing"

	"millrace/sql/sqlerr"
)

// FuzzParse checks of any text that it does not crash the parser, that an
// error has a place inside of the text, and that what is accepted prints to a
// text that parses to the same tree.
func FuzzParse(f *testing.F) {
	for _, name := range []string{statementsFile, ownStatementsFile} {
		for _, line := range readLines(f, name) {
			f.Add(line)
		}
	}
	f.Add("SELECT \x00")
	f.Add("SELECT '\xff'")
	f.Add(strings.Repeat("(", 6000))
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := Parse(text)
		if err != nil {
			if e := sqlerr.From(err); e.Code == sqlerr.InternalError || e.Position > len(text) {
				t.Fatalf("%v: %s at %d of %d bytes", err, e.Code, e.Position, len(text))
			}
			return
		}
		for _, statement := range statements {
			extent := statement.Extent()
			if extent.Start < 0 || extent.Start >= extent.End || int(extent.End) > len(text) {
				t.Fatalf("extent %v of %d bytes", extent, len(text))
			}
			checkTree(t, statement)
		}
	})
}
