package sql

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLargeStatements parses texts that are long in one way each, at a size
// and at ten times that size: time and memory must grow no faster.
func TestLargeStatements(t *testing.T) {
	repeat := strings.Repeat
	tests := []struct {
		name string
		text func(n int) string
	}{
		{"rows", func(n int) string {
			return "INSERT INTO t VALUES " + repeat("(1, 'abc', NULL), ", n/18) + "(1, 'x', 2)"
		}},
		{"short rows behind a long one", func(n int) string {
			return "VALUES (" + repeat("1,", n/4) + "1)" + repeat(",(1)", n/8)
		}},
		{"list", func(n int) string { return "SELECT a IN (" + repeat("1,", n/2) + "1)" }},
		{"string", func(n int) string { return "SELECT '" + repeat("x", n) + "'" }},
		{"escaped string", func(n int) string { return "SELECT E'" + repeat(`\n''`, n/4) + "'" }},
		{"string in parts", func(n int) string { return "SELECT 'a'" + repeat("\n'b'", n/4) }},
		{"dollar string", func(n int) string { return "SELECT $a$" + repeat("$b$", n/3) + "$a$" }},
		{"name", func(n int) string { return "SELECT " + repeat("A", n) }},
		{"dots", func(n int) string { return "SELECT a" + repeat(".b", n/2) }},
		{"setting", func(n int) string { return "SET a" + repeat(".b", n/2) + " = 1" }},
		{"digits", func(n int) string { return "SELECT " + repeat("1", n) }},
		{"operator", func(n int) string { return "SELECT a " + repeat("-+", n/2) + " b" }},
		{"signs", func(n int) string { return "SELECT " + repeat("- ", n/2) + "1" }},
		{"comments", func(n int) string { return "SELECT " + repeat("/* /* */ */ -- x\n", n/17) + "1" }},
		{"nested comment", func(n int) string { return "SELECT " + repeat("/*", n/4) + repeat("*/", n/4) + "1" }},
		{"spaces behind strings", func(n int) string { return "SELECT " + repeat("'a' \n , ", n/8) + "1" }},
		{"conditions", func(n int) string { return "SELECT a WHERE b" + repeat(" OR b = 1", n/9) }},
		{"parentheses", func(n int) string { return "SELECT " + repeat("((((((1)))))), ", n/15) + "1" }},
		{"open parentheses", func(n int) string { return "SELECT " + repeat("(", n) }},
		{"many runs of parentheses", func(n int) string {
			run := repeat("(", 1000) + "SELECT 1" + repeat(")", 1000)
			return "SELECT 1" + repeat(", "+run, n/len(run))
		}},
		{"types", func(n int) string { return "SELECT 1" + repeat(", a::ARRAY<ARRAY<ARRAY<INT>>>", n/29) }},
		{"statements", func(n int) string { return repeat("SELECT 1;", n/9) }},
		{"semicolons", func(n int) string { return repeat(";", n) }},
		{"columns", func(n int) string { return "CREATE TABLE t (" + repeat("a int NOT NULL, ", n/16) + "b int)" }},
		{"options", func(n int) string { return "CREATE STREAM t WITH (" + repeat("a = 'b', ", n/9) + "c = 1)" }},
		{"timing", func(n int) string { return "CREATE TABLE t (a int UNIQUE " + repeat("DEFERRABLE ", n/11) + ")" }},
		{"broken unicode string", func(n int) string { return "SELECT U&'" + repeat(`\`, n) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const size, factor = 1 << 19, 8
			shortText, longText := test.text(size), test.text(size*factor)
			small, large := parseCost(shortText), parseCost(longText)
			// What takes microseconds at either size cannot be compared, and
			// other work on the machine may disturb one of the runs.
			const slack, tries = 50 * time.Millisecond, 3
			for i := 1; i < tries && large.time > 4*factor*small.time+slack; i++ {
				large = parseCost(longText)
			}
			if large.time > 4*factor*small.time+slack {
				t.Errorf("%d times the text took %v instead of %v", factor, large.time, small.time)
			}
			const bytesPerByte = 64
			if large.memory > bytesPerByte*size*factor {
				t.Errorf("%d bytes were allocated for a text of %d", large.memory, size*factor)
			}
		})
	}
}

// cost is what one parse took: time of the processors, of which what else runs on
// the machine takes none.
type cost struct {
	time   time.Duration
	memory uint64
}

func parseCost(text string) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	// Errors are as good: they must be found fast as well.
	_, _ = Parse(text)
	took := processorTime() - start
	runtime.ReadMemStats(&after)
	return cost{took, after.TotalAlloc - before.TotalAlloc}
}

// processorTime is the time that the processors have spent on this process.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
