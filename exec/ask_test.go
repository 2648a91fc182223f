package exec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"millrace/exec/lock"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// TestFailuresKeepTheirFields sends errors as one node does to another.
func TestFailuresKeepTheirFields(t *testing.T) {
	coded := sqlerr.New(sqlerr.UniqueViolation, 17, "duplicate key").WithDetail("Key (a)=(1) already exists.").WithHint("Use ON CONFLICT.")
	coded.Schema, coded.Table, coded.Constraint = "public", "t", "t_pkey"
	got := sqlerr.From(decodeFailure(appendFailure(nil, fmt.Errorf("around: %w", coded))))
	if got.Code != coded.Code || got.Message != coded.Message || got.Detail != coded.Detail || got.Hint != coded.Hint ||
		got.Position != 17 || got.Schema != "public" || got.Table != "t" || got.Constraint != "t_pkey" {
		t.Errorf("%+v came back as %+v", coded, got)
	}
	for _, kind := range []error{ErrNotLeader, ErrConflict, ErrChanged, ErrStopped} {
		err := decodeFailure(appendFailure(nil, fmt.Errorf("why: %w", kind)))
		if !errors.Is(err, kind) || !isAnswer(err) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%v came back as %v", kind, err)
		}
	}
	if err := decodeFailure(appendFailure(nil, Changed())); !errors.Is(err, ErrChanged) || sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		t.Errorf("a changed relation came back as %v", err)
	}
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add(appendFailure(nil, Changed()))
	f.Add([]byte{1, 1, 0, 200})
	f.Fuzz(func(t *testing.T, data []byte) {
		if decodeFailure(data) == nil {
			t.Error("an encoded error came back as none")
		}
	})
}

// FuzzServices asks every service of a node for whatever comes: it answers, or refuses, and
// goes on.
func FuzzServices(f *testing.F) {
	c := newNodes(f, 1, 2, 2)
	c.node(1).define(`CREATE TABLE t (id INT PRIMARY KEY, n INT)`)
	c.node(1).define(`CREATE TABLE counts AS SELECT n, count(*) AS c FROM t GROUP BY n`)
	c.node(1).define(`CREATE SEQUENCE s`)
	e := c.node(1).engine
	methods := slices.Sorted(maps.Keys(e.services))
	version := e.newestCatalog().Version()
	add := func(method string, request []byte) { f.Add(uint8(slices.Index(methods, method)), request) }
	add(serviceSubmit, appendRequest(nil, 1, version, &request{kind: requestDecide, participant: []int{0, 1}, commit: true}))
	add(serviceExchange, (&delivery{from: 0, to: 1, sender: stageID{7, 0}, receiver: stageID{7, 1}, number: 1, version: version, payload: []byte{1}}).append([]byte{exchangeVersion}))
	add(serviceExchange, acknowledgement{from: 0, to: 1, sender: stageID{7, 0}, wanted: 9, resend: true}.append([]byte{exchangeVersion}))
	add("lock", (&lockRequest{verb: lockRows, life: 1, session: 1, owner: 1, op: 1, mode: lock.Update, keys: []string{"x"}}).append(nil))
	add("lock.lease", appendUvarints(nil, 1, uint64(lock.Writers), lockedTable))
	add("lock.recall", appendUvarints(nil, 1, 1, lockedTable, 1, 1))
	add("sequence.next", appendUvarints(nil, 3, 10))
	add(seenMethod, seenVersion{version, 3}.append(nil))
	add(freshMethod, append(appendUvarints(nil, 1, 0, 0), (&freshRequest{queries: []catalog.ObjectID{7}}).append(nil)...))
	f.Fuzz(func(t *testing.T, method uint8, request []byte) {
		name := methods[int(method)%len(methods)]
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _ = e.askNode(ctx, 1, name, request)
		_, _ = decodeProposed(request)
	})
}
