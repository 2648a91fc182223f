package exec

import (
	"fmt"
	"slices"
	"testing"

	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// defining is a transaction that defines something and writes to all shards, which
// crashes interrupt.
type defining struct {
	*interrupted
	// copy is the catalog with its definitions, command what defines them, and forget
	// whether their commit was forgotten.
	copy    *catalog.Snapshot
	command *catalog.Define
}

const definingRows = 30

// beginDefining changes table u, which has a derived table, makes table w and one
// derived from it, and the stream z, and writes to u, w, z and t.
func beginDefining(t *testing.T) *defining {
	d := &defining{interrupted: beginInterrupted(t)}
	c := d.cluster
	d.command = &catalog.Define{Transaction: d.id, Aborts: c.snapshot.Aborts()}
	c.apply(&catalog.ReserveIDs{Count: 100})
	base := c.snapshot
	d.copy, d.command.End = base, base.NextID()
	next := base.NextID() - 100
	for _, text := range []string{
		`ALTER TABLE u ADD COLUMN y INT`,
		`CREATE TABLE w (id INT PRIMARY KEY, x INT UNIQUE)`,
		`CREATE TABLE sums AS SELECT count(*) AS n, sum(x) AS x FROM w`,
		`CREATE STREAM z (k INT KEY)`,
	} {
		command := commandOf(t, d.copy, text)
		after, step, _, err := d.copy.Extend(command, base.Version(), next)
		if err != nil {
			t.Fatal(err)
		}
		d.copy, next, d.command.Steps = after, after.NextID(), append(d.command.Steps, step)
	}
	d.parts = map[int][]part{}
	for _, name := range []string{"u", "w", "z", "t"} {
		d.add(&Rows{Relation: d.copy.Lookup("public", name), Batch: d.someRows(name)})
	}
	w := d.copy.Lookup("public", "w")
	entries := d.copy.UniqueRelation(d.copy.UniqueOf(w.ID)[0].ID)
	batch, _ := UniqueEntries(entries, w, d.someRows("w"))
	d.add(&Rows{Relation: entries, Batch: batch})
	for _, parts := range d.parts {
		for i := range parts {
			parts[i].own = changes(base, d.copy, parts[i].relation)
			if own := parts[i].relation != c.snapshot.Lookup("public", "t").ID; parts[i].own != own {
				t.Fatalf("own is %v for relation %d", parts[i].own, parts[i].relation)
			}
		}
	}
	return d
}

func commandOf(t *testing.T, snapshot *catalog.Snapshot, text string) catalog.Command {
	t.Helper()
	switch n := planned(t, snapshot, text).(type) {
	case *plan.Alter:
		return n.Command
	case *plan.DDL:
		return n.Command
	default:
		t.Fatalf("%s is no definition", text)
		return nil
	}
}

// someRows are rows of a relation whose first column counts and whose others are 1,
// but for the second one of w.
func (d *defining) someRows(name string) *types.Batch {
	relation := d.copy.Lookup("public", name)
	batch := newColumns(relation)
	for n := range definingRows {
		row := make([]types.Datum, len(relation.Columns))
		for i := range row {
			row[i] = types.IntDatum(1)
			if i == 0 || name == "w" {
				row[i] = types.IntDatum(int64(n))
			}
		}
		batch.AppendRow(row, 1)
	}
	return batch
}

func newColumns(relation *catalog.Relation) *types.Batch {
	columns := make([]types.Type, len(relation.Columns))
	for i := range columns {
		columns[i] = relation.Columns[i].Type
	}
	return types.NewBatch(columns)
}

func (d *defining) add(rows *Rows) {
	if table := d.copy.Relation(rows.Relation.ID); table != nil {
		for _, index := range d.copy.UniqueOf(table.ID) {
			rows.Unique = append(rows.Unique, index.ID)
		}
	}
	if err := d.writer.split(rows, 0, d.parts); err != nil {
		d.t.Fatal(err)
	}
}

// define is the catalog's entry.
func (d *defining) define() bool {
	next, _, err := catalog.Apply(d.snapshot, d.command)
	if err == nil {
		d.snapshot = next
	}
	return err == nil
}

// conclude does what Engine.concludeDefined does, up to a number of steps: it asks the
// catalog, has every shard finish, and forgets.
func (d *defining) conclude(last int, what outcome) {
	next, result, err := catalog.Apply(d.snapshot, &catalog.DecideTransaction{ID: d.id})
	if err != nil {
		d.t.Fatal(err)
	}
	d.snapshot = next
	d.finish(result.Count == 1, last, what)
}

func (d *defining) finish(commit bool, last int, what outcome) {
	var steps []transactionStep
	for _, shard := range d.shards {
		steps = append(steps, transactionStep{shard, &request{kind: requestFinish, transaction: d.id, commit: commit}})
	}
	if last >= 0 && last < len(steps) {
		d.runFinish(steps[:last+1], last, what)
		return
	}
	d.runFinish(steps, -1, committed)
	if commit {
		d.apply(&catalog.ForgetTransaction{ID: d.id})
	}
}

// runFinish has shards finish, the one with number last with another outcome.
func (d *defining) runFinish(steps []transactionStep, last int, what outcome) {
	for n, step := range steps {
		s, r := d.cluster.shards[step.shard], step.request
		r.done = func(_ bool, err error) {
			if err != nil {
				d.t.Fatal(err)
			}
		}
		s.requests = append(s.requests, r)
		if n == last {
			s.stepTo(what)
			s.requests = nil // who asked is gone
			return
		}
		s.stepTo(committed)
	}
}

// resolve does what the resolver does after a crash.
func (d *defining) resolve(last int, what outcome) {
	for _, open := range d.crash() {
		if open.coordinator != catalogCoordinator || open.id != d.id {
			d.t.Fatalf("transaction %v of %d is open", open.id, open.coordinator)
		}
	}
	d.conclude(last, what)
}

// TestDefiningCrashes crashes all shards at every step of a transaction that defines
// something, and again while what is left of it is resolved: all of its definitions and
// rows are there or none, and nothing is held afterwards.
func TestDefiningCrashes(t *testing.T) {
	const prepares, finishes = 3, 3
	for first := range prepares + 1 + finishes {
		for _, what := range []outcome{lost, unknown} {
			for second := range finishes + 1 {
				t.Run(fmt.Sprintf("%d/%d/%d", first, what, second), func(t *testing.T) {
					d := beginDefining(t)
					done := first > prepares || first == prepares && what == unknown
					d.interrupt(first, what)
					d.resolve(second, what)
					if d.define() && !done {
						t.Fatal("the definitions count behind an abort")
					}
					d.resolve(-1, committed)
					d.settle()
					d.verify(done)
				})
			}
		}
	}
}

// interrupt runs the transaction up to a step, whose entry has a given outcome.
func (d *defining) interrupt(last int, what outcome) {
	var steps []transactionStep
	for _, shard := range d.shards {
		steps = append(steps, transactionStep{shard, &request{
			kind: requestPrepare, transaction: d.id, coordinator: catalogCoordinator, participant: d.shards, parts: d.parts[shard],
		}})
	}
	if last < len(steps) {
		d.run(steps, last, what)
		return
	}
	d.run(steps, -1, committed)
	if last == len(steps) {
		if what == unknown {
			d.define()
		}
		return
	}
	if !d.define() {
		d.t.Fatal("the definitions are refused")
	}
	d.finish(true, last-len(steps)-1, what)
}

func (d *defining) verify(commit bool) {
	d.t.Helper()
	if exists := d.snapshot.Lookup("public", "w") != nil; exists != commit {
		d.t.Fatalf("the definitions are there: %v", exists)
	}
	if len(d.snapshot.Committed()) > 0 {
		d.t.Error("the transaction is not forgotten")
	}
	total := fmt.Sprintf("%d %d", definingRows, definingRows)
	want := map[string][]string{"total": {"0"}, "t": nil, "u": nil}
	if commit {
		sum := definingRows * (definingRows - 1) / 2
		want = map[string][]string{
			"total": {total}, "sums": {fmt.Sprintf("%d %d", definingRows, sum)}, "t": d.printed("t"), "u": d.printed("u"), "w": d.printed("w"),
		}
	}
	for name, rows := range want {
		if got := d.cluster.rows(name); !slices.Equal(got, rows) {
			d.t.Errorf("%s has %q, want %q", name, got, rows)
		}
	}
	appended := int64(0)
	for _, s := range d.cluster.shards {
		if z := d.copy.Lookup("public", "z"); s.partitions[uint64(z.ID)] != nil {
			appended += s.partitions[uint64(z.ID)].NextOffset()
		}
		if len(s.core.prepared)+len(s.core.locks) > 0 {
			d.t.Errorf("shard %d holds %d transactions and %d keys", s.number, len(s.core.prepared), len(s.core.locks))
		}
		s.checkDrained()
		s.checkStore()
	}
	if commit != (appended == definingRows) || !commit && appended > 0 {
		d.t.Errorf("the stream has %d rows", appended)
	}
}

// printed are the rows that the transaction wrote to a relation.
func (d *defining) printed(name string) []string {
	rows := d.someRows(name)
	var lines []string
	for i := range rows.Len {
		lines = append(lines, printRow(rows.Select([]int32{int32(i)}), d.copy.Lookup("public", name)))
	}
	slices.Sort(lines)
	return lines
}

// TestDefinedRowsAreLocked locks the rows of a transaction in what it has made from the
// moment on at which others can write there.
func TestDefinedRowsAreLocked(t *testing.T) {
	d := beginDefining(t)
	d.interrupt(3, lost)
	d.crash()
	if !d.define() {
		t.Fatal("the definitions are refused")
	}
	for _, s := range d.cluster.shards {
		s.stepTo(committed)
		rows := 0
		for i := range d.parts[s.number] {
			if d.snapshot.Lookup("public", "z").ID != d.parts[s.number][i].relation {
				rows += d.parts[s.number][i].rows.Len
			}
		}
		if len(s.core.locks) != rows || rows == 0 {
			t.Errorf("shard %d has locked %d of %d rows", s.number, len(s.core.locks), rows)
		}
	}
}
