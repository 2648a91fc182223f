package auth

import (
	"fmt"
	"net/netip"
	"strings"
)

// Method is how a client proves who it is.
type Method string

// The methods.
const (
	// Trust believes what the client says.
	Trust Method = "trust"
	// SCRAM asks for the role's password (RFC 7677).
	SCRAM Method = "scram-sha-256"
	// Certificate asks for a client certificate whose common name is the role's.
	Certificate Method = "cert"
	// Reject refuses the client.
	Reject Method = "reject"
)

// Rule says how clients from some addresses prove who they are.
type Rule struct {
	// Prefixes are the addresses; Local adds connections without an address.
	Prefixes []netip.Prefix
	Local    bool
	// TLS restricts the rule to connections with TLS.
	TLS    bool
	Method Method
}

// Rules are tried in their order; the first that fits a connection decides, and a
// connection that none fits is refused.
type Rules []Rule

// loopback are the addresses of this machine.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// everywhere are all addresses.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// DefaultRules trust this machine and ask everybody else for a password.
func DefaultRules() Rules {
	return Rules{{Prefixes: loopback, Local: true, Method: Trust}, {Prefixes: everywhere, Method: SCRAM}}
}

// ParseRule reads a rule such as 10.0.0.0/8=scram-sha-256. Its left side is a range of
// addresses, a single one, "loopback" or "all"; with "tls:" in front it concerns
// connections with TLS only.
func ParseRule(text string) (Rule, error) {
	where, method, ok := strings.Cut(text, "=")
	if !ok {
		return Rule{}, fmt.Errorf("%q: a rule is ADDRESSES=METHOD, such as 10.0.0.0/8=scram-sha-256", text)
	}
	rule := Rule{Method: Method(method)}
	switch rule.Method {
	case Trust, SCRAM, Certificate, Reject:
	default:
		return Rule{}, fmt.Errorf("%q: the method must be trust, scram-sha-256, cert or reject, not %q", text, method)
	}
	where, rule.TLS = strings.CutPrefix(where, "tls:")
	switch where {
	case "all":
		rule.Prefixes, rule.Local = everywhere, true
		return rule, nil
	case "loopback":
		rule.Prefixes, rule.Local = loopback, true
		return rule, nil
	}
	prefix, err := netip.ParsePrefix(where)
	if err != nil {
		address, err := netip.ParseAddr(where)
		if err != nil {
			return Rule{}, fmt.Errorf("%q: %q is no range of addresses such as 10.0.0.0/8, no address, and not loopback or all", text, where)
		}
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	rule.Prefixes = []netip.Prefix{prefix.Masked()}
	return rule, nil
}

// Find returns the method for a connection from an address, which is not valid for
// a local socket.
func (rules Rules) Find(from netip.Addr, tls bool) Method {
	from = from.Unmap().WithZone("")
	for i := range rules {
		if r := &rules[i]; r.fits(from, tls) {
			return r.Method
		}
	}
	return Reject
}

func (r *Rule) fits(from netip.Addr, tls bool) bool {
	if r.TLS && !tls {
		return false
	}
	if !from.IsValid() {
		return r.Local
	}
	for _, prefix := range r.Prefixes {
		if prefix.Contains(from) {
			return true
		}
	}
	return false
}

// TrustsOthers reports whether clients on other machines may be believed without a
// proof.
func (rules Rules) TrustsOthers() bool {
	for i := range rules {
		if rules[i].Method != Trust {
			continue
		}
		for _, prefix := range rules[i].Prefixes {
			if !prefix.Addr().IsLoopback() {
				return true
			}
		}
	}
	return false
}

// NeedsClientCertificates reports whether a rule asks for a client certificate.
func (rules Rules) NeedsClientCertificates() bool {
	for i := range rules {
		if rules[i].Method == Certificate {
			return true
		}
	}
	return false
}
