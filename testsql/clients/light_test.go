package clients

import "slices"

// light are the clients of `make test`: those that Go and what `make deps` installs
// suffice for.
func light() []client { return slices.Concat(goClients(), tools()) }
