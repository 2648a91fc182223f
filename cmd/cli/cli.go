// Package cli is the command line of the millrace binary.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"millrace/cmd/node"
	"millrace/sql/catalog"
)

// New returns the root command. Results go to out, logs to errOut.
func New(out, errOut io.Writer) *cobra.Command { return NewWith(out, errOut, func(*node.Options) {}) }

// NewWith is New with options that no flag sets, such as the file system and the clock:
// adjust is given those of a node before it starts.
func NewWith(out, errOut io.Writer, adjust func(*node.Options)) *cobra.Command {
	root := &cobra.Command{
		Use:   "millrace",
		Short: "A streaming database that speaks PostgreSQL",
		Long: `Millrace is a streaming database that speaks PostgreSQL.

Start a node, connect with psql or any Postgres driver, declare streams and
tables in SQL, and every declared result stays up to date while data arrives.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(out)
	root.SetErr(errOut)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(startCommand(out, errOut, adjust), certCommand(out), sqlCommand(os.Stdin, out, errOut),
		nodeCommand(os.Stdin, out, errOut), shardCommand(os.Stdin, out, errOut), versionCommand(out))
	return root
}

func versionCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(out, "millrace %s (%s, %s/%s)\n", node.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// defaultData is the folder of a node's data unless another is given.
const defaultData = "./millrace-data"

// startFlags are the flags of millrace start.
type startFlags struct {
	options  node.Options
	logLevel string
	logJSON  bool
}

func startCommand(out, errOut io.Writer, adjust func(*node.Options)) *cobra.Command {
	var flags startFlags
	command := &cobra.Command{
		Use:   "start",
		Short: "Start a node in the foreground",
		Long: `Start a node in the foreground. It prints one line when it is ready and shuts
down cleanly on SIGINT and SIGTERM. It may be killed at any moment: what it has
acknowledged is there at the next start.`,
		Example: `  millrace start
  millrace start --data /var/lib/millrace --listen 127.0.0.1:7432 --http 127.0.0.1:7480
  millrace start --advertise db2.example.com:7433 --join db1.example.com:7433 --node-cert node.crt --node-key node.key --node-ca ca.crt`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			adjust(&flags.options)
			return start(command.Context(), &flags, out, errOut)
		},
	}
	f := command.Flags()
	f.StringVar(&flags.options.Dir, "data", defaultData, "folder that holds the node's data; made when missing")
	f.StringVar(&flags.options.Listen, "listen", node.DefaultListen, "address for PostgreSQL clients")
	f.IntVar(&flags.options.Shards, "shards", 0, "number of shards of a new cluster, fixed for ever (default 8)")
	f.StringVar(&flags.options.HTTP, "http", "", "address for Prometheus metrics (/metrics), probes (/health: clients are served; /health/alive: the process works) and /debug/pprof (default off)")
	f.Int64Var(&flags.options.SegmentBytes, "segment-bytes", 0, "length of the segment files of streams, of which retention and compaction take complete ones only: 4096 to 1073741824 (default 67108864)")
	f.DurationVar(&flags.options.WriteTimeout, "write-timeout", 5*time.Minute, "how long a client may take nothing of what is sent to it before its connection is closed")
	f.Int64Var(&flags.options.PushMemory, "push-memory-bytes", 256<<20, "memory for what push queries have to tell clients that are slow to take it, of all clients; the setting push_buffer bounds it for each")
	f.Int64Var(&flags.options.SeedRate, "seed-bytes-per-second", 64<<20, "how much the node sends at most to others that copy what it has, all together; negative for no bound")
	f.DurationVar(&flags.options.ScrubPeriod, "scrub-period", 24*time.Hour, "how often everything on disk is read to find damage, and compared with the other nodes; negative for never")
	f.Int64Var(&flags.options.ScrubRate, "scrub-bytes-per-second", 8<<20, "how fast that is read; negative for no bound")
	peers := &flags.options.Cluster
	f.StringVar(&peers.Advertise, "advertise", "", "address by which other nodes of the cluster reach this one, as host:port (default what --cluster-listen says; with neither the node stays alone)")
	f.StringVar(&peers.Listen, "cluster-listen", "", "address at which the node listens for other nodes, where that is not what they are told (default what --advertise says)")
	f.StringSliceVar(&peers.Join, "join", nil, "addresses of nodes of the cluster to become a member of, with commas between them; a node with data looks there for the others")
	f.StringVar(&peers.Locality, "locality", "", "where the node stands, as key=value pairs with commas between them, the largest region first: replicas are spread over such places")
	f.IntVar(&peers.Replication, "replication", 0, "how many replicas of each shard vote in a new cluster: 1, 3, 5, 7 or 9 (default 3; ALTER CLUSTER changes it)")
	f.StringVar(&peers.Certificate, "node-cert", "", "file with the certificate by which the node proves to others that it is one (PEM), read again when it changes")
	f.StringVar(&peers.Key, "node-key", "", "file with the key of the node's certificate (PEM)")
	f.StringVar(&peers.Authority, "node-ca", "", "file with the authorities whose certificates of nodes are believed (PEM)")
	access := &flags.options.Access
	f.StringArrayVar(&access.Rules, "auth", nil, "who may connect, as [tls:]ADDRESSES=METHOD, several in order, the first that fits decides: ADDRESSES are a range such as 10.0.0.0/8, loopback or all; METHOD is trust, scram-sha-256, cert or reject (default loopback=trust, all=scram-sha-256)")
	f.StringVar(&access.TLS.Certificate, "tls-cert", "", "file with the certificates for TLS (PEM), read again when it changes")
	f.StringVar(&access.TLS.Key, "tls-key", "", "file with the key of the first certificate (PEM)")
	f.StringVar(&access.TLS.ClientCA, "tls-client-ca", "", "file with the authorities whose client certificates are believed (PEM), for the method cert")
	f.StringVar(&access.Superuser, "superuser", catalog.DefaultSuperuser, "name of the first superuser of a new cluster")
	f.StringVar(&access.PasswordFile, "superuser-password-file", "", "file whose first line is the password of the first superuser of a new cluster")
	f.BoolVar(&flags.options.Insecure, "insecure", false, "allow addresses that other machines reach although those who use them are not asked who they are")
	f.StringVar(&flags.logLevel, "log-level", "info", "lowest level that is logged: debug, info, warn or error")
	f.BoolVar(&flags.logJSON, "log-json", false, "log in JSON")
	return command
}

// start runs a node until a signal or an error ends it.
func start(ctx context.Context, flags *startFlags, out, errOut io.Writer) error {
	if ctx == nil {
		ctx = context.Background()
	}
	raiseProcessors()
	logger, err := newLogger(flags, errOut)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	flags.options.Logger = logger
	n, err := node.Start(ctx, flags.options)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, readyLine(n)); err != nil {
		logger.Warn("the ready line could not be printed", "error", err)
	}
	select {
	case <-ctx.Done():
		logger.Info("shutting down")
	case err = <-n.Failed():
		logger.Error("the node stops", "error", err)
	}
	if closeErr := n.Close(); err == nil {
		err = closeErr
	}
	return err
}

// raiseProcessors gives the scheduler more threads than there are cores, unless
// the user has set GOMAXPROCS: a goroutine that syncs a file keeps its thread for
// the time of the sync (docs/benchmarks.md has the effect).
func raiseProcessors() {
	const syncing = 6 // with none, 64 clients that insert get a third less
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + syncing)
	}
}

// readyLine tells how to connect.
func readyLine(n *node.Node) string {
	host, port, err := net.SplitHostPort(n.Addr().String())
	if err != nil {
		return "millrace is ready on " + n.Addr().String()
	}
	return fmt.Sprintf("millrace is ready: psql -h %s -p %s -U millrace millrace", host, port)
}

func newLogger(flags *startFlags, errOut io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(flags.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", flags.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if flags.logJSON {
		return slog.New(slog.NewJSONHandler(errOut, options)), nil
	}
	return slog.New(slog.NewTextHandler(errOut, options)), nil
}
