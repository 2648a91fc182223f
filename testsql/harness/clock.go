package harness

import (
	"math"
	"sync"
	"time"
)

// Clock is a clock that can be put forward: what waits for a time that it passes
// then is woken at once. It is for any number of goroutines.
type Clock struct {
	// Slowness is how many times slower than the real clock it goes by itself; 0 means 1.
	Slowness int

	mu      sync.Mutex
	ahead   time.Duration
	began   time.Time
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
	return c.now()
}

func (c *Clock) now() time.Time {
	now := time.Now()
	if c.began.IsZero() {
		c.began = now
	}
	return c.began.Add(now.Sub(c.began) / time.Duration(max(c.Slowness, 1))).Add(c.ahead)
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
	slowness := time.Duration(max(c.Slowness, 1))
	time.AfterFunc(min(d, math.MaxInt64/slowness)*slowness, func() { c.fire(a) })
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
	now := c.now()
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
