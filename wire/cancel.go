package wire

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync"
)

// cancelKeys finds connections by the process ID and the secret that their
// clients were told, for cancel requests, which come on connections of their
// own. The zero value is ready.
type cancelKeys struct {
	mu   sync.Mutex
	last uint32
	byID map[uint32]*conn
}

// maxProcessID keeps the process ID a positive int32, as clients expect.
const maxProcessID = 1<<31 - 1

// add gives a connection a process ID and a secret.
func (k *cancelKeys) add(c *conn) (id uint32, secret [4]byte) {
	// crypto/rand.Read never fails.
	_, _ = rand.Read(secret[:])
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID == nil {
		k.byID = make(map[uint32]*conn)
	}
	if k.last == 0 {
		var start [4]byte
		_, _ = rand.Read(start[:])
		k.last = binary.BigEndian.Uint32(start[:]) >> 12
	}
	for {
		k.last = k.last%maxProcessID + 1
		if k.byID[k.last] == nil {
			k.byID[k.last] = c
			return k.last, secret
		}
	}
}

func (k *cancelKeys) remove(id uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}

// find returns the connection with a process ID when the secret is right, else
// nil.
func (k *cancelKeys) find(id uint32, secret []byte) *conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.byID[id]
	if c == nil || subtle.ConstantTimeCompare(c.secret[:], secret) != 1 {
		return nil
	}
	return c
}
