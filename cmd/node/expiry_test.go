package node

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cluster/certs"
	"millrace/wire/auth"
)

// TestWatchExpiry looks at one certificate at different times.
func TestWatchExpiry(t *testing.T) {
	made := time.Now()
	authority, err := certs.NewAuthority(made)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := certs.NewNode(authority, nil, made)
	if err != nil {
		t.Fatal(err)
	}
	files := auth.Files{Certificate: filepath.Join(t.TempDir(), "node.crt"), Key: filepath.Join(t.TempDir(), "node.key")}
	for name, content := range map[string][]byte{files.Certificate: pair.Certificate, files.Key: pair.Key} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificates, err := auth.LoadCertificates(vfs.Default, files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]string{
		0:                                     "",
		certs.NodeLifetime - 24*time.Hour:     "a certificate expires soon",
		certs.NodeLifetime + 365*24*time.Hour: "a certificate has expired",
	} {
		var logged bytes.Buffer
		n := &Node{registry: newRegistry(), options: Options{
			Logger: slog.New(slog.NewTextHandler(&logged, nil)), Now: func() time.Time { return made.Add(after) },
		}}
		if err := n.watchExpiry("node", certificates); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(logged.String(), want) || want == "" && logged.Len() > 0 {
			t.Errorf("after %v: %s", after, &logged)
		}
		families, err := n.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, family := range families {
			found = found || family.GetName() == "millrace_certificate_expires_timestamp_seconds" &&
				time.Unix(int64(family.GetMetric()[0].GetGauge().GetValue()), 0).After(made)
		}
		if !found {
			t.Error("no metric tells when it expires")
		}
	}
}
