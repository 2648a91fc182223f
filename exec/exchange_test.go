package exec

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace/sql/catalog"
)

func drawnStage(t *rapid.T) stageID {
	return stageID{catalog.ObjectID(rapid.Uint64().Draw(t, "query")), rapid.IntRange(0, 9).Draw(t, "stage")}
}

// TestMessagesKeepTheirContent sends deliveries and acknowledgements as one node does to
// another.
func TestMessagesKeepTheirContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := []byte{exchangeVersion}
		var want exchangedItems
		shard := rapid.IntRange(0, 3)
		for range rapid.IntRange(0, 5).Draw(t, "items") {
			if rapid.Bool().Draw(t, "delivers") {
				d := &delivery{
					sender: drawnStage(t), receiver: drawnStage(t), from: shard.Draw(t, "from"), to: shard.Draw(t, "to"),
					number: rapid.Uint64().Draw(t, "number"), version: rapid.Uint64().Draw(t, "version"),
					payload: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "payload"),
				}
				message, want.deliveries = d.append(message), append(want.deliveries, d)
				continue
			}
			a := acknowledgement{
				sender: drawnStage(t), from: shard.Draw(t, "from"), to: shard.Draw(t, "to"),
				wanted: rapid.Uint64().Draw(t, "wanted"), resend: rapid.Bool().Draw(t, "resend"),
			}
			message, want.acks = a.append(message), append(want.acks, a)
		}
		got, err := readExchange(slices.Clone(message), 4)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(exchangedItems{}, delivery{}, acknowledgement{}, stageID{}, shardProducer{})); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzReadExchange(f *testing.F) {
	f.Add((&delivery{from: 1, to: 2, payload: []byte{1, 0}}).append([]byte{exchangeVersion}))
	f.Add(acknowledgement{from: 1, to: 2, wanted: 300}.append([]byte{exchangeVersion}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if out, err := readExchange(data, 4); err == nil {
			for _, d := range out.deliveries {
				if d.from > 3 || d.to > 3 {
					t.Errorf("a delivery from %d to %d was read", d.from, d.to)
				}
			}
		}
	})
}
