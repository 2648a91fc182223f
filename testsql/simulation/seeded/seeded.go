// Package seeded has Go's runtime decide by a seed: which goroutine runs next, which case
// a select takes, in which order a map is walked, and whatever else package runtime leaves
// to chance or to the time of day. It writes changed copies of a few of the runtime's
// files, which `go build -overlay` builds into a program in their stead. The seed counts
// from when the program calls the function beginBySeed, which the runtime then has.
//
// In such a program a goroutine runs until it waits: nothing is taken from it because it
// has run for long, or is in a system call. So it is one to end by a signal when it
// hangs. It does the same each time when
//   - it has one processor (GOMAXPROCS=1), and is built without C (CGO_ENABLED=0);
//   - no garbage is collected (GOGC=off), since the time when that happens is a race, and
//     the addresses that come of it decide the order of keys that are pointers;
//   - it reads no clock but that of a bubble (testing/synctest), and nothing from outside;
//   - its arguments and environment are as long as before.
//
// The copies are made from what is installed, by exact places in it: a runtime that has
// not got them is refused.
package seeded

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// change is one place in a file of the runtime, and what to have there.
type change struct{ file, place, instead string }

var changes = []change{
	// The thread that watches the others takes nothing from them, and wakes nothing.
	{"proc.go", "\t\tusleep(delay)\n", "\t\tusleep(1_000_000)\n\t\tcontinue\n"},
	// The main goroutine is not bound to its thread while packages begin: how many threads
	// that takes, which are on the heap, is a race.
	{"proc.go", "\tlockOSThread()\n\n\tif mp != &m0 {\n", "\tif mp != &m0 {\n"},
	{"proc.go", "\tneedUnlock := true\n", "\tneedUnlock := false\n"},
	{"proc.go", "\tneedUnlock = false\n\tunlockOSThread()\n\n\tif isarchive", "\tif isarchive"},
	// A goroutine that is woken is the next to run, or not, as it is under the race detector.
	{"proc.go", "\tif randomizeScheduler && next && randn(2) == 0 {\n", "\tif (randomizeScheduler || seeded.on) && next && randn(2) == 0 {\n"},
	{"rand.go", "func rand() uint64 {\n", "func rand() uint64 {\n\tif seeded.on && getg().m.p != 0 {\n\t\treturn seededNext()\n\t}\n"},
	// That a thread begins is not decided by the seed.
	{"rand.go", "\tmp.cheaprand = rand()\n", "\tmp.cheaprand = bootstrapRand()\n"},
	{"select.go", "\t\tj := cheaprandn(uint32(norder + 1))\n", "\t\tj := seededBelow(uint32(norder + 1))\n"},
	{"time.go", "\t\t\tt.rand = cheaprand()\n", "\t\t\tt.rand = seededBelow(1 << 31)\n"},
	// At the start, before there is a seed, hashes get their keys.
	{"rand.go", "\tglobalRand.state.Init(*seed)\n", "\tclear(seed[:])\n\tglobalRand.state.Init(*seed)\n"},
	// Whether a mutex is handed over to who waits for it depends on how long that has waited:
	// here as if whatever runs took twenty microseconds.
	{"sema.go", "func internal_sync_nanotime() int64 {\n",
		"func internal_sync_nanotime() int64 {\n\tif seeded.on {\n\t\treturn 1 + int64(getg().m.p.ptr().schedtick)*20_000\n\t}\n"},
}

// added is a file of its own in package runtime. %s is the package that begins.
const added = `package runtime

import (
	"internal/runtime/math"
	_ "unsafe" // for go:linkname
)

// seeded is what chance is made of once a program has begun.
var seeded struct {
	on    bool
	state uint64
	// first is the goroutine that began, and done a hash of which goroutine drew in which turn.
	first, done uint64
}

// seededNext is wyrand.
//
//go:nosplit
func seededNext() uint64 {
	mp := getg().m
	turn := uint64(mp.p.ptr().schedtick)
	if mp.curg != nil {
		turn ^= (mp.curg.goid - seeded.first) << 32
	}
	seeded.done = (seeded.done ^ turn) * 0x9e3779b97f4a7c15
	seeded.state += 0xa0761d6478bd642f
	high, low := math.Mul64(seeded.state, seeded.state^0xe7037ed1a0b428db)
	return high ^ low
}

// seededBelow returns a number below n.
func seededBelow(n uint32) uint32 {
	if !seeded.on {
		return cheaprandn(n)
	}
	return uint32((seededNext() >> 32 * uint64(n)) >> 32)
}

//go:linkname seededBegin %[1]s.beginBySeed
func seededBegin(seed uint64) {
	seeded.on, seeded.state, seeded.done, seeded.first = true, seed, 0, getg().goid
}

//go:linkname seededDone %[1]s.doneBySeed
func seededDone() uint64 { return seeded.done }
`

// Write writes the changed files into a folder, for package path to begin, and returns the
// file for -overlay.
func Write(goroot, folder, path string) (string, error) {
	runtime := filepath.Join(goroot, "src", "runtime")
	texts := map[string]string{}
	for _, c := range changes {
		if texts[c.file] == "" {
			text, err := os.ReadFile(filepath.Join(runtime, c.file))
			if err != nil {
				return "", err
			}
			texts[c.file] = string(text)
		}
		if strings.Count(texts[c.file], c.place) != 1 {
			return "", fmt.Errorf("%s has no single place %q", filepath.Join(runtime, c.file), c.place)
		}
		texts[c.file] = strings.Replace(texts[c.file], c.place, c.instead, 1)
	}
	texts["seeded.go"] = fmt.Sprintf(added, path)
	replace := map[string]string{}
	for file, text := range texts {
		// Not a Go file where it is, which may be within a module.
		to := filepath.Join(folder, file+".txt")
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(runtime, file)] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	to := filepath.Join(folder, "overlay.json")
	return to, os.WriteFile(to, overlay, 0o644)
}
