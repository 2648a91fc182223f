package wire

import (
	"crypto/tls"
	"net/netip"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/wire/auth"
	"millrace/wire/session"
)

// maxAuthenticationBytes bounds a message of a client that has not proved who it is,
// as PostgreSQL's PG_MAX_SASL_MESSAGE_LENGTH.
const maxAuthenticationBytes = 1024

// encrypt answers SSLRequest and, where the server has certificates, goes on over
// TLS.
func (c *conn) encrypt() error {
	if c.options.TLS == nil || c.leaf != nil {
		c.writer.buffer = append(c.writer.buffer, 'N')
		return c.writer.flush()
	}
	c.writer.buffer = append(c.writer.buffer, 'S')
	if err := c.writer.flush(); err != nil {
		return err
	}
	if c.reader.buffered() > 0 {
		// Whoever is between the client and the node could have sent them.
		return sqlerr.New(sqlerr.ProtocolViolation, -1, "received unencrypted data after SSL request").
			WithDetail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
	}
	config, leaf := c.options.TLS.Config()
	encrypted := tls.Server(c.socket, config)
	if err := encrypted.Handshake(); err != nil { // within the deadline of the startup
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminated != nil {
		return c.terminated
	}
	c.socket, c.encrypted, c.leaf = encrypted, encrypted, leaf
	c.reader.source, c.writer.target = encrypted, encrypted
	return nil
}

// authenticate lets the client prove that it may act as the role that it names, which
// it returns; nil where the node believes a client that names none that there is.
func (c *conn) authenticate(identity *session.Identity) (*catalog.Role, error) {
	if c.options.Catalog == nil {
		return nil, nil
	}
	from, _ := netip.ParseAddr(identity.ClientAddress) // a local socket has no address
	snapshot := c.options.Catalog()
	role := snapshot.RoleByName(identity.User)
	var err error
	switch c.options.Authentication.Find(from, c.encrypted != nil) {
	case auth.Trust:
		if role == nil {
			return nil, nil
		}
	case auth.SCRAM:
		err = c.checkPassword(identity.User, role)
	case auth.Certificate:
		err = c.checkCertificate(identity.User)
	default:
		err = c.rejected(identity)
	}
	if err != nil {
		return nil, err
	}
	return role, c.mayLogIn(snapshot, identity, role)
}

// rejected is the error of a client that no rule lets in.
func (c *conn) rejected(identity *session.Identity) error {
	encryption := "no encryption"
	if c.encrypted != nil {
		encryption = "SSL encryption"
	}
	return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1,
		"no authentication rule lets in host %q, user %q, database %q, %s", identity.ClientAddress, identity.User, identity.Database, encryption).
		WithHint("The rules are the --auth flags of millrace start.")
}

// checkPassword runs an exchange of SCRAM-SHA-256.
func (c *conn) checkPassword(user string, role *catalog.Role) error {
	verifier := ""
	if role != nil && role.ValidUntil > c.options.Now().UnixMicro() {
		verifier = role.Verifier
	}
	exchange, err := auth.NewExchange(user, verifier, c.server.secret, c.leaf)
	if err != nil {
		return err
	}
	if err := c.sendNow(&pgproto3.AuthenticationSASL{AuthMechanisms: exchange.Mechanisms()}); err != nil {
		return err
	}
	body, err := c.authenticationMessage()
	if err != nil {
		return err
	}
	var initial pgproto3.SASLInitialResponse
	if err := initial.Decode(body); err != nil {
		return sqlerr.New(sqlerr.ProtocolViolation, -1, "malformed SASL message").WithDetail("%v", err)
	}
	answer, err := exchange.First(initial.AuthMechanism, initial.Data)
	if err != nil {
		return err
	}
	if err := c.sendNow(&pgproto3.AuthenticationSASLContinue{Data: answer}); err != nil {
		return err
	}
	if body, err = c.authenticationMessage(); err != nil {
		return err
	}
	answer, ok, err := exchange.Final(body)
	switch {
	case err != nil:
		return err
	case !ok || role == nil:
		return sqlerr.New(sqlerr.InvalidPassword, -1, "password authentication failed for user %q", user)
	default:
		return c.writer.send(&pgproto3.AuthenticationSASLFinal{Data: answer})
	}
}

// sendNow sends a message and waits until it is on its way.
func (c *conn) sendNow(message pgproto3.BackendMessage) error {
	if err := c.writer.send(message); err != nil {
		return err
	}
	return c.writer.flush()
}

// authenticationMessage returns the body of the client's next message, which must
// belong to the authentication.
func (c *conn) authenticationMessage() ([]byte, error) {
	kind, body, err := c.reader.next(maxAuthenticationBytes)
	if err != nil {
		return nil, err
	}
	if kind != 'p' {
		return nil, sqlerr.New(sqlerr.ProtocolViolation, -1, "expected SASL response, got message type %d", kind)
	}
	return body, nil
}

// checkCertificate looks for the role's name in the certificate that the client has
// shown, which TLS has verified.
func (c *conn) checkCertificate(user string) error {
	if c.encrypted == nil {
		return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1, "connection requires a valid client certificate")
	}
	shown := c.encrypted.ConnectionState().PeerCertificates
	if len(shown) == 0 {
		return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1, "connection requires a valid client certificate")
	}
	if shown[0].Subject.CommonName != user {
		return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1, "certificate authentication failed for user %q", user)
	}
	return nil
}

// mayLogIn checks what the catalog says about a role that has proved itself.
func (c *conn) mayLogIn(snapshot *catalog.Snapshot, identity *session.Identity, role *catalog.Role) error {
	switch {
	case role == nil:
		return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1, "role %q does not exist", identity.User)
	case !role.Login:
		return sqlerr.New(sqlerr.InvalidAuthorizationSpecification, -1, "role %q is not permitted to log in", role.Name)
	case snapshot.Allowed(role.ID, catalog.DatabaseID, catalog.PrivilegeConnect) == 0:
		return sqlerr.New(sqlerr.InsufficientPrivilege, -1, "permission denied for database %q", identity.Database).
			WithDetail("User does not have CONNECT privilege.")
	case role.ConnectionLimit >= 0 && !role.Superuser && c.server.connectionsOf(role.ID) >= role.ConnectionLimit:
		return sqlerr.New(sqlerr.TooManyConnections, -1, "too many connections for role %q", role.Name)
	default:
		c.role.Store(uint64(role.ID))
		return nil
	}
}
