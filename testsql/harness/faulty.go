package harness

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/cmd/cli"
	"millrace/cmd/node"
)

// A faulty node is a process that runs a node as the millrace binary does, on a disk and by
// a clock that the test spoils. The test's own binary is that process, started once more:
// its TestMain calls FaultyNode. What to spoil comes on its standard input, a line each.

// faultyEnvironment is set for a process that is to be a faulty node.
const faultyEnvironment = "MILLRACE_FAULTY_NODE"

// faultySnapshotBytes is a growth of the log that comes soon, so that a node has files of
// all kinds.
const faultySnapshotBytes = 256 << 10

// FaultyNode runs a faulty node, and ends the process, where it was started for that.
func FaultyNode() {
	if os.Getenv(faultyEnvironment) == "" {
		return
	}
	disk := NewDisk(vfs.Default)
	var ahead atomic.Int64
	go spoil(os.Stdin, disk, &ahead)
	command := cli.NewWith(os.Stdout, os.Stderr, func(o *node.Options) {
		o.FS = disk
		o.SnapshotBytes = faultySnapshotBytes
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// spoil does what it is told.
func spoil(lines io.Reader, disk *Disk, ahead *atomic.Int64) {
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		what, by, _ := strings.Cut(scanner.Text(), " ")
		duration, _ := time.ParseDuration(by) // 0 for what has none
		switch what {
		case "slow":
			disk.SetSlow(duration)
		case "full":
			disk.SetFull(true)
		case "scarce":
			disk.SetScarce(true)
		case "failing":
			disk.SetFailing(true)
		case "mended":
			disk.Mend()
		case "jump":
			ahead.Add(int64(duration))
		}
	}
}

// launchFaulty is LaunchProcess for a faulty node.
func launchFaulty(tb testing.TB, dir string, args []string) *Process {
	tb.Helper()
	own, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	p := &Process{command: exec.Command(own)}
	p.command.Env = append(os.Environ(), faultyEnvironment+"=1")
	if p.faults, err = p.command.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	return launch(tb, p, dir, args)
}

// tell tells a faulty node what to spoil. One that has ended does not hear it.
func (p *Process) tell(what string) { _, _ = io.WriteString(p.faults, what+"\n") }

// SlowDisk has each sync of the disk take so much longer.
func (p *Process) SlowDisk(by time.Duration) { p.tell("slow " + by.String()) }

// FullDisk leaves no room on the disk.
func (p *Process) FullDisk() { p.tell("full") }

// ScarceDisk leaves nearly no room on the disk.
func (p *Process) ScarceDisk() { p.tell("scarce") }

// FailingDisk has each sync of the disk fail.
func (p *Process) FailingDisk() { p.tell("failing") }

// MendDisk ends all faults of the disk.
func (p *Process) MendDisk() { p.tell("mended") }

// JumpClock puts the clock forward, or back.
func (p *Process) JumpClock(by time.Duration) { p.tell("jump " + by.String()) }
