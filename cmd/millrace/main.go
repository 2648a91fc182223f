// Command millrace is the streaming database: it starts a node.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata" // time zones, on machines that have no database of them

	"millrace/cmd/cli"
)

func main() {
	if err := cli.New(os.Stdout, os.Stderr).Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "millrace:", err)
		os.Exit(1)
	}
}
