package types

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLabelsKeepTheirPositions adds labels in any places of an enum: those that are there
// keep their positions, and positions are in the order of the labels.
func TestLabelsKeepTheirPositions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &Named{ID: 1, Name: "e"}
		var order []string
		for i := range rapid.IntRange(1, 60).Draw(t, "labels") {
			at := rapid.IntRange(0, len(order)).Draw(t, "place")
			label := string(rune('A' + i))
			next, err := n.WithLabel(at, EnumLabel{Label: label})
			if err != nil {
				// Only halving a distance again and again leaves no room.
				if i < 35 {
					t.Fatal(err)
				}
				continue
			}
			for _, l := range n.Labels {
				if position, err := next.Position(l.Label); err != nil || position != l.Position {
					t.Fatalf("label %s moved from %d to %d", l.Label, l.Position, position)
				}
			}
			order = append(order[:at:at], append([]string{label}, order[at:]...)...)
			n = next
		}
		for i, l := range n.Labels {
			if l.Label != order[i] || n.Label(l.Position) != l.Label {
				t.Fatalf("label %d is %s, want %s", i, l.Label, order[i])
			}
			if i > 0 && l.Position <= n.Labels[i-1].Position {
				t.Fatalf("positions %d and %d are not in order", n.Labels[i-1].Position, l.Position)
			}
		}
	})
}

// FuzzRow reads rows as text and in binary: what is accepted reads the same again.
func FuzzRow(f *testing.F) {
	f.Add(`("a ""b""",sad,"(1,""{x,NULL}"")",2001-02-03,"{""k"": 1}")`, []byte{0, 0, 0, 5, 0, 0, 0, 25, 255, 255, 255, 255})
	f.Add(`(,,,,)`, []byte{})
	f.Add(` ( "\\\"" ,,,,) `, []byte{0, 0, 0, 5})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		format := DefaultFormat()
		check := func(d Datum, err error) {
			if err != nil {
				return
			}
			printed := AppendText(nil, testComposite, d, format)
			again, err := ParseText(testComposite, string(printed), format)
			if err != nil || Compare(testComposite, d, again) != 0 {
				t.Fatalf("%q reads as %v (%v)", printed, again, err)
			}
			again, err = ParseBinary(testComposite, AppendBinary(nil, testComposite, d))
			if err != nil || Compare(testComposite, d, again) != 0 {
				t.Fatalf("%q in binary reads as %v (%v)", printed, again, err)
			}
		}
		check(ParseText(testComposite, text, format))
		check(ParseBinary(testComposite, data))
	})
}
