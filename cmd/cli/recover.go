package cli

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"millrace/cluster"
)

// recoveryWarning is what has to be known before a recovery.
const recoveryWarning = `This is the last resort, for when most of the voters are lost for good. Writes that
the cluster had acknowledged are lost where this node had not received them. Shards
are apart by what they lack, so results that were kept up to date may be wrong, and
so may a statement or transaction over several shards: keep the node's tables with
pg_dump, and restore them into a new cluster. The other nodes' folders are of no
more use; never start those nodes again.`

func nodeRecoverCommand(out, errOut io.Writer) *cobra.Command {
	var dir string
	var force bool
	command := &cobra.Command{
		Use:   "recover",
		Short: "Make a cluster of one of the folder of a node whose cluster is lost",
		Long: `Make a cluster of one of a folder, whose node does not run, when most of the
cluster's voters are lost for good. Without --force nothing is changed, and it is
told what the folder has: where several folders are left, recover the one whose
groups have the highest terms, and of equal terms the highest indexes.

` + recoveryWarning,
		Example: `  millrace node recover --data /var/lib/millrace
  millrace node recover --data /var/lib/millrace --force`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			logger := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
			recovery, err := cluster.Recover(cluster.RecoveryOptions{FS: vfs.Default, Dir: dir, Logger: logger}, force)
			if recovery.Node != 0 {
				if err := printRecovery(out, dir, recovery); err != nil {
					return err
				}
			}
			return err
		},
	}
	command.Flags().StringVar(&dir, "data", defaultData, "folder that holds the node's data")
	command.Flags().BoolVar(&force, "force", false, "do it")
	return command
}

// printRecovery tells what a folder has, and what has been made of it.
func printRecovery(out io.Writer, dir string, r cluster.Recovery) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s is the folder of node %d of the cluster %s.\n", dir, r.Node, r.Cluster)
	for _, other := range slices.Sorted(maps.Keys(r.Others)) {
		fmt.Fprintf(&text, "Node %d was at %s.\n", other, r.Others[other])
	}
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\ngroup\tterm\tindex\tstate")
	for _, group := range r.Groups {
		state := "whole"
		if group.Lacks != "" {
			state = "not whole: " + group.Lacks
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", group.Name, group.Term, group.Index, state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Recovered == "" {
		fmt.Fprintf(&text, "\nNothing has been changed; --force makes a cluster of one of it.\n%s\n", recoveryWarning)
	} else {
		fmt.Fprintf(&text, `
Node %d is a cluster of one now, %s.
Start it, dump its tables, and restore them into a new cluster. Never start the
other nodes of the old cluster again: empty their folders.
`, r.Node, r.Recovered)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
