package types

import (
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mutate returns a text made from the type's odd inputs: pieces of two put
// together, characters dropped, doubled or replaced.
func mutate(r *rand.Rand, list []string) string {
	pick := func() string { return list[r.IntN(len(list))] }
	s := pick()
	switch r.IntN(4) {
	case 0:
		first, second := strings.Fields(s), strings.Fields(pick())
		words := append(first[:min(len(first), 1+r.IntN(3))], second...)
		r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		return strings.Join(words, " ")
	case 1:
		other := pick()
		return s[:r.IntN(len(s)+1)] + other[r.IntN(len(other)+1):]
	}
	for range 1 + r.IntN(2) {
		i := r.IntN(len(s) + 1)
		const characters = "0123456789-+:./ TZeE\"\\{}[],xa"
		c := characters[r.IntN(len(characters))]
		switch r.IntN(3) {
		case 0:
			s = s[:i] + string(c) + s[i:]
		case 1:
			s = s[:i] + s[min(i+1, len(s)):]
		default:
			s = s[:i] + string(c) + s[min(i+1, len(s)):]
		}
	}
	return s
}

// bothRefuse reports whether both outcomes are errors: of several faults in a
// text another may be named first.
func bothRefuse(got, want string) bool { return got[0] == '!' && want[0] == '!' }

// namesZone reports whether the outcome is an unknown zone: PostgreSQL takes
// most words with a digit for a zone in POSIX's form.
func namesZone(got string) bool { return strings.HasPrefix(got, "!22023 time zone") }

// TestMutatedTextAgainstPostgreSQL reads texts near the odd inputs. The number
// of texts per type can be raised with MUTATIONS, their seed set with SEED.
func TestMutatedTextAgainstPostgreSQL(t *testing.T) {
	count, seed := 150, 1
	if n, err := strconv.Atoi(os.Getenv("MUTATIONS")); err == nil {
		count = n
	}
	if n, err := strconv.Atoi(os.Getenv("SEED")); err == nil {
		seed = n
	}
	format := DefaultFormat()
	format.Now = time.Now
	var names []string
	for name := range inputs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if name == "regtype" {
			// There the grammar of types is asked, which is the parser's.
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 0))
			typ := typeNamed(t, name)
			var texts, expressions []string
			for range count {
				s := strings.ToValidUTF8(mutate(r, inputs[name]), "?")
				texts = append(texts, s)
				expressions = append(expressions, literal(s)+"::"+name)
			}
			failures := 0
			for i, want := range tryAll(t, nil, expressions) {
				got := outcome(typ, texts[i], format)
				if got != want && !bothRefuse(got, want) && !namesZone(got) {
					if failures++; failures <= 12 {
						t.Errorf("%q:\n  got  %.200s\n  want %.200s", texts[i], got, want)
					}
				}
			}
			if failures > 0 {
				t.Errorf("%d of %d differ", failures, count)
			}
		})
	}
}
