package cluster

import (
	"context"
	"sync"
	"time"
)

// pace bounds a rate of bytes over all who share it. The zero rate is none.
type pace struct {
	// rate is in bytes per second.
	rate int64

	mu sync.Mutex
	// free is when what was taken so far is paid for.
	free time.Time
}

// paceBurst is how far those who take may be ahead of the rate.
const paceBurst = 100 * time.Millisecond

// take waits until bytes may be moved, or ctx ends.
func (p *pace) take(ctx context.Context, bytes int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	p.mu.Lock()
	if p.free.Before(now) {
		p.free = now
	}
	wait := p.free.Sub(now) - paceBurst
	p.free = p.free.Add(time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second)))
	p.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
