package cli

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runCommand runs a command line and returns what it prints.
func runCommand(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	root := New(&out, &errOut)
	root.SetArgs(arguments)
	err := root.Execute()
	return out.String(), err
}

func TestCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := runCommand(t, "cert", "node", "--dir", dir); err == nil || !strings.Contains(err.Error(), "millrace cert ca --dir") {
		t.Errorf("without an authority: %v", err)
	}
	for _, arguments := range [][]string{
		{"cert", "ca", "--dir", dir},
		{"cert", "node", "--dir", dir, "--host", "db1.example.com"},
		{"cert", "node", "--dir", dir, "--name", "node2"},
	} {
		printed, err := runCommand(t, arguments...)
		if err != nil {
			t.Fatalf("%q: %v", arguments, err)
		}
		for path := range strings.Lines(printed) {
			info, err := os.Stat(strings.TrimSpace(path))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
		if _, err := runCommand(t, arguments...); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%q again: %v", arguments, err)
		}
	}
	if _, err := runCommand(t, "cert", "node", "--dir", dir, "--name", "../node3"); err == nil {
		t.Error("a file outside the folder was made")
	}
	for _, name := range []string{"node", "node2"} {
		pair, err := readPair(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
			t.Error(err)
		}
	}
}
