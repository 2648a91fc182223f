package node

import (
	"strings"
	"testing"
)

// TestClusterOptions looks at what follows from flags about other nodes, and at what is
// refused.
func TestClusterOptions(t *testing.T) {
	for _, test := range []struct {
		given    Cluster
		insecure bool
		// listen and advertise are what comes of it; say is a part of the error.
		listen, advertise, say string
	}{
		{given: Cluster{}},
		{given: Cluster{Advertise: "127.0.0.1:1"}, listen: "127.0.0.1:1", advertise: "127.0.0.1:1"},
		{given: Cluster{Listen: "127.0.0.1:1"}, listen: "127.0.0.1:1", advertise: "127.0.0.1:1"},
		{given: Cluster{Listen: ":1", Advertise: "a:2"}, insecure: true, listen: ":1", advertise: "a:2"},
		{given: Cluster{Advertise: "a:2", Certificate: "c", Key: "k", Authority: "a"}, listen: "a:2", advertise: "a:2"},
		{given: Cluster{Advertise: "127.0.0.1:1", Locality: "region=eu,zone=b"}, listen: "127.0.0.1:1", advertise: "127.0.0.1:1"},
		{given: Cluster{Listen: "0.0.0.0:1"}, insecure: true, say: "needs --advertise"},
		{given: Cluster{Join: []string{"a:1"}}, say: "--join needs --advertise"},
		{given: Cluster{Advertise: "a"}, say: "missing port"},
		{given: Cluster{Advertise: "127.0.0.1:1", Join: []string{"b"}}, say: "missing port"},
		{given: Cluster{Advertise: "a:1"}, say: "--insecure"},
		{given: Cluster{Advertise: "127.0.0.1:1", Key: "k"}, say: "all of --node-cert"},
		{given: Cluster{Advertise: "127.0.0.1:1", Locality: "eu"}, say: "key=value"},
	} {
		c := test.given
		err := c.complete(test.insecure)
		switch {
		case test.say != "" && (err == nil || !strings.Contains(err.Error(), test.say)):
			t.Errorf("%+v: %v", test.given, err)
		case test.say == "" && (err != nil || c.Listen != test.listen || c.Advertise != test.advertise):
			t.Errorf("%+v becomes %+v: %v", test.given, c, err)
		}
	}
}
