package session

import "testing"

// FuzzDecodeSignal decodes what another node says of a signal.
func FuzzDecodeSignal(f *testing.F) {
	f.Add(signal{process: 7, terminate: true, role: 10}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decodeSignal(data); err == nil {
			if again, err := decodeSignal(s.encode()); err != nil || again != s {
				t.Errorf("%+v became %+v, %v", s, again, err)
			}
		}
	})
}
