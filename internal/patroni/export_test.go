package patroni

import "time"

// SetClock lets a test say what time it is.
func SetClock(p *Prober, now func() time.Time) { p.now = now }
