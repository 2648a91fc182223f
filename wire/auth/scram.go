package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"strings"

	"github.com/xdg-go/scram"

	"millrace/sql/sqlerr"
)

// The SASL mechanisms (RFC 5802, RFC 7677).
const (
	mechanism     = "SCRAM-SHA-256"
	mechanismPlus = "SCRAM-SHA-256-PLUS"
)

// Exchange is the server's side of one SCRAM-SHA-256 exchange
// (https://www.postgresql.org/docs/15/sasl-authentication.html). It takes two messages
// of the client and then knows whether that knows the password.
type Exchange struct {
	conversation *scram.ServerConversation
	plus         bool
}

// NewExchange begins an exchange for a role. The verifier is what is kept of its
// password, "" for a role that has none or is not there: then the exchange goes on as
// for any other, with a salt that depends on the name and the server's secret, and
// fails at its end, so that nothing is learned about which roles there are. Leaf is
// the certificate that the server has shown over TLS, nil without.
func NewExchange(role, verifier string, secret []byte, leaf *x509.Certificate) (*Exchange, error) {
	keys, err := parseVerifier(verifier)
	if err != nil {
		keys = unknownKeys(role, secret)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return keys, nil })
	if err != nil {
		return nil, err
	}
	if leaf != nil {
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		if binding, err := scram.NewTLSServerEndpointBinding(state); err == nil {
			return &Exchange{conversation: server.NewConversationWithChannelBinding(binding), plus: true}, nil
		}
	}
	return &Exchange{conversation: server.NewConversation()}, nil
}

// unknownKeys are keys that no password has.
func unknownKeys(role string, secret []byte) scram.StoredCredentials {
	derive := func(purpose string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(purpose + "\x00" + role))
		return mac.Sum(nil)
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(derive("salt")[:saltBytes]), Iters: iterations},
		StoredKey:  derive("stored key"), ServerKey: derive("server key"),
	}
}

// Mechanisms are what the client may choose from.
func (x *Exchange) Mechanisms() []string {
	if x.plus {
		return []string{mechanismPlus, mechanism}
	}
	return []string{mechanism}
}

// First takes the client's choice and first message and returns the answer.
func (x *Exchange) First(chosen string, message []byte) ([]byte, error) {
	bound := strings.HasPrefix(string(message), "p=")
	switch {
	case chosen != mechanism && (chosen != mechanismPlus || !x.plus):
		return nil, violation("client selected an invalid SASL authentication mechanism")
	case bound != (chosen == mechanismPlus):
		return nil, violation("malformed SCRAM message").
			WithDetail("The client's message and the mechanism that it chose disagree about channel binding.")
	}
	answer, err := x.conversation.Step(string(message))
	if err != nil {
		return nil, violation("malformed SCRAM message").WithDetail("%v", err)
	}
	return []byte(answer), nil
}

// Final takes the client's proof. It returns the server's, and whether the client
// knows the password; the error says that the message is none.
func (x *Exchange) Final(message []byte) (answer []byte, ok bool, err error) {
	text, failure := x.conversation.Step(string(message))
	if x.conversation.Valid() {
		return []byte(text), true, nil
	}
	if text == string(scram.ErrInvalidProof) {
		return nil, false, nil
	}
	return nil, false, violation("malformed SCRAM message").WithDetail("%v", failure)
}

func violation(message string) *sqlerr.Error {
	return sqlerr.New(sqlerr.ProtocolViolation, -1, "%s", message)
}
