package pki

import (
	"crypto/x509"
	"time"
)

// Input is what a plan is made from.
type Input struct {
	Now time.Time
	// Environment is namespace/name.
	Environment string
	Leaves      []Leaf
	// Authority and Issued are what the Secrets hold now.
	Authority Authority
	Issued    map[string]Issued
	// CA is one that was handed in, and Supplied are certificates, by the name
	// of the leaf. What is named in the spec and cannot be read is empty.
	CA       *Pair
	Supplied map[string]Issued
	// Renew asks for certificates to be made anew, by name: those that were
	// made before the time.
	Renew map[string]time.Time
	// Settled: every member has read the roots as they are now.
	Settled bool
}

// Issued is a certificate as its Secret holds it.
type Issued struct {
	Pair
	Roots []byte
}

// Output is how the Secrets shall be, and what there is to tell.
type Output struct {
	Authority Authority
	Secrets   map[string]Issued
	Steps     []Step
	Problems  []Problem
	Reports   []Report
	// Rotating: a CA is on its way in or out, or members have yet to read that one
	// has come or gone.
	Rotating bool
	// Next is when something will be due.
	Next time.Time
}

// Step is something that the plan does.
type Step struct {
	Name    string
	Reason  Reason
	Message string
}

// ProblemKind is what a problem is about.
type ProblemKind string

// Kinds of problems.
const (
	ProblemCA   ProblemKind = "CA"
	ProblemLeaf ProblemKind = "Leaf"
)

// Problem is something that only somebody else can mend.
type Problem struct {
	Kind    ProblemKind
	Message string
}

// Report is a certificate in force.
type Report struct {
	Name, For, Issuer, Fingerprint string
	IssuedAt, NotAfter             time.Time
	// Renewal is zero for what somebody else makes.
	Renewal  time.Time
	Supplied string
}

// Plan looks at what there is and makes what is missing. Nothing of it is in
// force before it is written: the authority first, then the certificates.
//
// A certificate is used only when every member knows its root, and a root is
// forgotten only when no member shows a certificate of it: so none is refused
// at any time, in whatever order members read their files.
func (m Maker) Plan(in Input) (Output, error) {
	out := Output{Authority: in.Authority, Secrets: map[string]Issued{}}
	p := &planner{Maker: m, in: in, out: &out, fresh: len(in.Issued) == 0 && len(in.Authority.State.Published) == 0}
	if err := p.signing(); err != nil {
		return Output{}, err
	}
	var wanted []*x509.Certificate
	for _, leaf := range in.Leaves {
		roots, err := p.leaf(leaf)
		if err != nil {
			return Output{}, err
		}
		wanted = append(wanted, roots...)
	}
	p.roots(wanted)
	for _, leaf := range in.Leaves {
		issued := out.Secrets[leaf.Name]
		issued.Roots = out.Authority.Roots
		out.Secrets[leaf.Name] = issued
	}
	p.report()
	return out, nil
}

// leaf decides on one certificate, and returns the roots that one handed in
// comes with.
func (p *planner) leaf(leaf Leaf) ([]*x509.Certificate, error) {
	have := p.in.Issued[leaf.Name]
	p.out.Secrets[leaf.Name] = have
	var roots []*x509.Certificate
	if leaf.Supplied != "" {
		handed := p.in.Supplied[leaf.Name]
		reason, message := Unfit(p.in.Now, leaf, handed.Pair, handed.Roots)
		if reason == "" {
			roots = certificates(handed.Roots)
			if handed.equal(have.Pair) {
				return roots, nil
			}
			if p.allKnown(roots) {
				p.use(leaf, handed.Pair, Supplied, "the Secret "+leaf.Supplied+" has another one")
				return roots, nil
			}
		} else {
			p.problem(ProblemLeaf, "the Secret "+leaf.Supplied+" is not used for "+leaf.For+": "+message)
		}
		// What is in force stays, as long as it can.
		if kept, _ := Unfit(p.in.Now, leaf, have.Pair, p.in.Authority.Roots); kept == "" {
			return roots, nil
		}
	}
	c := candidate{now: p.in.Now, leaf: leaf, pair: have.Pair, ca: p.ca, asked: p.in.Renew[leaf.Name]}
	reason, message := c.anew(own)
	if reason == "" {
		return roots, nil
	}
	_, key, err := p.out.Authority.Current.open()
	if err != nil {
		p.problem(ProblemCA, "the CA cannot sign "+leaf.Name+" ("+message+"): "+err.Error())
		return roots, nil
	}
	made, err := p.Maker.leaf(p.in.Now, leaf, p.ca, key)
	if err != nil {
		return nil, err
	}
	p.use(leaf, made, reason, message)
	return roots, nil
}

func (p *planner) allKnown(roots []*x509.Certificate) bool {
	for _, c := range roots {
		if !p.known(c) {
			return false
		}
	}
	return true
}

func (p *planner) use(leaf Leaf, pair Pair, reason Reason, message string) {
	p.out.Secrets[leaf.Name] = Issued{Pair: pair}
	p.out.Authority.State.Changed = p.in.Now
	p.step(leaf.Name, reason, "a new certificate for "+leaf.For+": "+message)
}

func (p *planner) step(name string, reason Reason, message string) {
	p.out.Steps = append(p.out.Steps, Step{name, reason, message})
}

func (p *planner) problem(kind ProblemKind, message string) {
	p.out.Problems = append(p.out.Problems, Problem{kind, message})
}

// report tells of what is in force, and when to look again.
func (p *planner) report() {
	out, a := p.out, p.out.Authority
	ca := Report{Name: CA, For: "signing", Issuer: fingerprint(p.ca), Fingerprint: fingerprint(p.ca), IssuedAt: issuedAt(p.ca), NotAfter: p.ca.NotAfter}
	if !a.State.Supplied {
		ca.Renewal = renewal(p.ca)
	}
	out.Reports = append(out.Reports, ca)
	for _, leaf := range p.in.Leaves {
		list := certificates(out.Secrets[leaf.Name].Certificate)
		if len(list) == 0 {
			continue
		}
		cert := list[0]
		r := Report{
			Name: leaf.Name, For: leaf.For, Issuer: p.issuer(cert), Fingerprint: fingerprint(cert),
			IssuedAt: issuedAt(cert), NotAfter: cert.NotAfter,
		}
		switch {
		case cert.CheckSignatureFrom(p.ca) != nil:
			r.Supplied = leaf.Supplied
		case endOf(renewal(cert), p.ca).After(cert.NotAfter):
			r.Renewal = renewal(cert)
		}
		out.Reports = append(out.Reports, r)
	}
	out.Rotating = len(a.Next.Certificate) > 0 || p.in.leaving(a) || p.unread()
	p.schedule()
}

// issuer is the fingerprint of the root that signed a certificate.
func (p *planner) issuer(cert *x509.Certificate) string {
	for _, root := range certificates(p.out.Authority.Roots) {
		if cert.CheckSignatureFrom(root) == nil {
			return fingerprint(root)
		}
	}
	return ""
}

// schedule finds when something is due next.
func (p *planner) schedule() {
	later := func(at time.Time) {
		if at.After(p.in.Now) && (p.out.Next.IsZero() || at.Before(p.out.Next)) {
			p.out.Next = at
		}
	}
	for _, r := range p.out.Reports {
		later(r.Renewal)
		later(r.NotAfter)
	}
	for _, asked := range p.in.Renew {
		later(asked)
	}
	for _, since := range p.out.Authority.State.Published {
		later(since.Add(Settle))
	}
	later(p.out.Authority.State.Changed.Add(Settle))
}
