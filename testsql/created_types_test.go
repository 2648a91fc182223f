package testsql

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// address is a composite type as a program has it.
type address struct {
	Street *string
	Number int32
	Mood   string
}

// TestCreatedTypesInPgx loads enums and composite types into pgx, as its documentation
// says, and sends and receives values of them in binary: the same on PostgreSQL.
func TestCreatedTypesInPgx(t *testing.T) {
	n := harness.StartNode(t, node.Options{})
	for name, c := range map[string]*pgx.Conn{
		"millrace": harness.Connect(t, harness.NodeURL(n.Addr())), "postgres": harness.StartPostgres(t, false, "fsync=off").Connect(t),
	} {
		t.Run(name, func(t *testing.T) { checkCreatedTypes(t, c) })
	}
}

func checkCreatedTypes(t *testing.T, c *pgx.Conn) {
	harness.Exec(t, c, `CREATE TYPE mood AS ENUM ('sad', 'happy')`)
	harness.Exec(t, c, `CREATE TYPE address AS (street TEXT, number INT, m mood)`)
	harness.Exec(t, c, `CREATE TABLE people (id INT PRIMARY KEY, m mood, ms mood[], a address, aa address[])`)
	for _, name := range []string{"mood", "mood[]", "address", "address[]"} {
		loaded, err := c.LoadType(t.Context(), name)
		if err != nil {
			t.Fatalf("load %s: %v", name, err)
		}
		c.TypeMap().RegisterType(loaded)
	}
	street := `High "Street", (1)`
	home, work := address{&street, 7, "happy"}, address{nil, -1, "sad"}
	if _, err := c.Exec(t.Context(), `INSERT INTO people VALUES ($1, $2, $3, $4, $5)`, 1, "happy", []string{"sad", "happy"}, home, []address{home, work}); err != nil {
		t.Fatal(err)
	}
	var m string
	var ms []string
	var a address
	var aa []address
	if err := c.QueryRow(t.Context(), `SELECT m, ms, a, aa FROM people WHERE m = $1 AND a = $2::address`, "happy", home).Scan(&m, &ms, &a, &aa); err != nil {
		t.Fatal(err)
	}
	if m != "happy" || !slices.Equal(ms, []string{"sad", "happy"}) || *a.Street != street || a.Number != 7 || a.Mood != "happy" ||
		len(aa) != 2 || aa[1].Street != nil || aa[1].Number != -1 || aa[1].Mood != "sad" {
		t.Errorf("got %v, %v, %v, %v", m, ms, a, aa)
	}
	var texts []string
	if err := c.QueryRow(t.Context(), `SELECT ARRAY[m::text, ms::text, a::text, aa::text, (a).street, (aa[2]).number::text] FROM people`).Scan(&texts); err != nil {
		t.Fatal(err)
	}
	want := []string{"happy", "{sad,happy}", `("High ""Street"", (1)",7,happy)`, `{"(\"High \"\"Street\"\", (1)\",7,happy)","(,-1,sad)"}`, street, "-1"}
	if !slices.Equal(texts, want) {
		t.Errorf("texts are %q, want %q", texts, want)
	}
}
