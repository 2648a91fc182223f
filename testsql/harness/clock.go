package harness

import (
	"sync"
	"time"
)

// Clock is the real clock, which can be put forward: what waits for a time that
// it passes then is woken at once. It is for any number of goroutines.
type Clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	waiting map[*alarm]struct{}
}

// alarm is a wait for a time.
type alarm struct {
	at   time.Time
	ring chan time.Time
	once sync.Once
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// After is time.After by this clock.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	a := &alarm{at: c.Now().Add(d), ring: make(chan time.Time, 1)}
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = map[*alarm]struct{}{}
	}
	c.waiting[a] = struct{}{}
	c.mu.Unlock()
	time.AfterFunc(d, func() { c.fire(a) })
	return a.ring
}

func (c *Clock) fire(a *alarm) {
	c.mu.Lock()
	delete(c.waiting, a)
	c.mu.Unlock()
	a.once.Do(func() { a.ring <- a.at })
}

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.ahead += d
	now := time.Now().Add(c.ahead)
	var due []*alarm
	for a := range c.waiting {
		if !a.at.After(now) {
			due = append(due, a)
		}
	}
	c.mu.Unlock()
	for _, a := range due {
		c.fire(a)
	}
}
