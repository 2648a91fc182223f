//go:build !seeded

package simulation

// beginBySeed does nothing: Go's runtime decides by chance.
func beginBySeed(uint64) {}

// doneBySeed tells nothing.
func doneBySeed() uint64 { return 0 }
