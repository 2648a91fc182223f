package seeded

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrite finds all places in the runtime that is installed.
func TestWrite(t *testing.T) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := Write(strings.TrimSpace(string(goroot)), t.TempDir(), "example.com/program")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	var files struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	for original, copied := range files.Replace {
		if filepath.Base(original)+".txt" != filepath.Base(copied) {
			t.Errorf("%s takes the place of %s", copied, original)
		}
		if _, err := os.Stat(copied); err != nil {
			t.Error(err)
		}
	}
}

// TestWriteElsewhere refuses a runtime that is another.
func TestWriteElsewhere(t *testing.T) {
	goroot := t.TempDir()
	for _, c := range changes {
		at := filepath.Join(goroot, "src", "runtime", c.file)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("package runtime\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Write(goroot, t.TempDir(), "example.com/program"); err == nil {
		t.Error("a runtime without the places is changed")
	}
}
