package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"millrace/cluster/certs"
)

// The files of a folder with certificates.
const (
	authorityName = "ca"
	nodeName      = "node"
	certFile      = ".crt"
	keyFile       = ".key"

	certDir = "./millrace-certs"
)

func certCommand(out io.Writer) *cobra.Command {
	command := &cobra.Command{
		Use:   "cert",
		Short: "Make the certificates by which nodes know each other",
		Long: `Make the certificates by which the nodes of a cluster know each other.

A cluster has an authority of its own, made once. With it, every node gets a
certificate. A node needs its certificate, its key and the authority's
certificate; whoever has the authority's key can make nodes, so it is best kept
away from them.`,
		Example: "  millrace cert ca\n  millrace cert node",
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(certAuthorityCommand(out), certNodeCommand(out))
	return command
}

func certAuthorityCommand(out io.Writer) *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "ca",
		Short: "Make a cluster's authority",
		Long: fmt.Sprintf(`Make the authority of a cluster: ca.crt, which every node needs, and ca.key, with
which certificates of nodes are made. It is good for %d years. Files that are
there are left as they are.`, years(certs.AuthorityLifetime)),
		Example: "  millrace cert ca --dir certs",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			pair, err := certs.NewAuthority(time.Now())
			if err != nil {
				return err
			}
			return writePair(out, dir, authorityName, pair)
		},
	}
	command.Flags().StringVar(&dir, "dir", certDir, "folder for the files; made when missing")
	return command
}

func certNodeCommand(out io.Writer) *cobra.Command {
	var dir, name string
	var hosts []string
	command := &cobra.Command{
		Use:   "node",
		Short: "Make a node's certificate",
		Long: fmt.Sprintf(`Make the certificate and the key of a node, with the authority that is in the same
folder. They are good for %d years and say that their owner is a node of the
cluster; nodes do not look at hosts. Hosts are for a node that shows the same
certificate to its clients: they are what clients connect to. Files that are
there are left as they are.`, years(certs.NodeLifetime)),
		Example: `  millrace cert node --dir certs
  millrace cert node --dir certs --name node2 --host db2.example.com --host 10.0.0.2`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			authority, err := readPair(dir, authorityName)
			if err != nil {
				return err
			}
			pair, err := certs.NewNode(authority, hosts, time.Now())
			if err != nil {
				return err
			}
			return writePair(out, dir, name, pair)
		},
	}
	command.Flags().StringVar(&dir, "dir", certDir, "folder with the authority's files, and for the node's")
	command.Flags().StringVar(&name, "name", nodeName, "name of the files, without .crt and .key")
	command.Flags().StringArrayVar(&hosts, "host", nil, "name or IP address by which clients know the node, as often as it has them")
	return command
}

func years(d time.Duration) int { return int(d / (365 * 24 * time.Hour)) }

// readPair reads what writePair wrote.
func readPair(dir, name string) (certs.Pair, error) {
	certificate, err := os.ReadFile(filepath.Join(dir, name+certFile))
	if err == nil {
		var key []byte
		if key, err = os.ReadFile(filepath.Join(dir, name+keyFile)); err == nil {
			return certs.Pair{Certificate: certificate, Key: key}, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: millrace cert ca --dir %s makes an authority", err, dir)
	}
	return certs.Pair{}, err
}

// writePair writes a certificate and its key for their owner's eyes only. It leaves files
// alone that are there.
func writePair(out io.Writer, dir, name string, pair certs.Pair) error {
	if name == "" || filepath.Base(name) != name {
		return fmt.Errorf("--name %q: the name of a file is needed", name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	certificate, key := filepath.Join(dir, name+certFile), filepath.Join(dir, name+keyFile)
	// Both are looked for first, so that one of two is never left behind.
	for _, path := range []string{certificate, key} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already, and is left as it is", path)
		}
	}
	if err := writeNew(key, pair.Key); err != nil {
		return err
	}
	if err := writeNew(certificate, pair.Certificate); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s\n%s\n", certificate, key)
	return err
}

// writeNew writes a file that is not there.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
