package clients

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// kit is a set of packages of others that one or more clients need, installed by the
// package manager of their world into a folder of the user's cache, once per content of
// the manifest.
type kit struct {
	name string
	// manifest are the files, below testdata, that say what is installed. They are
	// copied into the kit's folder.
	manifest []string
	// install are the commands, run in the kit's folder.
	install [][]string
}

// prepare installs the kit where it is not there yet and returns its folder.
func (k *kit) prepare(t *testing.T) string {
	t.Helper()
	dir, err := k.folder()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	complete := filepath.Join(dir, ".complete")
	if _, err := os.Stat(complete); err == nil {
		return dir
	}
	for _, name := range k.manifest {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, words := range k.install {
		command := exec.CommandContext(t.Context(), words[0], words[1:]...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, output)
		}
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// folder is named by all that decides what is installed.
func (k *kit) folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q", k.install)
	for _, name := range k.manifest {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%q %q", name, data)
	}
	return filepath.Join(cache, "millrace-clients", fmt.Sprintf("%s-%x", k.name, hash.Sum(nil)[:6])), nil
}

// lockFolder waits until no other process installs into the folder.
func lockFolder(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil // closing unlocks
}
