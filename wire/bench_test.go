package wire_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// benchmarkExchange measures how long messages take from send to ReadyForQuery,
// with a backend that costs next to nothing.
func benchmarkExchange(b *testing.B, lines ...string) {
	server := startServer(b, nil)
	server.define(b, "CREATE STREAM events (n int, word text)")
	c := startRaw(b, "tcp", server.address, nil)
	c.exchange(`Parse "i" "INSERT INTO events VALUES ($1, $2)"`, `Parse "s" "SELECT n, word FROM events WHERE n = $1"`, "Sync")
	b.ReportAllocs()
	for b.Loop() {
		ready := c.send(lines...)
		for ready > 0 {
			message, err := c.frontend.Receive()
			if err != nil {
				b.Fatal(err)
			}
			switch m := message.(type) {
			case *pgproto3.ReadyForQuery:
				ready--
			case *pgproto3.ErrorResponse:
				b.Fatal(m.Message)
			}
		}
	}
}

func BenchmarkInsertSimple(b *testing.B) {
	benchmarkExchange(b, `Query "INSERT INTO events VALUES (1, 'word')"`)
}

func BenchmarkInsertPrepared(b *testing.B) {
	benchmarkExchange(b, `Bind "" "i" 1 word`, `Execute "" 0`, "Sync")
}

func BenchmarkSelectConstant(b *testing.B) { benchmarkExchange(b, `Query "SELECT 1"`) }

func BenchmarkInsertThousand(b *testing.B) {
	benchmarkExchange(b, `Query "INSERT INTO events VALUES `+strings.Repeat("(1, 'word'), ", 999)+`(1, 'word')"`)
}

// benchmarkResult measures how many rows of flights a second a result gives.
func benchmarkResult(b *testing.B, query string) {
	const rows = 100_000
	server := startServer(b, nil)
	server.define(b, "CREATE STREAM flights (departure timestamp, origin text, destination text, delay int, distance int)",
		"INSERT INTO flights SELECT TIMESTAMP '2001-01-01 00:47:00', 'DTW', 'LAS', n % 100, 1750 FROM generate_series(1, 100000) g(n)")
	c := startRaw(b, "tcp", server.address, nil)
	b.ReportAllocs()
	for b.Loop() {
		ready := c.send("Query " + strconv.Quote(query))
		for ready > 0 {
			message, err := c.frontend.Receive()
			if err != nil {
				b.Fatal(err)
			}
			switch m := message.(type) {
			case *pgproto3.ReadyForQuery:
				ready--
			case *pgproto3.ErrorResponse:
				b.Fatal(m.Message)
			}
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkSelectRows(b *testing.B) { benchmarkResult(b, "SELECT * FROM flights") }

func BenchmarkCopyTo(b *testing.B) { benchmarkResult(b, "COPY flights TO STDOUT WITH (FORMAT csv)") }
