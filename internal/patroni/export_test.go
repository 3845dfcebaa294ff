package patroni

import "time"

// SetClock lets a test say what time it is.
func SetClock(p *Prober, now func() time.Time) { p.now = now }

// AddLag completes a look with what earlier ones tell.
func AddLag(p *Prober, namespace string, facts Facts) { p.addLag(namespace, facts) }

// WithoutPause has a prober ask again at once.
func WithoutPause(p *Prober) *Prober {
	p.pause = 0
	return p
}
