package auth

import (
	"net/netip"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	var rules Rules
	for _, text := range []string{"tls:10.0.0.0/8=scram-sha-256", "10.1.2.3=trust", "loopback=trust", "2001:db8::/32=cert", "192.168.7.9/16=reject", "tls:all=scram-sha-256"} {
		rule, err := ParseRule(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		rules = append(rules, rule)
	}
	for _, test := range []struct {
		from string
		tls  bool
		want Method
	}{
		{"10.2.3.4", true, SCRAM}, {"10.2.3.4", false, Reject}, {"10.1.2.3", true, SCRAM}, {"10.1.2.3", false, Trust},
		{"127.0.0.1", false, Trust}, {"::1", false, Trust}, {"::ffff:127.0.0.1", false, Trust}, {"", false, Trust},
		{"2001:db8::1%eth0", true, Certificate}, {"192.168.200.1", true, Reject}, {"8.8.8.8", true, SCRAM}, {"8.8.8.8", false, Reject},
	} {
		from, _ := netip.ParseAddr(test.from)
		if got := rules.Find(from, test.tls); got != test.want {
			t.Errorf("%q, TLS %t: %s, want %s", test.from, test.tls, got, test.want)
		}
	}
	if !rules.TrustsOthers() || !rules.NeedsClientCertificates() || DefaultRules().TrustsOthers() || DefaultRules().NeedsClientCertificates() {
		t.Error("what rules let in is not told")
	}
	for _, text := range []string{"", "all", "all=md5", "10.0.0.0/33=trust", "host=trust", "tls:=trust"} {
		if _, err := ParseRule(text); err == nil {
			t.Errorf("%q is taken for a rule", text)
		}
	}
}

func TestVerifier(t *testing.T) {
	first, err := Verifier("pencil")
	if err != nil {
		t.Fatal(err)
	}
	second, err := Verifier("pencil")
	if err != nil || first == second || !strings.HasPrefix(first, "SCRAM-SHA-256$4096:") {
		t.Errorf("verifiers %q and %q, %v", first, second, err)
	}
	if kept, err := Verifier(first); err != nil || kept != first {
		t.Errorf("a verifier became %q, %v", kept, err)
	}
	// The example of RFC 7677, section 3, in PostgreSQL's form.
	const salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
	keys, err := parseVerifier("SCRAM-SHA-256$4096:" + salt + "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
	if err != nil {
		t.Fatal(err)
	}
	made, err := newVerifier("pencil", []byte(keys.Salt))
	if err != nil || made != "SCRAM-SHA-256$4096:"+salt+"$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" {
		t.Errorf("the verifier of RFC 7677's example is %q, %v", made, err)
	}
	for _, text := range []string{"md5" + strings.Repeat("0", 32), "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"} {
		if _, err := Verifier(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// FuzzExchange gives an exchange what clients may send.
func FuzzExchange(f *testing.F) {
	f.Add("SCRAM-SHA-256", []byte("n,,n=,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add("SCRAM-SHA-256-PLUS", []byte("p=tls-server-end-point,,n=,r=abc"), []byte(""))
	f.Add("", []byte(",,,"), []byte("c=,r=,p="))
	verifier, err := Verifier("secret")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mechanism string, first, final []byte) {
		for _, kept := range []string{verifier, ""} {
			x, err := NewExchange("role", kept, []byte("secret of the server"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.First(mechanism, first); err != nil {
				continue
			}
			if _, ok, _ := x.Final(final); ok {
				t.Fatal("a client that does not know the password was let in")
			}
		}
	})
}
