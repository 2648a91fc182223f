package clients

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// kit is a set of packages of others that one or more clients need, installed by the
// package manager of their world into a folder of the user's cache, once per content of
// the manifest.
type kit struct {
	name string
	// needs are the tools by which it is installed and run.
	needs []tool
	// manifest are the files, below testdata, that say what is installed. They are
	// copied into the kit's folder.
	manifest []string
	// install are the commands, run in the kit's folder.
	install [][]string
}

// tool is a program of a language that a kit needs.
type tool struct {
	// command prints its version.
	command []string
	// least is the oldest version that is enough, and by is how to get it where
	// `make deps-clients` does not.
	least, by string
}

// check skips a test on a machine without the tool: there the client cannot be run.
func (n *tool) check(t *testing.T) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), n.command[0], n.command[1:]...).CombinedOutput()
	if err != nil {
		t.Skipf("%s %s or later is needed: %v; %s", n.command[0], n.least, err, n.by)
	}
	version := strings.TrimLeft(regexp.MustCompile(`(?m)(^|[ v])\d+(\.\d+)*`).FindString(string(output)), " v")
	if older(version, n.least) {
		t.Skipf("%s %s or later is needed, this is %s; %s", n.command[0], n.least, version, n.by)
	}
}

// older compares versions, whose numbers have points between them.
func older(version, least string) bool {
	numbers := func(version string) []int {
		var list []int
		for number := range strings.SplitSeq(version, ".") {
			n, _ := strconv.Atoi(number)
			list = append(list, n)
		}
		return list
	}
	return slices.Compare(numbers(version), numbers(least)) < 0
}

func TestOlder(t *testing.T) {
	for _, versions := range [][2]string{{"1.9", "1.10"}, {"18.20.4", "20.19"}, {"20", "20.19"}, {"", "3"}} {
		if !older(versions[0], versions[1]) || older(versions[1], versions[0]) {
			t.Errorf("%s is not older than %s", versions[0], versions[1])
		}
	}
	if older("1.89.0", "1.89") {
		t.Error("1.89.0 is older than 1.89")
	}
}

// prepare installs the kit where it is not there yet and returns its folder.
func (k *kit) prepare(t *testing.T) string {
	t.Helper()
	for _, tool := range k.needs {
		tool.check(t)
	}
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
