//go:build !clients

package clients

import "time"

// pushDelay is how long a row may take from its INSERT to the client that follows the
// stream. `make test` does many other things at the same time.
const pushDelay = 2 * time.Second

func registered() []client { return light() }
