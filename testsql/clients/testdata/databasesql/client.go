// The program drives a node through database/sql, with the driver that its argument
// names: pgx or postgres (lib/pq).
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open(os.Args[1], "")
	check(err)
	var user string
	check(db.QueryRowContext(ctx, "SELECT current_user").Scan(&user))
	expect(user, os.Getenv("PGUSER"))
	fmt.Println("ok connect")
	for _, step := range []struct {
		name string
		do   func(context.Context, *sql.DB)
	}{
		{"types", types}, {"prepared", prepared}, {"transaction", transaction}, {"cancel", cancelled}, {"push", push},
	} {
		step.do(ctx, db)
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

// expectCode wants an error with a SQLSTATE, which each driver has in a type of its own.
func expectCode(err error, code string) {
	var ours *pgconn.PgError
	var theirs *pq.Error
	switch {
	case errors.As(err, &ours) && ours.Code == code:
	case errors.As(err, &theirs) && string(theirs.Code) == code:
	default:
		panic(fmt.Sprintf("%v, want SQLSTATE %s", err, code))
	}
}

var everything = [][]any{
	{
		1, true, -32768, 2147483647, int64(-9223372036854775808), 1.5, 0.1, "1234567890123456.7890",
		`grün ☃ 'quoted' \ back`, "varying", "fixed ", []byte{0, 0xff, 0x10},
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "23:59:59.123456",
		time.Date(2001, 1, 1, 12, 34, 56, 789000000, time.UTC), time.Date(2024, 6, 30, 23, 59, 59, 999999000, time.UTC),
		"2 days 03:04:05.5", "00112233-4455-6677-8899-aabbccddeeff",
		`{"a": [1, null, "x"]}`, `{"b": {"c": true}}`, "{1,NULL,-3}", `{a,"b c",NULL,""}`,
	},
	append([]any{2}, make([]any, 21)...),
	{
		3, false, 0, 0, 0, "NaN", "-Infinity", "0.0000", "", "", "      ", []byte{},
		time.Unix(0, 0).UTC(), "00:00:00", time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC(),
		"00:00:00", "00000000-0000-0000-0000-000000000000", `[]`, `"text"`, "{}", "{}",
	},
}

func types(ctx context.Context, db *sql.DB) {
	definition, err := os.ReadFile("../everything.sql")
	check(err)
	_, err = db.ExecContext(ctx, string(definition))
	check(err)
	for _, row := range everything {
		_, err := db.ExecContext(ctx, `INSERT INTO everything
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22)`, row...)
		check(err)
	}
	rows, err := db.QueryContext(ctx, `SELECT id, b, i2, i4, i8, f4, f8, n, t, vc, ch, by, d, ti::text, ts, tz, iv::text, u::text,
		j::text, jb::text, ia::text, ta::text FROM everything ORDER BY id`)
	check(err)
	defer rows.Close()
	for _, want := range everything {
		if !rows.Next() {
			panic("rows are missing")
		}
		got, into := make([]any, len(want)), make([]any, len(want))
		for i := range got {
			into[i] = &got[i]
		}
		check(rows.Scan(into...))
		for i := range got {
			expect(plain(got[i], want[i]), plain(want[i], want[i]))
		}
	}
	check(rows.Err())
}

// plain prints times in UTC and bytes as text where text is wanted.
func plain(value, want any) string {
	switch v := value.(type) {
	case time.Time:
		return fmt.Sprint(v.UTC())
	case []byte:
		if _, isText := want.(string); isText {
			return string(v)
		}
	case float64:
		if text, isText := want.(string); isText {
			return map[string]string{"NaN": "NaN", "-Inf": text}[fmt.Sprint(v)]
		}
	}
	return fmt.Sprint(value)
}

func prepared(ctx context.Context, db *sql.DB) {
	_, err := db.ExecContext(ctx, `CREATE TABLE numbers (n int PRIMARY KEY)`)
	check(err)
	put, err := db.PrepareContext(ctx, `INSERT INTO numbers VALUES ($1)`)
	check(err)
	defer put.Close()
	for n := range 1000 {
		result, err := put.ExecContext(ctx, n)
		check(err)
		affected, err := result.RowsAffected()
		check(err)
		expect(affected, 1)
	}
}

func transaction(ctx context.Context, db *sql.DB) {
	tx, err := db.BeginTx(ctx, nil)
	check(err)
	_, err = tx.ExecContext(ctx, `INSERT INTO numbers VALUES (2000)`)
	check(err)
	_, err = tx.ExecContext(ctx, `INSERT INTO numbers VALUES (1)`)
	expectCode(err, "23505")
	_, err = tx.ExecContext(ctx, `SELECT 1`)
	expectCode(err, "25P02")
	check(tx.Rollback())

	tx, err = db.BeginTx(ctx, nil)
	check(err)
	for _, statement := range []string{`INSERT INTO numbers VALUES (1000)`, `SAVEPOINT before`} {
		_, err = tx.ExecContext(ctx, statement)
		check(err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO numbers VALUES (1)`)
	expectCode(err, "23505")
	_, err = tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT before`)
	check(err)
	check(tx.Commit())
}

// cancelled lets the context end, upon which the driver gives up the statement, and
// waits until the server has done so as well.
func cancelled(ctx context.Context, db *sql.DB) {
	limited, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	_, err := db.ExecContext(limited, `SELECT pg_sleep(60)`)
	if err == nil {
		panic("pg_sleep was not cancelled")
	}
	for running := 1; running > 0; {
		check(db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'`).Scan(&running))
	}
}

func push(ctx context.Context, db *sql.DB) {
	_, err := db.ExecContext(ctx, `CREATE STREAM ticks (n int)`)
	check(err)
	_, err = db.ExecContext(ctx, `INSERT INTO ticks VALUES (0)`)
	check(err)
	check(follow(ctx, db))
	check(db.PingContext(ctx))
}

// example: begin

// follow prints the rows of a stream as they come, on a connection of its own. The end
// of the context ends the push query, and closes that connection.
func follow(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := db.QueryContext(ctx, `SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)`)
	if err != nil {
		return err
	}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		fmt.Println("row ticks", n)
		if n == 20 {
			cancel()
		}
	}
	if err := rows.Err(); ctx.Err() == nil {
		return err
	}
	return nil
}

// example: end
