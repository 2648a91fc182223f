package harness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a node in a process of its own.
type Process struct {
	Dir string
	// Address is where clients connect, known once the node is ready.
	Address string
	command *exec.Cmd
	ready   chan string
	done    chan struct{}
	logs    *tail
	// faults takes what a FaultyNode is told, nil for another node.
	faults io.Writer
}

// readyTimeout bounds the wait for a node's ready line.
const readyTimeout = 30 * time.Second

// StartProcess starts the binary on a folder and waits for its ready line. The
// process is killed with the test if it still runs.
func StartProcess(tb testing.TB, dir string, args ...string) *Process {
	tb.Helper()
	p := LaunchProcess(tb, dir, args...)
	p.AwaitReady(tb, readyTimeout)
	return p
}

// LaunchProcess is StartProcess that does not wait.
func LaunchProcess(tb testing.TB, dir string, args ...string) *Process {
	tb.Helper()
	skipProcessRaced(tb)
	return launch(tb, &Process{command: exec.Command(Binary(tb))}, dir, args)
}

// launch starts a node by the command of p.
func launch(tb testing.TB, p *Process, dir string, args []string) *Process {
	tb.Helper()
	p.Dir, p.ready, p.done, p.logs = dir, make(chan string, 1), make(chan struct{}), &tail{}
	p.command.Args = append(p.command.Args, "start", "--data", dir, "--listen", "127.0.0.1:0")
	p.command.Args = append(p.command.Args, args...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.command.Stderr = p.logs
	out, err := p.command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Kill() })
	go func() {
		defer close(p.done)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			select {
			case p.ready <- scanner.Text():
			default:
			}
		}
		_ = p.command.Wait()
	}()
	return p
}

// AwaitReady waits for the ready line of a process that was launched.
func (p *Process) AwaitReady(tb testing.TB, timeout time.Duration) {
	tb.Helper()
	if err := p.TryReady(timeout); err != nil {
		tb.Fatal(err)
	}
}

// TryReady is AwaitReady for a node that may end instead.
func (p *Process) TryReady(timeout time.Duration) error {
	select {
	case line := <-p.ready:
		match := regexp.MustCompile(`-h (\S+) -p (\d+)`).FindStringSubmatch(line)
		if match == nil {
			return fmt.Errorf("ready line %q", line)
		}
		p.Address = net.JoinHostPort(match[1], match[2])
		return nil
	case <-p.done:
		return fmt.Errorf("the node ended: %s", p.logs)
	case <-time.After(timeout):
		return fmt.Errorf("the node is not ready after %v: %s", timeout, p.logs)
	}
}

// URL is the connection string of the node.
func (p *Process) URL() string {
	return fmt.Sprintf("postgres://millrace@%s/millrace?sslmode=disable", p.Address)
}

// PID is the process's number.
func (p *Process) PID() int { return p.command.Process.Pid }

// Logs returns the last of what the node logged.
func (p *Process) Logs() string { return p.logs.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // it may be gone already
	<-p.done
}

// Stop ends the process with SIGTERM, waits until it is gone and returns its
// exit code.
func (p *Process) Stop() int {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may be gone already
	<-p.done
	return p.command.ProcessState.ExitCode()
}

// Pause stops the process without ending it (SIGSTOP), and Continue lets it go on: to
// the others it is away meanwhile, and to itself no time has passed.
func (p *Process) Pause() error { return p.command.Process.Signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (p *Process) Continue() error { return p.command.Process.Signal(syscall.SIGCONT) }

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 64 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if len(t.buf) > tailBytes {
		t.buf = t.buf[len(t.buf)-tailBytes:]
	}
	return len(b), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

var _ io.Writer = (*tail)(nil)
