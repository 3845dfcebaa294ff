package pki

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// member reads its files a while after they were written. One that is fixed
// trusts whom it trusted when it was started, until it is restarted.
type member struct {
	fixed         bool
	issued        map[string]Issued
	roots         []byte
	mounted       []byte
	reads, starts time.Time
}

// fleet is a world with members that lag behind it.
type fleet struct {
	*world
	random  *mathrand.Rand
	members []*member
	other   *world
}

func newFleet(t *testing.T, seed uint64) *fleet {
	f := &fleet{world: newWorld(t), other: newWorld(t), random: mathrand.New(mathrand.NewPCG(seed, 0))}
	f.plan()
	f.other.plan()
	for i := range 4 {
		f.members = append(f.members, &member{fixed: i%2 == 0, issued: f.issued, roots: f.authority.Roots, mounted: f.authority.Roots})
	}
	return f
}

// step writes what a plan says, after which members read it in their own time.
func (f *fleet) step() {
	f.unsettled = false
	for _, m := range f.members {
		f.unsettled = f.unsettled || (m.fixed && string(m.roots) != string(f.authority.Roots))
	}
	roots := string(f.authority.Roots)
	out := f.plan()
	changed := len(out.Steps) > 0 || string(f.authority.Roots) != roots
	for _, m := range f.members {
		if changed && m.reads.IsZero() {
			m.reads = f.now.Add(time.Duration(f.random.Int64N(int64(Settle))))
		}
		if m.fixed && string(m.roots) != string(f.authority.Roots) && m.starts.IsZero() {
			m.starts = f.now.Add(time.Duration(f.random.Int64N(int64(3 * Settle))))
		}
	}
}

// advance lets time pass, second by second of what happens in it.
func (f *fleet) advance(d time.Duration) {
	f.now = f.now.Add(d)
	for _, m := range f.members {
		if !m.reads.IsZero() && !f.now.Before(m.reads) {
			m.issued, m.mounted, m.reads = f.issued, f.authority.Roots, time.Time{}
			if !m.fixed {
				m.roots = m.mounted
			}
		}
		if !m.starts.IsZero() && !f.now.Before(m.starts) {
			// A pod that starts is given the files of that time.
			m.issued, m.mounted, m.roots, m.starts = f.issued, f.authority.Roots, f.authority.Roots, time.Time{}
		}
	}
}

// event is something that an operator's users and intruders do.
func (f *fleet) event() string {
	leaves := Leaves(f.env)
	leaf := leaves[f.random.IntN(len(leaves))]
	switch f.random.IntN(8) {
	case 0:
		f.renew[leaf.Name] = f.now
		return "renew " + leaf.Name
	case 1, 2:
		f.renew[CA] = f.now
		return "rotate the CA"
	case 3:
		pair, err := Maker{rand.Reader}.authority(f.now, "company")
		require.NoError(f.t, err)
		f.ca = &pair
		return "hand a CA in"
	case 4:
		f.ca = nil
		return "take the CA back"
	case 5:
		f.other.now = f.now
		f.other.renew[Postgres], f.other.authority = f.now, Authority{}
		f.other.plan()
		f.env.Spec.TLS.Certificates.Postgres = supplied("theirs")
		f.supplied[Postgres] = f.other.issued[Postgres]
		return "hand a certificate in"
	case 6:
		f.env.Spec.TLS.Certificates.Postgres = nil
		delete(f.supplied, Postgres)
		return "take the certificate back"
	default:
		f.authority.Current.Key = []byte("lost")
		return "lose the CA's key"
	}
}

func TestNoMemberIsEverRefused(t *testing.T) {
	for seed := range uint64(6) {
		f := newFleet(t, seed)
		var story []string
		taken := map[string]bool{}
		promotions := 0
		for range 120 {
			if f.random.IntN(12) == 0 {
				story = append(story, f.now.Sub(start).String()+": "+f.event())
			}
			ca := string(f.authority.Current.Certificate)
			f.step()
			if string(f.authority.Current.Certificate) != ca {
				promotions++
				story = append(story, f.now.Sub(start).String()+": another CA signs")
			}
			f.advance(time.Duration(f.random.Int64N(int64(Settle))))
			for m, asks := range f.members {
				for n, shows := range f.members {
					for _, leaf := range Leaves(f.env) {
						key := string(shows.issued[leaf.Name].Certificate) + string(asks.roots)
						if taken[key] {
							continue
						}
						taken[key] = true
						require.True(t, verifies(f.now, shows.issued[leaf.Name].Certificate, leaf, pool(certificates(asks.roots))),
							fmt.Sprintf("seed %d at %s: member %d refuses %s of member %d; %q", seed, f.now.Sub(start), m, leaf.Name, n, story))
					}
				}
			}
		}
		require.Positive(t, promotions+len(story))
		settles(t, f, seed, story)
	}
}

// settles: when nobody does anything any more, one CA is left.
func settles(t *testing.T, f *fleet, seed uint64, story []string) {
	t.Helper()
	for range 60 {
		f.step()
		f.advance(Settle)
	}
	out := f.plan()
	require.Empty(t, out.Problems, "seed %d", seed)
	require.False(t, out.Rotating, "seed %d: %d roots, %q", seed, len(certificates(f.authority.Roots)), story)
	require.Empty(t, out.Steps)
}
