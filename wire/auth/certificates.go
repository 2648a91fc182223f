package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Files are where TLS finds what it needs, in PEM.
type Files struct {
	// Certificate is the node's chain, its own certificate first, and Key its key.
	Certificate, Key string
	// ClientCA are the authorities whose client certificates are believed; "" for
	// none.
	ClientCA string
}

// Certificates are the certificates of TLS. Files that change are read again at the
// next connection; while they cannot be read, those from before are used. The methods
// may be called from any goroutine.
type Certificates struct {
	fs     vfs.FS
	files  Files
	logger *slog.Logger

	mu     sync.Mutex
	read   [3]time.Time
	config *tls.Config
	leaf   *x509.Certificate
}

// LoadCertificates reads the files.
func LoadCertificates(fs vfs.FS, files Files, logger *slog.Logger) (*Certificates, error) {
	c := &Certificates{fs: fs, files: files, logger: logger}
	stamps, err := c.stamps()
	if err != nil {
		return nil, err
	}
	return c, c.load(stamps)
}

// Config returns how connections are encrypted now, and the certificate that they
// are shown.
func (c *Certificates) Config() (*tls.Config, *x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps, err := c.stamps()
	if err == nil && stamps != c.read {
		err = c.load(stamps)
		if err == nil {
			c.logger.Info("the certificates of TLS were read again", "certificate", c.files.Certificate, "expires", c.leaf.NotAfter)
		}
	}
	if err != nil {
		c.logger.Warn("the certificates of TLS cannot be read; those from before are used", "error", err)
	}
	return c.config, c.leaf
}

// stamps are when the files were changed last.
func (c *Certificates) stamps() ([3]time.Time, error) {
	var stamps [3]time.Time
	for i, name := range [3]string{c.files.Certificate, c.files.Key, c.files.ClientCA} {
		if name == "" {
			continue
		}
		info, err := c.fs.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = info.ModTime()
	}
	return stamps, nil
}

func (c *Certificates) load(stamps [3]time.Time) error {
	chain, err := c.readFile(c.files.Certificate)
	if err != nil {
		return err
	}
	key, err := c.readFile(c.files.Key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.files.Certificate, c.files.Key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.files.ClientCA != "" {
		authorities, err := c.readFile(c.files.ClientCA)
		if err != nil {
			return err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(authorities) {
			return fmt.Errorf("%s: %w", c.files.ClientCA, errors.New("no certificate in it"))
		}
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	c.config, c.leaf, c.read = config, pair.Leaf, stamps
	return nil
}

func (c *Certificates) readFile(name string) (content []byte, err error) {
	f, err := c.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(f)
}
