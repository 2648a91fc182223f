package transport

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/cluster/transport/memnet"
)

// gathered are a registry's values of a peer by their names, classes together.
func gathered(t *testing.T, registry *prometheus.Registry, peer string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "peer" && label.GetValue() == peer {
					values[family.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
				}
			}
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	virtual(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		c := &testNodes{network: memnet.New(), nodes: map[uint64]*Transport{}}
		c.start(t, 1).Handle("echo", echo)
		tr := openTest(t, Options{Network: c.network.Host(hostName(2)), Listen: address(2), Registerer: registry})
		tr.SetIdentity(testCluster, 2)
		tr.SetPeer(1, address(1))
		c.network.Delay(hostName(2), hostName(1), 30*time.Millisecond)
		if _, err := tr.Call(t.Context(), 1, "echo", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		tr.Send(1, "echo", nil)
		tr.Send(3, "echo", nil)
		time.Sleep(5 * time.Second)
		got := gathered(t, registry, "1")
		for name, want := range map[string]float64{
			"millrace_peer_connections": 1, "millrace_peer_requests_total": 1, "millrace_peer_messages_total": 1,
			"millrace_peer_dropped_messages_total": 0, "millrace_peer_round_trip_seconds": 0.03,
		} {
			if value, there := got[name]; !there || value != want {
				t.Errorf("%s is %v, not %v", name, value, want)
			}
		}
		if got["millrace_peer_sent_bytes_total"] < 1000 || got["millrace_peer_received_bytes_total"] < 1000 || got["millrace_peer_last_heard_timestamp_seconds"] == 0 {
			t.Errorf("bytes and times: %v", got)
		}
		if away := gathered(t, registry, "3"); away["millrace_peer_dropped_messages_total"] != 1 || away["millrace_peer_connections"] != 0 {
			t.Errorf("of a node that is away: %v", away)
		}
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
		if left := gathered(t, registry, "1"); len(left) != 0 {
			t.Errorf("after Close: %v", left)
		}
	})
}
