package exec

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"millrace/sql/catalog"
)

const messageShards = 3

// sameMessage compares messages; what is empty is nothing.
var sameMessage = cmp.Options{
	cmp.AllowUnexported(freshRequest{}, freshAnswer{}, freshAt{}, stageID{}, stageNumbers{}, queryStatus{}, shardReport{}, queryReport{}, lag{}),
	cmpopts.EquateEmpty(),
}

func drawStageNumbers(t *rapid.T) []stageNumbers {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stageNumbers {
		return stageNumbers{
			stageID{catalog.ObjectID(rapid.Uint32().Draw(t, "query")), rapid.IntRange(0, 9).Draw(t, "stage")},
			rapid.SliceOfN(rapid.Uint64(), messageShards, messageShards).Draw(t, "numbers"),
		}
	}), 0, 4).Draw(t, "stages")
}

func drawFreshAt(t *rapid.T) freshAt {
	return freshAt{rapid.IntRange(0, 1000).Draw(t, "query"), rapid.IntRange(0, 9).Draw(t, "stage")}
}

// TestFreshnessMessagesKeepTheirContent sends messages as one node does to another.
func TestFreshnessMessagesKeepTheirContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := &freshRequest{
			at: drawFreshAt(t), index: rapid.Uint64().Draw(t, "index"), wanted: drawStageNumbers(t),
			timeout: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "timeout")),
		}
		for _, id := range rapid.SliceOfN(rapid.Uint32(), 0, 5).Draw(t, "queries") {
			request.queries = append(request.queries, catalog.ObjectID(id))
		}
		decoded, err := decodeFreshRequest(request.append(nil), messageShards)
		if diff := cmp.Diff(request, decoded, sameMessage); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		answer := &freshAnswer{
			at: drawFreshAt(t), index: rapid.Uint64().Draw(t, "index"), sent: drawStageNumbers(t),
			stopped: freshStop(rapid.IntRange(0, int(freshNotRunning)).Draw(t, "stopped")),
		}
		if answer.stopped == freshNotRunning {
			answer.status = queryStatus{state: queryFailed, failure: rapid.String().Draw(t, "failure")}
		}
		got, err := decodeFreshAnswer(answer.append(nil), messageShards)
		if diff := cmp.Diff(answer, got, sameMessage); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

// TestReportsKeepTheirContent sends a shard's report as one node does to another.
func TestReportsKeepTheirContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		report := shardReport{
			reached: true, term: rapid.Uint64().Draw(t, "term"), index: rapid.Uint64().Draw(t, "index"),
			failed: rapid.Bool().Draw(t, "failed"), queries: map[catalog.ObjectID]queryReport{},
		}
		for _, id := range rapid.SliceOfN(rapid.Uint32(), 0, 5).Draw(t, "queries") {
			report.queries[catalog.ObjectID(id)] = queryReport{
				queryStatus{state: queryPaused, failure: rapid.String().Draw(t, "failure"), late: rapid.Uint64().Draw(t, "late")},
				lag{rapid.Int64().Draw(t, "rows"), rapid.Int64().Draw(t, "batches"), rapid.Bool().Draw(t, "scanning")},
				rapid.Int64().Draw(t, "consumed"),
			}
		}
		got, err := decodeShardReport(report.append(nil))
		if diff := cmp.Diff(report, got, sameMessage); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func FuzzDecodeFreshness(f *testing.F) {
	f.Add((&freshRequest{queries: []catalog.ObjectID{7}, wanted: []stageNumbers{{stageID{7, 1}, []uint64{1, 2, 3}}}}).append(nil))
	f.Add((&freshAnswer{stopped: freshNotRunning, status: queryStatus{failure: "why"}}).append(nil))
	f.Add((&shardReport{queries: map[catalog.ObjectID]queryReport{3: {}}}).append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeFreshRequest(data, messageShards); err == nil {
			if again, err := decodeFreshRequest(r.append(nil), messageShards); err != nil || !cmp.Equal(r, again, sameMessage) {
				t.Errorf("%+v came back as %+v, %v", r, again, err)
			}
		}
		if a, err := decodeFreshAnswer(data, messageShards); err == nil {
			if again, err := decodeFreshAnswer(a.append(nil), messageShards); err != nil || !cmp.Equal(a, again, sameMessage) {
				t.Errorf("%+v came back as %+v, %v", a, again, err)
			}
		}
		_, _ = decodeShardReport(data)
		_, _ = decodeSeenVersion(data)
		_, _ = (&Engine{loops: make([]*shardLoop, messageShards)}).decodeShards(data)
	})
}
