package notify

// Source gives the changes of one relation to the listeners that follow it, as
// notifications on the channels by which they do. Nobody who writes waits for a
// listener: of a slow one the changes are left out that do not fit.
type Source struct {
	hub *Hub
	// followers are the listeners by channel; under hub.mu.
	followers map[string]map[*Listener]struct{}
	// left is called when the last follower has left.
	left func()
}

// NewSource returns a source without followers. Left is called when the last one has
// left, by who took it away, with no lock held.
func (h *Hub) NewSource(left func()) *Source {
	return &Source{hub: h, followers: make(map[string]map[*Listener]struct{}), left: left}
}

// What waits for one listener, in bytes, before further changes are left out: so much
// for itself, and nothing once all changes that wait on the node take their part of the
// queue.
const (
	changeBytes    = 1 << 20
	allChangeBytes = 64 << 20
)

// Follow has a listener, which listens to a channel, receive the source's changes there
// from now on, in place of those of another source.
func (s *Source) Follow(l *Listener, channel string) {
	s.hub.mu.Lock()
	left := l.unfollow(channel)
	if l.sources == nil {
		l.sources = make(map[string]*Source)
	}
	l.sources[channel] = s
	if s.followers[channel] == nil {
		s.followers[channel] = make(map[*Listener]struct{})
	}
	s.followers[channel][l] = struct{}{}
	s.hub.mu.Unlock()
	left.call()
}

// leaving are the sources that have lost their last follower.
type leaving []*Source

func (sources leaving) call() {
	for _, s := range sources {
		s.left()
	}
}

// unfollow ends the following of a channel, and returns the source where that was its
// last follower. The caller holds hub.mu.
func (l *Listener) unfollow(channel string) leaving {
	s := l.sources[channel]
	if s == nil {
		return nil
	}
	delete(l.sources, channel)
	delete(s.followers[channel], l)
	if len(s.followers[channel]) > 0 {
		return nil
	}
	delete(s.followers, channel)
	if len(s.followers) > 0 {
		return nil
	}
	return leaving{s}
}

// Follows returns the source that the listener follows by a channel, nil for none.
func (l *Listener) Follows(channel string) *Source {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return l.sources[channel]
}

// Unfollow ends the following of a channel, which is still listened to.
func (l *Listener) Unfollow(channel string) {
	l.hub.mu.Lock()
	left := l.unfollow(channel)
	l.hub.mu.Unlock()
	left.call()
}

// Followed reports whether the source has a follower.
func (s *Source) Followed() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return len(s.followers) > 0
}

// Followers returns the listeners that follow the source.
func (s *Source) Followers() map[*Listener][]string {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	list := make(map[*Listener][]string)
	for channel, listeners := range s.followers {
		for l := range listeners {
			list[l] = append(list[l], channel)
		}
	}
	return list
}

// Publish queues changes for the followers. Where they do not fit, note is queued in
// their place, once, until the listener has taken what waits for it.
func (s *Source) Publish(payloads []string, note string) {
	var woken []*Listener
	s.hub.mu.Lock()
	for channel, listeners := range s.followers {
		changes := make([]*queued, len(payloads))
		for i, payload := range payloads {
			changes[i] = &queued{Notification: Notification{Channel: channel, Payload: payload}, change: true}
		}
		for l := range listeners {
			if len(l.queue) == 0 && len(payloads) > 0 {
				woken = append(woken, l)
			}
			for _, q := range changes {
				l.offer(q, note)
			}
		}
	}
	s.hub.mu.Unlock()
	for _, l := range woken {
		l.wake()
	}
}

// Tell queues a note for one follower on a channel.
func (s *Source) Tell(l *Listener, channel, note string) {
	s.hub.mu.Lock()
	empty := len(l.queue) == 0
	l.append(&queued{Notification: Notification{Channel: channel, Payload: note}, change: true})
	s.hub.mu.Unlock()
	if empty {
		l.wake()
	}
}

// offer queues a change, or the note in its place. The caller holds hub.mu.
func (l *Listener) offer(q *queued, note string) {
	if _, skipping := l.skipping[q.Channel]; skipping {
		return
	}
	if l.changeBytes+q.bytes() <= changeBytes && (l.changeBytes == 0 || l.hub.changeBytes <= allChangeBytes) {
		l.append(q)
		return
	}
	if l.skipping == nil {
		l.skipping = make(map[string]struct{})
	}
	l.skipping[q.Channel] = struct{}{}
	l.append(&queued{Notification: Notification{Channel: q.Channel, Payload: note}, change: true})
}
