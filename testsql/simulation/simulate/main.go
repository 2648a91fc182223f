// Command simulate runs seeds of the simulation, each in a process of its own that is
// built with package seeded, so that a seed always does the same. It prints the output of
// the seeds that fail, and how to run them again.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"millrace/testsql/simulation/seeded"
)

// simulation is the package whose tests are the simulation.
const simulation = "millrace/testsql/simulation"

func main() {
	seeds := flag.String("seeds", "0-49", "a seed, or the first and the last of many")
	times := flag.Int("times", 1, "run each seed so often, and compare what it did")
	timeout := flag.Duration("timeout", 5*time.Minute, "how long a seed may take")
	folder := flag.String("folder", "bin/simulation", "where to build")
	verbose := flag.Bool("v", false, "print the output of all seeds")
	flag.Parse()
	first, last, err := parseSeeds(*seeds)
	if err == nil {
		r := &runner{times: *times, timeout: *timeout, verbose: *verbose}
		err = r.run(*folder, first, last)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parseSeeds takes "n" or "n-m".
func parseSeeds(text string) (first, last uint64, err error) {
	from, to, several := strings.Cut(text, "-")
	if !several {
		to = from
	}
	if first, err = strconv.ParseUint(from, 10, 64); err != nil {
		return 0, 0, err
	}
	if last, err = strconv.ParseUint(to, 10, 64); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("%s: the last seed is before the first", text)
	}
	return first, last, nil
}

// build builds the simulation, and returns the program.
func build(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	program := filepath.Join(folder, "simulation.test")
	// Where the sources are is nothing that a seed may depend on.
	arguments := []string{"test", "-c", "-trimpath", "-o", program}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	overlay, err := seeded.Write(strings.TrimSpace(string(goroot)), folder, simulation)
	if err == nil {
		arguments = append(arguments, "-overlay", overlay, "-tags", "seeded")
	} else {
		fmt.Printf("Go's runtime decides by chance here, and a replay is likely, not certain: %v\n", err)
	}
	command := exec.Command("go", append(arguments, simulation)...)
	// Memory that C gives is elsewhere each time.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("building the simulation: %w", err)
	}
	return program, nil
}

// runner runs seeds, as many at a time as there are processors.
type runner struct {
	program string
	times   int
	timeout time.Duration
	verbose bool

	mu     sync.Mutex
	failed []uint64
}

func (r *runner) run(folder string, first, last uint64) (err error) {
	if r.program, err = build(folder); err != nil {
		return err
	}
	began := time.Now()
	seeds := make(chan uint64)
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() {
			for seed := range seeds {
				r.check(seed)
			}
		})
	}
	for seed := first; seed <= last; seed++ {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
	if len(r.failed) > 0 {
		return fmt.Errorf("seeds that failed: %v", r.failed)
	}
	fmt.Printf("ok: seeds %d to %d in %v\n", first, last, time.Since(began).Round(time.Second))
	return nil
}

// check runs a seed, and prints what it printed when it fails.
func (r *runner) check(seed uint64) {
	var done string
	for i := range r.times {
		output, err := r.once(seed)
		now := fingerprint(output)
		if i > 0 && err == nil && now != done {
			err = fmt.Errorf("it did something else this time: %q, not %q", now, done)
		}
		done = now
		r.print(seed, output, err)
		if err != nil {
			return
		}
	}
}

func (r *runner) print(seed uint64, output []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed = append(r.failed, seed)
		fmt.Printf("%s\nseed %d failed: %v\nto run it again: make simulate SEEDS=%[2]d\n", output, seed, err)
	} else if r.verbose {
		fmt.Printf("%s", output)
	}
}

// once runs a seed. What it is told, and where, is the same each time, since how long it
// is decides where things are in memory.
func (r *runner) once(seed uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	command := exec.CommandContext(ctx, r.program, "-test.run=^TestSimulation$", "-test.v", "-test.timeout=0")
	command.Args[0] = "simulation.test"
	command.Dir = "/"
	command.Env = []string{"HOME=/", "GOGC=off", "GOMEMLIMIT=3GiB", "GOMAXPROCS=1", fmt.Sprintf("MILLRACE_SEED=%d", seed)}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	// It says where its goroutines are.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGQUIT) }
	command.WaitDelay = 10 * time.Second
	err := command.Run()
	if ctx.Err() != nil {
		err = errors.Join(fmt.Errorf("not at an end after %v", r.timeout), err)
	}
	return output.Bytes(), err
}

// fingerprint is the line in which a seed tells what it has done.
func fingerprint(output []byte) string {
	for line := range strings.Lines(string(output)) {
		if _, done, found := strings.Cut(line, "has done "); found {
			return strings.TrimSpace(done)
		}
	}
	return ""
}
