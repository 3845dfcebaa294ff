package etcd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/paws360/pawskind/internal/etcd"
)

func TestTheTermOfALeaderIsToldByWhatItCommits(t *testing.T) {
	const me, other = 1, 2
	type answer struct {
		before, leader, committed, applied, after uint64 // the terms before and after the rest
		term                                      uint64
	}
	for name, answers := range map[string][]answer{
		"once it has applied what was committed while it led": {{4, me, 10, 10, 4, 0}, {4, me, 12, 12, 4, 4}, {4, me, 13, 13, 4, 4}},
		"a new leader still has its predecessor's term": {{4, other, 10, 10, 4, 0}, {4, me, 10, 10, 4, 0}, {4, me, 10, 10, 4, 0},
			{4, me, 11, 10, 4, 0}, {5, me, 11, 11, 5, 5}},
		"the term changed while it answered":       {{4, me, 10, 10, 4, 0}, {4, me, 12, 12, 5, 0}},
		"one that lost its leadership begins anew": {{4, me, 10, 10, 4, 0}, {4, me, 12, 12, 4, 4}, {5, other, 13, 13, 5, 0}, {5, me, 14, 14, 5, 0}},
		"one that commits nothing is not told":     {{4, me, 10, 10, 4, 0}, {4, me, 10, 10, 4, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var reign etcd.Reign
			for i, a := range answers {
				require.Equal(t, a.term, reign.Term(&etcdserverpb.StatusResponse{
					Header: &etcdserverpb.ResponseHeader{MemberId: me, RaftTerm: a.before},
					Leader: a.leader, RaftIndex: a.committed, RaftAppliedIndex: a.applied, RaftTerm: a.after,
				}), "answer %d", i)
			}
		})
	}
}
