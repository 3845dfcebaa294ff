package patroni

import "time"

// history is where the leader's WAL was at earlier looks. A replica that has
// not replayed what the leader had at a look is behind at least since then:
// unlike pg_stat_replication's replay_lag, this also grows while a replica
// stands still and reports nothing.
type history struct {
	leader   string
	timeline int64
	samples  []sample
}

type sample struct {
	at       time.Time
	location int64
}

const historyLength = 128

// addLag completes the members' facts with how far they, and what they have
// written for good, are behind.
func (p *Prober) addLag(namespace string, facts Facts) {
	leaders := facts.Leaders()
	if len(leaders) != 1 {
		return
	}
	p.mu.Lock()
	h := p.history[namespace]
	if h == nil || h.leader != leaders[0].Name || h.timeline != leaders[0].Timeline {
		h = &history{leader: leaders[0].Name, timeline: leaders[0].Timeline}
		p.history[namespace] = h
	}
	h.add(sample{at: facts.Time, location: leaders[0].Location})
	samples := h.samples
	p.mu.Unlock()
	for i := range leaders[0].Standbys {
		if s := &leaders[0].Standbys[i]; s.Flushed > 0 {
			s.SilentSeconds = standstill(samples, s.Flushed, facts.Time).Seconds()
		}
	}
	for i := range facts.Members {
		m := &facts.Members[i]
		if m.Err != "" || m.State != "running" || m.Leads() {
			continue
		}
		lag := standstill(samples, m.Location, facts.Time).Seconds()
		for _, s := range leaders[0].Standbys {
			if s.Name == m.Name && s.LagSeconds != nil {
				lag = max(lag, *s.LagSeconds)
			}
		}
		m.LagSeconds = &lag
	}
}

// add appends in a new slice: readers hold the old one.
func (h *history) add(s sample) {
	kept := h.samples[max(0, len(h.samples)-historyLength+1):]
	h.samples = append(append(make([]sample, 0, len(kept)+1), kept...), s)
}

// standstill is the time since the first look at which the leader was beyond
// the location.
func standstill(samples []sample, location int64, now time.Time) time.Duration {
	for _, s := range samples {
		if s.location > location {
			return now.Sub(s.at)
		}
	}
	return 0
}
