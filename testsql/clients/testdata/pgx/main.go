// The program drives a node with pgx.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, "")
	check(err)
	var user string
	check(c.QueryRow(ctx, "SELECT current_user").Scan(&user))
	expect(user, os.Getenv("PGUSER"))
	fmt.Println("ok connect")
	for _, step := range []struct {
		name string
		do   func(context.Context, *pgx.Conn)
	}{
		{"types", types}, {"prepared", prepared}, {"transaction", transaction}, {"cancel", cancelled}, {"push", push},
		{"notify", notified}, {"modes", modes}, {"copy", copies}, {"batch", batch},
	} {
		step.do(ctx, c)
		fmt.Println("ok", step.name)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(got, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		panic(fmt.Sprintf("got %v, want %v", got, want))
	}
}

func expectCode(err error, code string) {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) || failure.Code != code {
		panic(fmt.Sprintf("%v, want SQLSTATE %s", err, code))
	}
}

const (
	insert = `INSERT INTO everything VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22)`
	read   = `SELECT * FROM everything ORDER BY id`
)

// everything are the rows of the table, as pgx reads them.
func everything() [][]any {
	var n, zero pgtype.Numeric
	check(n.Scan("1234567890123456.7890"))
	check(zero.Scan("0"))
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	return [][]any{
		{
			int32(1), true, int16(-32768), int32(math.MaxInt32), int64(math.MinInt64), float32(1.5), 0.1, n,
			`grün ☃ 'quoted' \ back`, "varying", "fixed ", []byte{0, 0xff, 0x10},
			day(2024, 2, 29), pgtype.Time{Microseconds: 86399123456, Valid: true},
			time.Date(2001, 1, 1, 12, 34, 56, 789000000, time.UTC), time.Date(2024, 6, 30, 23, 59, 59, 999999000, time.UTC),
			pgtype.Interval{Days: 2, Microseconds: 11045500000, Valid: true},
			[16]byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff},
			map[string]any{"a": []any{1.0, nil, "x"}}, map[string]any{"b": map[string]any{"c": true}},
			[]any{int32(1), nil, int32(-3)}, []any{"a", "b c", nil, ""},
		},
		append([]any{int32(2)}, make([]any, 21)...),
		{
			int32(3), false, int16(0), int32(0), int64(0), float32(math.NaN()), math.Inf(-1), zero,
			"", "", "      ", []byte{},
			day(1970, 1, 1), pgtype.Time{Valid: true}, day(1970, 1, 1), day(1970, 1, 1), pgtype.Interval{Valid: true},
			[16]byte{}, []any{}, "text", []any{}, []any{},
		},
	}
}

func types(ctx context.Context, c *pgx.Conn) {
	definition, err := os.ReadFile("../everything.sql")
	check(err)
	_, err = c.Exec(ctx, string(definition))
	check(err)
	for _, row := range everything() {
		_, err := c.Exec(ctx, insert, parameters(row)...)
		check(err)
	}
	rows, err := c.Query(ctx, read)
	check(err)
	expectRows(rows)
}

// parameters has JSON's string as text of JSON: pgx takes a string for that.
func parameters(row []any) []any {
	row = slices.Clone(row)
	if row[19] == "text" {
		row[19] = `"text"`
	}
	return row
}

func expectRows(rows pgx.Rows) {
	var got [][]any
	for rows.Next() {
		values, err := rows.Values()
		check(err)
		got = append(got, values)
	}
	check(rows.Err())
	want := everything()
	expect(len(got), len(want))
	for i := range want {
		for j := range want[i] {
			expect(plain(got[i][j]), plain(want[i][j]))
		}
	}
}

// plain prints times in UTC, and zero without its scale, which is in text only.
func plain(value any) string {
	switch value := value.(type) {
	case time.Time:
		return fmt.Sprint(value.UTC())
	case pgtype.Numeric:
		if value.Int != nil && value.Int.Sign() == 0 {
			return "0"
		}
	}
	return fmt.Sprint(value)
}

func prepared(ctx context.Context, c *pgx.Conn) {
	_, err := c.Exec(ctx, `CREATE TABLE numbers (n int PRIMARY KEY)`)
	check(err)
	_, err = c.Prepare(ctx, "put", `INSERT INTO numbers VALUES ($1)`)
	check(err)
	for i := range 1000 {
		_, err := c.Exec(ctx, "put", i)
		check(err)
	}
}

func transaction(ctx context.Context, c *pgx.Conn) {
	tx, err := c.Begin(ctx)
	check(err)
	_, err = tx.Exec(ctx, `INSERT INTO numbers VALUES (2000)`)
	check(err)
	_, err = tx.Exec(ctx, `INSERT INTO numbers VALUES (1)`)
	expectCode(err, "23505")
	_, err = tx.Exec(ctx, `SELECT 1`)
	expectCode(err, "25P02")
	check(tx.Rollback(ctx))

	check(pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO numbers VALUES (1000)`)
		check(err)
		savepoint, err := tx.Begin(ctx)
		check(err)
		_, err = savepoint.Exec(ctx, `INSERT INTO numbers VALUES (1)`)
		expectCode(err, "23505")
		return savepoint.Rollback(ctx)
	}))
}

func cancelled(ctx context.Context, c *pgx.Conn) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for { // a request that comes before the statement has begun does nothing
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				check(c.PgConn().CancelRequest(ctx))
			}
		}
	}()
	_, err := c.Exec(ctx, `SELECT pg_sleep(60)`)
	expectCode(err, "57014")
	close(done)
	<-gone
	check(c.Ping(ctx))
}

func push(ctx context.Context, c *pgx.Conn) {
	_, err := c.Exec(ctx, `CREATE STREAM ticks (n int)`)
	check(err)
	_, err = c.Exec(ctx, `INSERT INTO ticks VALUES (0)`)
	check(err)
	check(follow(ctx, c))
	check(c.Ping(ctx))
}

// example: begin

// follow prints the rows of a stream as they come. The push query ends by a
// CancelRequest, so that the connection can be used on; a context that ends closes it.
func follow(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, `SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		fmt.Println("row ticks", n)
		if n == 20 {
			if err := c.PgConn().CancelRequest(ctx); err != nil {
				return err
			}
		}
	}
	var failure *pgconn.PgError
	if errors.As(rows.Err(), &failure) && failure.Code == "57014" { // query_canceled
		return nil
	}
	return rows.Err()
}

// example: end

// modes does the same in all ways in which pgx sends a query: with its own cache of
// statements or descriptions, with a Describe each time, without, and as text.
func modes(ctx context.Context, c *pgx.Conn) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		config, err := pgx.ParseConfig("")
		check(err)
		config.DefaultQueryExecMode = mode
		c, err := pgx.ConnectConfig(ctx, config)
		check(err)
		for _, row := range everything() {
			values := parameters(row)
			values[0] = row[0].(int32) + 10
			if mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol {
				describe(values)
			}
			_, err := c.Exec(ctx, insert, values...)
			check(err)
		}
		rows, err := c.Query(ctx, `SELECT id - 10`+columns+` FROM everything WHERE id > $1 ORDER BY id`, 10)
		check(err)
		expectRows(rows)
		_, err = c.Exec(ctx, `DELETE FROM everything WHERE id = ANY ($1)`, []int32{11, 12, 13})
		check(err)
		rows, err = c.Query(ctx, `SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true) LIMIT 21`)
		check(err)
		seen, err := pgx.CollectRows(rows, pgx.RowTo[int32])
		check(err)
		expect(len(seen), 21)
		check(c.Close(ctx))
	}
}

const columns = `, b, i2, i4, i8, f4, f8, n, t, vc, ch, by, d, ti, ts, tz, iv, u, j, jb, ia, ta`

// describe gives the values types by which pgx knows them without the server.
func describe(values []any) {
	for i, value := range values {
		switch value := value.(type) {
		case map[string]any:
			text, err := json.Marshal(value)
			check(err)
			values[i] = string(text)
		case [16]byte:
			values[i] = pgtype.UUID{Bytes: value, Valid: true}
		case []any:
			values[i] = described(i, value)
		}
	}
}

func described(column int, list []any) any {
	switch column {
	case 18: // the column j
		return "[]"
	case 20: // ia
		out := []*int32{}
		for _, element := range list {
			number, isNumber := element.(int32)
			out = append(out, &number)
			if !isNumber {
				out[len(out)-1] = nil
			}
		}
		return out
	}
	out := []*string{}
	for _, element := range list {
		text, isText := element.(string)
		out = append(out, &text)
		if !isText {
			out[len(out)-1] = nil
		}
	}
	return out
}

// notified waits for a notification of its own, and for changes of a stream.
func notified(ctx context.Context, c *pgx.Conn) {
	for _, statement := range []string{`LISTEN gate`, `NOTIFY gate, 'opened'`, `CREATE STREAM listened (n int)`} {
		_, err := c.Exec(ctx, statement)
		check(err)
	}
	n, err := c.WaitForNotification(ctx)
	check(err)
	expect(*n, pgconn.Notification{PID: c.PgConn().PID(), Channel: "gate", Payload: "opened"})
	for _, statement := range []string{`LISTEN listened`, `INSERT INTO listened VALUES (0)`} {
		_, err := c.Exec(ctx, statement)
		check(err)
	}
	for {
		n, err := c.WaitForNotification(ctx)
		check(err)
		var change struct {
			RowOp string `json:"rowop"`
			N     int    `json:"n"`
		}
		check(json.Unmarshal([]byte(n.Payload), &change))
		expect(change.RowOp, "insert")
		fmt.Println("row", n.Channel, change.N)
		if change.N == 20 {
			break
		}
	}
	_, err = c.Exec(ctx, `UNLISTEN *`)
	check(err)
}

// copies writes with CopyFrom, which is binary, and with COPY's text.
func copies(ctx context.Context, c *pgx.Conn) {
	_, err := c.Exec(ctx, `CREATE TABLE copied (n bigint PRIMARY KEY, t text, at timestamptz)`)
	check(err)
	n, err := c.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"n", "t", "at"}, pgx.CopyFromSlice(5000, func(i int) ([]any, error) {
		return []any{int64(i), fmt.Sprint("row ", i), time.Unix(int64(i), 0)}, nil
	}))
	check(err)
	expect(n, 5000)
	tag, err := c.PgConn().CopyFrom(ctx, strings.NewReader("5000\t\\N\t\\N\n"), `COPY copied FROM STDIN`)
	check(err)
	expect(tag.String(), "COPY 1")
	var out strings.Builder
	_, err = c.PgConn().CopyTo(ctx, &out, `COPY (SELECT count(*), sum(n), count(t) FROM copied) TO STDOUT (FORMAT csv)`)
	check(err)
	expect(out.String(), "5001,12502500,5000\n")
}

// batch sends many statements at once, of which one fails.
func batch(ctx context.Context, c *pgx.Conn) {
	var b pgx.Batch
	for i := range 100 {
		b.Queue(`UPDATE copied SET t = $2 WHERE n = $1`, i, "changed")
	}
	b.Queue(`SELECT count(*) FROM copied WHERE t = 'changed'`).QueryRow(func(row pgx.Row) error {
		var n int
		check(row.Scan(&n))
		expect(n, 100)
		return nil
	})
	check(c.SendBatch(ctx, &b).Close())

	var failing pgx.Batch
	failing.Queue(`UPDATE copied SET t = 'lost' WHERE n = 0`)
	failing.Queue(`SELECT 1 / 0`)
	failing.Queue(`UPDATE copied SET t = 'lost' WHERE n = 1`)
	expectCode(c.SendBatch(ctx, &failing).Close(), "22012")
	var n int
	check(c.QueryRow(ctx, `SELECT count(*) FROM copied WHERE t = 'lost'`).Scan(&n))
	expect(n, 0)
}
