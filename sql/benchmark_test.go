package sql

import (
	"fmt"
	"strings"
	"testing"
)

// insertOf returns an INSERT of so many rows of six values.
func insertOf(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO flights (departure, origin, destination, delay, distance, remark) VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "('2024-01-01 10:%02d:00', 'ORD', 'SFO', %d, %d.5, NULL)", i%60, i, i*3)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	benchmarks := []struct {
		name, text string
		literals   int
	}{
		{"InsertRow", insertOf(1), 6},
		{"Insert1000Rows", insertOf(1000), 6000},
		{"Insert100000Rows", insertOf(100_000), 600_000},
		{"Select", `SELECT origin, destination, count(*) AS n FROM flights
			WHERE delay > 60 AND origin IN ('ORD', 'JFK') GROUP BY origin, destination ORDER BY n DESC LIMIT 10`, 0},
	}
	for _, benchmark := range benchmarks {
		b.Run(benchmark.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(benchmark.text)))
			for b.Loop() {
				if _, err := Parse(benchmark.text); err != nil {
					b.Fatal(err)
				}
			}
			if benchmark.literals > 0 {
				b.ReportMetric(float64(benchmark.literals)*float64(b.N)/b.Elapsed().Seconds(), "literals/s")
			}
		})
	}
}
