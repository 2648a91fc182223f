package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
)

// process is a node that the demonstration has started.
type process struct {
	command *exec.Cmd
	url     string
}

// startNode starts the binary with flags and waits until it is ready.
func startNode(binary string, flags ...string) (*process, error) {
	command := exec.Command(binary, append([]string{"start", "--log-level", "error"}, flags...)...)
	command.Stderr = os.Stderr
	// Ctrl-C is for the demo, which stops its nodes itself.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command: command}
	line, err := bufio.NewReader(out).ReadString('\n')
	match := regexp.MustCompile(`-h (\S+) -p (\d+)`).FindStringSubmatch(line)
	if err != nil || match == nil {
		p.stop()
		return nil, fmt.Errorf("the node did not start: %q, %w", line, err)
	}
	p.url = fmt.Sprintf("postgres://millrace@%s:%s/millrace?sslmode=disable", match[1], match[2])
	return p, nil
}

// stop ends the node and waits for it.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = p.command.Wait()
}

// kill ends the node as a power cut would.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended by itself
	_ = p.command.Wait()
}

// readFlights returns the lines of the flights, without their header.
func readFlights(name string) ([]string, error) {
	file, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return strings.SplitAfter(strings.TrimSpace(string(file)), "\n")[1:], nil
}
