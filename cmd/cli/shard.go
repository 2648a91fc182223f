package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
)

// shardCommand is millrace shard.
func shardCommand(in *os.File, out, errOut io.Writer) *cobra.Command {
	command := &cobra.Command{
		Use:   "shard",
		Short: "List and move the shards of a cluster",
		Long: `List the shards of a cluster, and change where they are, by a connection to any
node. The cluster places and balances shards by itself; this is for when an
operator knows better.`,
	}
	command.AddCommand(
		listCommand(in, out, errOut, "shards", "SHOW SHARDS"),
		shardMoveCommand(in, out),
		shardLeaderCommand(in, out),
		shardUnpinCommand(in, out),
	)
	return command
}

func shardMoveCommand(in *os.File, out io.Writer) *cobra.Command {
	var to target
	var wait waitFlags
	var source, sink uint64
	command := &cobra.Command{
		Use:     "move SHARD --from NODE --to NODE",
		Short:   "Give the vote that a node has in a shard to another node",
		Example: `  millrace shard move 3 --from 1 --to 4 --wait`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			shard, err := numberOf("shard", arguments[0])
			if err != nil {
				return err
			}
			return to.operate(command.Context(), in, func(o *operation) error {
				if err := o.exec(fmt.Sprintf("ALTER SHARD %d MOVE FROM %d TO %d", shard, source, sink)); err != nil {
					return err
				}
				if !wait.wait {
					_, err := fmt.Fprintf(out, "Shard %d moves from node %d to node %d.\n", shard, source, sink)
					return err
				}
				return o.await(wait.timeout, out, moveProgress(shard, source, sink))
			})
		},
	}
	to.declare(command)
	wait.declare(command)
	command.Flags().Uint64Var(&source, "from", 0, "the node that is to vote no more")
	command.Flags().Uint64Var(&sink, "to", 0, "the node that is to vote")
	for _, name := range []string{"from", "to"} {
		_ = command.MarkFlagRequired(name) // it fails for flags that are not declared
	}
	return command
}

// moveProgress says how far a shard's way from one node to another is.
func moveProgress(shard, source, sink uint64) progressQuery {
	return progressQuery{
		text: fmt.Sprintf(`SELECT %[2]d = ANY (s.voters) AND %[1]d <> ALL (s.voters),
				format('shard %%s has votes on nodes %%s', s.shard, array_to_string(s.voters, ', ')), %[3]s
			FROM millrace.shards s WHERE s.shard = %[4]d`, source, sink, seedingBytes, shard),
		gone: fmt.Sprintf("there is no shard %d", shard),
		done: fmt.Sprintf("Shard %d is on node %d", shard, sink),
	}
}

func shardLeaderCommand(in *os.File, out io.Writer) *cobra.Command {
	var to target
	command := &cobra.Command{
		Use:     "leader SHARD NODE",
		Short:   "Have a node that votes in a shard lead it",
		Example: `  millrace shard leader 3 2`,
		Args:    cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, arguments []string) error {
			shard, err := numberOf("shard", arguments[0])
			if err != nil {
				return err
			}
			node, err := numberOf("node", arguments[1])
			if err != nil {
				return err
			}
			return to.operate(command.Context(), in, func(o *operation) error {
				if err := o.exec(fmt.Sprintf("ALTER SHARD %d SET LEADER %d", shard, node)); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "Node %d leads shard %d.\n", node, shard)
				return err
			})
		},
	}
	to.declare(command)
	return command
}

func shardUnpinCommand(in *os.File, out io.Writer) *cobra.Command {
	var to target
	command := &cobra.Command{
		Use:   "unpin SHARD",
		Short: "Let the cluster place a shard again that was moved by hand",
		Long: `Let the cluster place the votes and the leader of a shard again, after millrace
shard move or millrace shard leader.`,
		Example: `  millrace shard unpin 3`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			shard, err := numberOf("shard", arguments[0])
			if err != nil {
				return err
			}
			return to.operate(command.Context(), in, func(o *operation) error {
				if err := o.exec(fmt.Sprintf("ALTER SHARD %d RESET", shard)); err != nil {
					return err
				}
				_, err := fmt.Fprintf(out, "Shard %d is placed by the cluster.\n", shard)
				return err
			})
		},
	}
	to.declare(command)
	return command
}

// numberOf reads the number of a node or shard.
func numberOf(what, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is not the number of a %s: millrace %s ls lists them", text, what, what)
	}
	return n, nil
}
