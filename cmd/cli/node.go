package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// nodeCommand is millrace node.
func nodeCommand(in *os.File, out, errOut io.Writer) *cobra.Command {
	command := &cobra.Command{
		Use:   "node",
		Short: "List, drain, remove and recover the nodes of a cluster",
		Long: `List, drain and remove the nodes of a cluster, by a connection to any of them.
A node becomes a member at its start (millrace start). What is left of a cluster
that has lost most of its nodes for good is recovered from a node's folder.`,
	}
	command.AddCommand(
		nodeListCommand(in, out, errOut),
		nodeDrainCommand(in, out),
		nodeResumeCommand(in, out),
		nodeRemoveCommand(in, out),
		nodeRecoverCommand(out, errOut),
	)
	return command
}

func nodeListCommand(in *os.File, out, errOut io.Writer) *cobra.Command {
	return listCommand(in, out, errOut, "nodes", "SHOW NODES")
}

// waitFlags say whether a command waits for what it has asked for.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (w *waitFlags) declare(command *cobra.Command) {
	command.Flags().BoolVar(&w.wait, "wait", false, "wait until it is done, and print how far it is")
	command.Flags().DurationVar(&w.timeout, "timeout", 0, "with --wait, how long to wait before giving up (default for ever)")
}

func nodeDrainCommand(in *os.File, out io.Writer) *cobra.Command {
	return nodeChange{
		Command: cobra.Command{
			Use:   "drain NODE",
			Short: "Have a node give its votes and its leadership to others",
			Long: `Have a node give its votes and its leadership of shards to other nodes, before it
is removed or is away for long. It goes on serving clients and following the
others; millrace node resume ends that.`,
			Example: `  millrace node drain 2 --wait`,
		},
		statement: "ALTER NODE %d DRAIN", told: "Node %d is draining.\n", progress: drainProgress,
	}.command(in, out)
}

func nodeResumeCommand(in *os.File, out io.Writer) *cobra.Command {
	return nodeChange{
		Command: cobra.Command{
			Use:     "resume NODE",
			Short:   "Have a drained node take part again",
			Example: `  millrace node resume 2`,
		},
		statement: "ALTER NODE %d RESUME", told: "Node %d takes part.\n",
	}.command(in, out)
}

func nodeRemoveCommand(in *os.File, out io.Writer) *cobra.Command {
	return nodeChange{
		Command: cobra.Command{
			Use:   "remove NODE",
			Short: "Take a node out of the cluster for ever",
			Long: `Take a node out of the cluster for ever, one that runs or one that is lost. Its votes
and its leadership go to others first. Its number is not given again, and its
folder cannot come back: to use the machine again, empty the folder and join.`,
			Example: `  millrace node remove 2 --wait`,
		},
		statement: "DROP NODE %d", told: "Node %d is leaving.\n", progress: removeProgress,
	}.command(in, out)
}

// nodeChange is a command that changes what a node is to do.
type nodeChange struct {
	// Command has its texts.
	cobra.Command
	// statement asks for the change, and told says that it is under way, of a node's number.
	statement, told string
	// progress tells how far it is; nil where there is nothing to wait for.
	progress func(node uint64) progressQuery
}

func (c nodeChange) command(in *os.File, out io.Writer) *cobra.Command {
	var to target
	var wait waitFlags
	command := &c.Command
	command.Args = cobra.ExactArgs(1)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		node, err := numberOf("node", arguments[0])
		if err != nil {
			return err
		}
		return to.operate(command.Context(), in, func(o *operation) error {
			if err := o.exec(fmt.Sprintf(c.statement, node)); err != nil {
				return err
			}
			if wait.wait {
				return o.await(wait.timeout, out, c.progress(node))
			}
			_, err := fmt.Fprintf(out, c.told, node)
			return err
		})
	}
	to.declare(command)
	if c.progress != nil {
		wait.declare(command)
	}
	return command
}

// drainProgress says how far a node is with giving up what it has.
func drainProgress(node uint64) progressQuery {
	return progressQuery{
		text: fmt.Sprintf(`SELECT n.votes = 0 AND n.leads = 0,
				format('node %%s leads %%s and votes in %%s shards', n.id, n.leads, n.votes), %s
			FROM millrace.nodes n WHERE n.id = %d`, seedingBytes, node),
		gone: fmt.Sprintf("node %d is no member of the cluster", node),
		done: fmt.Sprintf("Node %d is drained", node),
	}
}

// removeProgress says how far a node is with leaving.
func removeProgress(node uint64) progressQuery {
	return progressQuery{
		text: fmt.Sprintf(`SELECT n.id IS NULL,
				format('node %%s leads %%s and votes in %%s shards', n.id, n.leads, n.votes), %s
			FROM (VALUES (%d)) AS leaving (node) LEFT JOIN millrace.nodes n ON n.id = leaving.node`, seedingBytes, node),
		done: fmt.Sprintf("Node %d is removed", node),
	}
}
