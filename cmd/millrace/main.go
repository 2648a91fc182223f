// Command millrace is the streaming database: it starts a node, or
// opens a shell on one.
package main

import (
	"errors"
	"fmt"
	"os"
	_ "time/tzdata" // time zones, on machines that have no database of them

	"millrace/cmd/cli"
)

func main() {
	if err := cli.New(os.Stdout, os.Stderr).Execute(); err != nil {
		if exit, ok := errors.AsType[cli.ExitError](err); ok {
			os.Exit(int(exit))
		}
		fmt.Fprintln(os.Stderr, "millrace:", err)
		os.Exit(1)
	}
}
