package etcd

import "go.etcd.io/etcd/api/v3/etcdserverpb"

// Reign tells in which term of raft a member leads, from one answer after the other.
//
// An answer has the term of the last entry that the member has applied, not that of
// its election (etcdserver's setTerm), and says who leads at another moment
// (maintenanceServer.Status). A new leader therefore has its predecessor's term for a
// while, and one that is just followed by another may have the other's. A leader
// commits nothing but by an entry of its own term (Raft, §5.4.2): once it has applied
// something that was committed while it led, the term is its own.
type Reign struct {
	leads bool
	// began is the last entry that was committed when it was first seen to lead.
	began uint64
}

// Term is the term in which the member leads by this answer; 0 where it does not, or
// it cannot be told yet.
func (r *Reign) Term(s *etcdserverpb.StatusResponse) uint64 {
	led := r.leads
	r.leads = s.Leader == s.Header.MemberId
	switch {
	case !r.leads:
		return 0
	case !led:
		r.began = s.RaftIndex
		return 0
	case s.RaftIndex <= r.began || s.RaftAppliedIndex < s.RaftIndex || s.Header.RaftTerm != s.RaftTerm:
		return 0
	}
	return s.RaftTerm
}
