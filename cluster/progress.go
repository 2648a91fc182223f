package cluster

import (
	"context"
	"sync"
	"sync/atomic"
)

// progress is an index that grows, and that others wait for. Its zero value is 0.
type progress struct {
	index atomic.Uint64

	mu sync.Mutex
	// waiting is closed when the index has grown; nil while nobody waits.
	waiting chan struct{}
	waiters atomic.Int32
}

// reached is the index.
func (p *progress) reached() uint64 { return p.index.Load() }

// advance sets the index, which only one goroutine does.
func (p *progress) advance(index uint64) {
	p.index.Store(index)
	if p.waiters.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting != nil {
		close(p.waiting)
		p.waiting = nil
	}
}

// wait returns when the index has reached a value.
func (p *progress) wait(ctx context.Context, index uint64) error {
	if p.reached() >= index {
		return nil
	}
	p.waiters.Add(1)
	defer p.waiters.Add(-1)
	for {
		p.mu.Lock()
		if p.waiting == nil {
			p.waiting = make(chan struct{})
		}
		grown := p.waiting
		p.mu.Unlock()
		// It may have grown before the channel was there to tell.
		if p.reached() >= index {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
