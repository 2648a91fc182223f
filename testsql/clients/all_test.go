//go:build clients

package clients

import "slices"

// registered are all clients: `make test-clients`.
func registered() []client {
	return slices.Concat(light(), pythonClients(), javascriptClients(), javaClients(), rustClients(), poolers())
}
