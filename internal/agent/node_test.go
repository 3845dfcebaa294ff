package agent

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const soon, patient = 150 * time.Millisecond, 5 * time.Second

func TestFreeze(t *testing.T) {
	for _, hierarchy := range []string{"freezer", "unified"} {
		t.Run(hierarchy, func(t *testing.T) {
			r := newRig(t, hierarchy)
			s := r.start(testUID, "c1", nil, "cat")
			other := r.start(otherUID, "c1", nil, "cat")
			require.True(t, s.answers(t, patient))
			first := one(t, r.node, fault(KindFreeze), StateActive)
			require.False(t, s.answers(t, soon))
			require.True(t, other.answers(t, patient))

			require.Equal(t, first, one(t, r.node, fault(KindFreeze), StateActive), "held, not done again")
			require.True(t, first.Since.Equal(one(t, r.again(), fault(KindFreeze), StateActive).Since))
			none(t, r.again())
			require.True(t, s.says("ping", patient))

			one(t, r.node, fault(KindFreeze), StateActive)
			require.False(t, s.answers(t, soon))
			require.NoError(t, os.RemoveAll(r.node.StateDir))
			none(t, r.again())
			require.True(t, s.says("ping", patient), "found in the kernel alone")
		})
	}
}

// Whoever reads the server's log later must know that the trouble was made.
func TestTheLogTellsOfTheFault(t *testing.T) {
	r := newRig(t, "freezer")
	s := r.start(testUID, "c1", nil, "cat")
	one(t, r.node, fault(KindFreeze), StateActive)
	require.True(t, s.says("pawskind: fault fault begins: freeze pod-1", patient))
	none(t, r.node)
	require.True(t, s.says("pawskind: fault fault is undone: freeze pod-1", patient))
}

func TestFaultFollowsItsPod(t *testing.T) {
	r := newRig(t, "freezer")
	s, next := r.start(testUID, "c1", nil, "cat"), r.start(otherUID, "c1", nil, "cat")
	f := fault(KindFreeze)
	one(t, r.node, f, StateActive)
	f.PodUID = otherUID
	one(t, r.node, f, StateActive)
	require.True(t, s.answers(t, patient))
	require.False(t, next.answers(t, soon))
	f.PodUID = "2f3c2d1e-aaaa-4bbb-8ccc-0123456789ab"
	one(t, r.node, f, StatePending)
	require.True(t, next.says("ping", patient))
	none(t, r.node)
}

func TestThrottle(t *testing.T) {
	r := newRig(t, "cpu")
	r.start(testUID, "c1", nil, "cat")
	r.start(testUID, "c2", nil, "cat")
	quota := func(c string) string { return content(t, r.file("cpu", testUID, c+"/cpu.cfs_quota_us")) }
	require.NoError(t, write(r.file("cpu", testUID, "c1/cpu.cfs_quota_us"), "70000"))
	f := fault(KindThrottle)
	f.CPUPercent = 5
	one(t, r.node, f, StateActive)
	require.Equal(t, []string{"5000", "5000"}, []string{quota("c1"), quota("c2")})
	f.CPUPercent = 9
	one(t, r.again(), f, StateActive)
	require.Equal(t, "9000", quota("c1"))
	none(t, r.again())
	require.Equal(t, []string{"70000", "-1"}, []string{quota("c1"), quota("c2")})
}

func TestCrashIsDoneOnce(t *testing.T) {
	r := newRig(t, "freezer")
	front := r.start(testUID, "c1", nil, "cat")
	server := r.start(testUID, "c1", nil, "sleep", "600")
	second := r.start(testUID, "c1", nil, "sleep", "600")
	f := fault(KindCrash)
	f.Process = "nothing"
	one(t, r.node, f, StateFailed)
	f.Process = "sleep"
	done := one(t, r.node, f, StateDone)
	require.Contains(t, done.Message, strconv.Itoa(server.Process.Pid))
	require.Error(t, server.Wait())
	require.Equal(t, syscall.SIGKILL, server.ProcessState.Sys().(syscall.WaitStatus).Signal())
	one(t, r.node, f, StateDone)
	one(t, r.again(), f, StateDone)
	f.PodUID = otherUID
	one(t, r.node, f, StateDone)
	require.NoError(t, second.Process.Signal(syscall.Signal(0)))
	require.True(t, front.answers(t, patient))
	none(t, r.node)
}

func TestCrashResumesWithItsVictim(t *testing.T) {
	r := newRig(t, "freezer")
	server := r.start(testUID, "c1", nil, "sleep", "600")
	_, start, ok := r.node.stat(server.Process.Pid)
	require.True(t, ok)
	f := fault(KindCrash)
	f.Process = "sleep"
	require.NoError(t, r.node.save(&marker{Fault: f, State: StatePending, Victim: &victim{PID: server.Process.Pid, Start: start + 1}}))
	one(t, r.node, f, StateDone)
	require.NoError(t, server.Process.Signal(syscall.Signal(0)), "another process of that number")
}

func TestMemory(t *testing.T) {
	r := newRig(t, "memory")
	self, err := os.Executable()
	require.NoError(t, err)
	server := r.start(testUID, "c1", nil, self, "hold-memory")
	require.True(t, server.says("ready", patient))
	f := fault(KindMemory)
	require.Contains(t, one(t, r.node, f, StateNotSupported).Message, "no memory limit")
	require.NoError(t, write(r.file("memory", testUID, "c1/memory.limit_in_bytes"), strconv.Itoa(96<<20)))
	bystander := r.start(testUID, "c1", nil, "cat")
	score := fmt.Sprintf("/proc/%d/oom_score_adj", bystander.Process.Pid)
	before := content(t, score)
	one(t, r.node, f, StateActive)
	require.Error(t, server.Wait())
	require.Equal(t, syscall.SIGKILL, server.ProcessState.Sys().(syscall.WaitStatus).Signal())

	<-r.node.open[testFault].(*hog).ended
	one(t, r.node, f, StateDone)
	one(t, r.again(), f, StateDone)
	require.Equal(t, strconv.Itoa(bystander.Process.Pid), content(t, r.file("memory", testUID, "c1/cgroup.procs")), "the helper is gone")
	require.Equal(t, before, content(t, score))
	none(t, r.node)
}

func TestUnknownKind(t *testing.T) {
	r := newRig(t, "freezer")
	r.start(testUID, "c1", nil, "cat")
	one(t, r.node, fault("earthquake"), StateNotSupported)
	none(t, r.node)
}
