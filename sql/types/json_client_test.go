package types

import "testing"

// TestJSONOfClients takes values that a client sends as json, whose binary form is the
// text, and as elements of json's array.
func TestJSONOfClients(t *testing.T) {
	for _, test := range []struct {
		oid  uint32
		data string
		want string
	}{
		{OIDJSON, `{"b":1, "a":[]}`, `{"b":1, "a":[]}`},
		{OIDJSON, "\n true", "\n true"},
		{OIDJSONB, "\x01 true", `true`},
		{ArrayOf(JSON).OID(), "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x72\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01" + "7", `{7}`},
	} {
		typ, known := TypeByOID(test.oid)
		if !known {
			t.Fatalf("no type with OID %d", test.oid)
		}
		d, err := ParseBinary(typ, []byte(test.data))
		if err != nil {
			t.Errorf("%q: %v", test.data, err)
			continue
		}
		format := DefaultFormat()
		if got := string(AppendText(nil, typ, d, format)); got != test.want {
			t.Errorf("%q: %s, want %s", test.data, got, test.want)
		}
	}
	if _, err := ParseBinary(JSONB, []byte("\x02true")); err == nil {
		t.Error("version 2 of jsonb is taken")
	}
}
