//go:build !clients

package clients

func registered() []client { return light() }
