//go:build seeded

package simulation

import _ "unsafe" // for go:linkname

// beginBySeed has the runtime decide by a seed from now on.
//
//go:linkname beginBySeed
func beginBySeed(seed uint64)

// doneBySeed is a hash of which goroutines have run since, in which order.
//
//go:linkname doneBySeed
func doneBySeed() uint64
