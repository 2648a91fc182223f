package testsql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
	"millrace/wire/auth"
)

// secured is a node that asks for a password over TLS, and its superuser's connection.
type secured struct {
	*node.Node
	authority         *harness.Authority
	certificate, key  string
	superuser, secret string
}

func startSecured(t *testing.T, rules ...string) *secured {
	t.Helper()
	s := &secured{authority: harness.NewAuthority(t), superuser: "root", secret: "correct horse"}
	s.certificate, s.key = s.authority.Issue(t, "node")
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(s.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Node = harness.StartNode(t, node.Options{Access: node.Access{
		Rules:     rules,
		TLS:       auth.Files{Certificate: s.certificate, Key: s.key, ClientCA: s.authority.File},
		Superuser: s.superuser, PasswordFile: password,
	}})
	return s
}

// url is a connection string over TLS with the node's certificate verified.
func (s *secured) url(user, password, more string) string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return fmt.Sprintf("host=localhost port=%s dbname=millrace user=%s password='%s' sslmode=verify-full sslrootcert=%s connect_timeout=20 %s",
		port, user, password, s.authority.File, more)
}

func (s *secured) connect(t *testing.T) *pgx.Conn {
	return harness.Connect(t, s.url(s.superuser, s.secret, ""))
}

// refused connects, which must fail, and returns the SQLSTATE.
func refused(t *testing.T, url string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_ = c.Close(t.Context())
		t.Fatalf("%s: connected", url)
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code
	}
	t.Fatalf("%s: %v", url, err)
	return ""
}

// TestPasswords holds who knows a role's password, and who does not, against each
// other.
func TestPasswords(t *testing.T) {
	s := startSecured(t, "tls:loopback=scram-sha-256")
	c := s.connect(t)
	for _, statement := range []string{
		`CREATE ROLE ann LOGIN PASSWORD 'geheim' CONNECTION LIMIT 1`,
		`CREATE ROLE team PASSWORD 'geheim'`,
		`CREATE USER late PASSWORD 'geheim' VALID UNTIL '2001-01-01'`,
		`CREATE USER unset`,
		`CREATE USER prepared PASSWORD 'Ⅸ pass'`,
	} {
		harness.Exec(t, c, statement)
	}
	for _, test := range []struct{ user, password, more, code string }{
		{"ann", "wrong", "", "28P01"},
		{"nobody", "geheim", "", "28P01"},
		{"late", "geheim", "", "28P01"},
		{"unset", "", "", "28P01"},
		{"team", "geheim", "", "28000"},
		{"ann", "geheim", "sslmode=disable", "28000"},
		{"ann", "geheim", "dbname=nosuch", "3D000"},
	} {
		if code := refused(t, s.url(test.user, test.password, test.more)); code != test.code {
			t.Errorf("%s %q %s: SQLSTATE %s, want %s", test.user, test.password, test.more, code, test.code)
		}
	}
	// SASLprep makes the Roman numeral and the letters one password.
	harness.Connect(t, s.url("prepared", "IX pass", ""))
	first := harness.Connect(t, s.url("ann", "geheim", ""))
	if code := refused(t, s.url("ann", "geheim", "")); code != "53300" {
		t.Errorf("one connection too many: SQLSTATE %s", code)
	}
	harness.Exec(t, first, `ALTER ROLE ann PASSWORD 'neu'`)
	if rows := harness.Rows(t, first, `SELECT current_user, session_user`); rows[0] != "ann\tann" {
		t.Errorf("the role is %v", rows)
	}
	_ = first.Close(t.Context())
	harness.Eventually(t, time.Minute, func() error {
		again, err := pgx.Connect(t.Context(), s.url("ann", "neu", ""))
		if err == nil {
			err = again.Close(t.Context())
		}
		return err
	})
	harness.Exec(t, c, `REVOKE CONNECT ON DATABASE millrace FROM PUBLIC`)
	if code := refused(t, s.url("ann", "neu", "")); code != "42501" {
		t.Errorf("without CONNECT: SQLSTATE %s", code)
	}
}

// TestChannelBinding connects with libpq, which binds the password to the TLS
// connection when asked to.
func TestChannelBinding(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	for _, mode := range []string{"require", "prefer", "disable"} {
		output, err := exec.CommandContext(t.Context(), "psql", "-X", "-A", "-t", "-c", "SELECT current_user",
			s.url(s.superuser, s.secret, "channel_binding="+mode)).CombinedOutput()
		if err != nil || strings.TrimSpace(string(output)) != s.superuser {
			t.Errorf("channel_binding=%s: %v\n%s", mode, err, output)
		}
	}
}

// TestClientCertificates proves a role by a certificate of TLS.
func TestClientCertificates(t *testing.T) {
	s := startSecured(t, "tls:loopback=cert")
	mine, key := s.authority.Issue(t, s.superuser)
	c := harness.Connect(t, s.url(s.superuser, "", "sslcert="+mine+" sslkey="+key))
	harness.Exec(t, c, `CREATE USER other`)
	if code := refused(t, s.url("other", "", "sslcert="+mine+" sslkey="+key)); code != "28000" {
		t.Errorf("another's certificate: SQLSTATE %s", code)
	}
	if code := refused(t, s.url(s.superuser, "", "")); code != "28000" {
		t.Errorf("no certificate: SQLSTATE %s", code)
	}
	stranger := harness.NewAuthority(t)
	forged, forgedKey := stranger.Issue(t, s.superuser)
	if _, err := pgx.Connect(t.Context(), s.url(s.superuser, "", "sslcert="+forged+" sslkey="+forgedKey)); err == nil {
		t.Error("a certificate of another authority was believed")
	}
}

// TestCertificateReload puts another certificate in place under a node that serves.
func TestCertificateReload(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	before := s.connect(t)
	serial := shownSerial(t, s)
	s.authority.Issue(t, "node")
	harness.Eventually(t, time.Minute, func() error {
		if now := shownSerial(t, s); now == serial {
			return fmt.Errorf("the certificate shown is still number %s", now)
		}
		return nil
	})
	if err := os.WriteFile(s.certificate, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := s.connect(t)
	for _, c := range []*pgx.Conn{before, after} {
		harness.Exec(t, c, `SELECT 1`)
	}
}

// shownSerial is the number of the certificate that new connections are shown.
func shownSerial(t *testing.T, s *secured) string {
	t.Helper()
	config, err := pgx.ParseConfig(s.url(s.superuser, s.secret, ""))
	if err != nil {
		t.Fatal(err)
	}
	serial := ""
	config.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error {
		serial = state.PeerCertificates[0].SerialNumber.String()
		return nil
	}
	c, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(context.Background()); err != nil {
		t.Error(err)
	}
	return serial
}

// TestPrivilegesOfPushes checks privileges where rows leave by other ways than a plain
// SELECT.
func TestPrivilegesOfPushes(t *testing.T) {
	s := startSecured(t, "all=scram-sha-256")
	c := s.connect(t)
	for _, statement := range []string{
		`CREATE STREAM s (k text, v int)`, `CREATE TABLE sums AS SELECT k, sum(v) AS total FROM s GROUP BY k`,
		`INSERT INTO s VALUES ('a', 1)`, `CREATE USER ann PASSWORD 'x'`,
	} {
		harness.Exec(t, c, statement)
	}
	ann := harness.Connect(t, s.url("ann", "x", ""))
	for _, statement := range []string{
		`SELECT * FROM s EMIT CHANGES LIMIT 1`, `SELECT * FROM sums EMIT CHANGES`, `COPY (SELECT * FROM s EMIT CHANGES) TO STDOUT`,
		`COPY s TO STDOUT`, `COPY s FROM STDIN`, `SELECT * FROM CHANGES OF sums EMIT CHANGES`, `EXPLAIN SELECT * FROM s`,
		`CREATE TABLE mine AS SELECT k, count(*) FROM s GROUP BY k`, `PAUSE sums`, `TERMINATE ALL`, `INSERT INTO s VALUES ('b', 1)`,
		`WITH x AS (SELECT * FROM s) SELECT * FROM x`, `SELECT (SELECT count(*) FROM s)`, `PREPARE p AS SELECT * FROM s`,
	} {
		_, err := ann.Exec(t.Context(), statement)
		if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "42501" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	// What is granted and revoked counts for statements that are prepared already.
	harness.Exec(t, c, `GRANT SELECT ON sums TO ann`)
	harness.Exec(t, ann, `PREPARE q AS SELECT * FROM sums`)
	harness.Exec(t, ann, `EXECUTE q`)
	harness.Exec(t, c, `REVOKE SELECT ON sums FROM ann`)
	if _, err := ann.Exec(t.Context(), `EXECUTE q`); err == nil {
		t.Error("a prepared statement outlived the privilege")
	}
	if rows := harness.Rows(t, ann, `SELECT DISTINCT query FROM pg_stat_activity WHERE usename = 'root'`); rows[0] != "<insufficient privilege>" {
		t.Errorf("another's statements are shown: %v", rows)
	}
}
