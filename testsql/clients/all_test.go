//go:build clients

package clients

import (
	"slices"
	"time"
)

// pushDelay is how long a row may take from its INSERT to the client that follows the
// stream.
const pushDelay = 100 * time.Millisecond

// registered are all clients: `make test-clients`.
func registered() []client {
	return slices.Concat(light(), pythonClients(), javascriptClients(), javaClients(), rustClients(), poolers())
}
