package pki

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// Settle is how long a change of a Secret may take until every pod has it: the
// kubelet looks once a minute, or a little later.
const Settle = 2 * time.Minute

// Authority is what is kept of an environment's CAs.
type Authority struct {
	// Current signs. Next is known to members, and will sign once all know it.
	Current, Next Pair
	// Roots are all that are trusted, as PEM: the CAs in force, those that
	// certificates in use were signed by, and those of certificates handed in.
	Roots []byte
	State State
}

// State is what the certificates themselves do not tell.
type State struct {
	// Published is since when each of the roots is known, by its fingerprint.
	Published map[string]time.Time `json:"published,omitempty"`
	// Changed is when a certificate was last replaced.
	Changed time.Time `json:"changed,omitzero"`
	// Supplied and NextSupplied tell of CAs that somebody handed in.
	Supplied     bool `json:"supplied,omitempty"`
	NextSupplied bool `json:"nextSupplied,omitempty"`
}

// planner makes one plan.
type planner struct {
	Maker
	in  Input
	out *Output
	// ca is what Current holds, and err what is wrong with it.
	ca *x509.Certificate
	// fresh: nothing runs yet that could be refused.
	fresh bool
}

// signing sees to a CA that can sign, and brings the next one on its way.
func (p *planner) signing() error {
	supplied := p.handedCA()
	a := &p.out.Authority
	var reason Reason
	reason, p.ca = usable(p.in.Now, a.Current)
	if p.ca == nil {
		return p.replace(reason, supplied)
	}
	if len(a.Next.Certificate) == 0 {
		why, message := p.rotation(reason, supplied)
		if why == "" {
			return nil
		}
		if err := p.announce(supplied); err != nil {
			return err
		}
		p.step(CA, why, "a new CA is made known and signs once every member knows it: "+message)
	}
	return p.bringNext(supplied)
}

// handedCA is the CA that was handed in, where it is fit.
func (p *planner) handedCA() *Pair {
	if p.in.CA == nil {
		return nil
	}
	if reason, message := UnfitCA(p.in.Now, *p.in.CA); reason != "" {
		p.problem(ProblemCA, "the CA that was handed in is not used: "+message)
		return nil
	}
	return p.in.CA
}

// usable is the certificate of a CA that is in force; nil when it is beyond
// repair. The reason tells of a key that cannot sign.
func usable(now time.Time, pair Pair) (Reason, *x509.Certificate) {
	switch cert, _, err := pair.open(); {
	case len(pair.Certificate) == 0:
		return Missing, nil
	case cert == nil:
		return Unparsable, nil
	case now.After(cert.NotAfter):
		return Expired, nil
	case err != nil:
		return KeyMismatch, cert
	default:
		return "", cert
	}
}

// replace puts a CA in the place of one that is gone. Nobody can know it yet,
// but there is nothing left that could be verified with the old one.
func (p *planner) replace(why Reason, supplied *Pair) error {
	a := &p.out.Authority
	if reason, next := usable(p.in.Now, a.Next); next == nil || reason != "" {
		if err := p.announce(supplied); err != nil {
			return err
		}
	}
	a.Current, a.Next = a.Next, Pair{}
	a.State.Supplied, a.State.NextSupplied = a.State.NextSupplied, false
	_, p.ca = usable(p.in.Now, a.Current)
	p.step(CA, why, "a CA was put in force")
	return nil
}

// announce makes the next CA, or takes the one that was handed in.
func (p *planner) announce(supplied *Pair) error {
	a := &p.out.Authority
	if supplied != nil {
		a.Next, a.State.NextSupplied = *supplied, true
		return nil
	}
	var err error
	a.Next, err = p.authority(p.in.Now, p.in.Environment)
	a.State.NextSupplied = false
	return err
}

// rotation tells why another CA shall follow; an empty reason when none shall.
// One follows the other: not before the last one that left is forgotten.
func (p *planner) rotation(broken Reason, supplied *Pair) (Reason, string) {
	a := p.out.Authority
	switch {
	case broken != "":
		return broken, "the key of the one in force is not its own"
	case p.in.leaving(a):
		return "", ""
	case supplied != nil && !supplied.equal(a.Current):
		return Supplied, "it was handed in"
	case p.in.CA == nil && a.State.Supplied:
		return Supplied, "the one in force was handed in and is not named any more"
	case p.in.CA == nil && askedFor(p.in.Now, p.in.Renew[CA], p.ca):
		return Asked, "it was asked for"
	case p.in.CA == nil && !p.in.Now.Before(renewal(p.ca)):
		return Due, "the last third of the old one's life has begun"
	}
	return "", ""
}

// bringNext lets the next CA sign once every member knows it. One that is not
// wanted any more gives way to another: nothing was signed by it.
func (p *planner) bringNext(supplied *Pair) error {
	a := &p.out.Authority
	reason, next := usable(p.in.Now, a.Next)
	if next == nil || reason != "" || (supplied != nil && !supplied.equal(a.Next)) || (p.in.CA == nil && a.State.NextSupplied) {
		if err := p.announce(supplied); err != nil {
			return err
		}
		p.step(CA, Supplied, "another CA is made known in the place of the one that was about to follow")
		_, next = usable(p.in.Now, a.Next)
	}
	if !p.known(next) {
		return nil
	}
	a.Current, a.Next = a.Next, Pair{}
	a.State.Supplied, a.State.NextSupplied = a.State.NextSupplied, false
	p.ca = next
	p.step(CA, Asked, "every member knows the new CA: it signs from now on")
	return nil
}

// known tells whether every member trusts the root.
func (p *planner) known(root *x509.Certificate) bool {
	if p.fresh {
		return true
	}
	since, published := p.in.Authority.State.Published[fingerprint(root)]
	return published && p.in.Settled && p.in.Now.Sub(since) >= Settle
}

// unread tells whether members are still to be restarted with the roots. Before
// there were any, there was nobody to read them.
func (p *planner) unread() bool {
	before := p.in.Authority.Roots
	return len(before) > 0 && (!p.in.Settled || !bytes.Equal(before, p.out.Authority.Roots))
}

// roots keeps whom to trust: who signs or will, whom a certificate handed in
// comes with, and whom any certificate in use was signed by, until every
// member shows a newer one.
func (p *planner) roots(wanted []*x509.Certificate) {
	a := &p.out.Authority
	var list []*x509.Certificate
	add := func(c *x509.Certificate) {
		if c != nil && !p.in.Now.After(c.NotAfter) && !slices.ContainsFunc(list, c.Equal) {
			list = append(list, c)
		}
	}
	_, next := usable(p.in.Now, a.Next)
	for _, c := range append([]*x509.Certificate{p.ca, next}, wanted...) {
		add(c)
	}
	inForce := len(list)
	gone := p.in.Settled && p.in.Now.Sub(a.State.Changed) >= Settle
	for _, c := range certificates(a.Roots) {
		if !gone || p.signed(c) {
			add(c)
		} else if !slices.ContainsFunc(list[:inForce], c.Equal) {
			p.step(CA, OtherCA, "no certificate of the former CA "+fingerprint(c)+" is left: it is not trusted any more")
		}
	}
	a.Roots = encode(list...)
	since := map[string]time.Time{}
	for _, c := range list {
		id := fingerprint(c)
		published, ok := a.State.Published[id]
		if !ok || published.After(p.in.Now) {
			published = p.in.Now
		}
		since[id] = published
	}
	a.State.Published = since
}

// signed tells whether a certificate in use needs the root.
func (p *planner) signed(root *x509.Certificate) bool {
	for _, leaf := range p.in.Leaves {
		if verifies(p.in.Now, p.out.Secrets[leaf.Name].Certificate, leaf, pool([]*x509.Certificate{root})) {
			return true
		}
	}
	return false
}

// leaving tells whether a former CA is still trusted.
func (in Input) leaving(a Authority) bool {
	for _, c := range certificates(a.Roots) {
		former := !slices.ContainsFunc(certificates(a.Current.Certificate), c.Equal) && !slices.ContainsFunc(certificates(a.Next.Certificate), c.Equal)
		handed := false
		for _, s := range in.Supplied {
			handed = handed || slices.ContainsFunc(certificates(s.Roots), c.Equal)
		}
		if former && !handed {
			return true
		}
	}
	return false
}
