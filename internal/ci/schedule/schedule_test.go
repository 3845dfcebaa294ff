package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
)

// player is a runner whose legs take a given time on the bubble's clock.
type player struct {
	takes map[string]time.Duration
	ends  map[string]ci.Conclusion
	// always are the legs with `if: always()`.
	always map[string]bool
	does   map[string]func(in Inputs, tell ci.Tell) ci.JobResult

	mu    sync.Mutex
	began time.Time
	log   []string
}

func (p *player) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf("%s ", time.Since(p.began))+fmt.Sprintf(format, args...))
}

func (p *player) Wanted(_ *ci.Plan, job ci.Job, needs map[string]ci.JobResult) (bool, string, error) {
	if job.ID == "broken" {
		return false, "", errors.New("no such function")
	}
	for key, need := range needs {
		if need.Conclusion != ci.Success && !need.ContinueOnError && !p.always[job.Key] {
			return false, key + " did not succeed", nil
		}
	}
	return true, "", nil
}

func (p *player) Run(ctx context.Context, _ *ci.Plan, job ci.Job, in Inputs, tell ci.Tell) ci.JobResult {
	p.note("start %s", job.Key)
	if do := p.does[job.Key]; do != nil {
		return do(in, tell)
	}
	select {
	case <-time.After(p.takes[job.Key]):
		end := p.ends[job.Key]
		if end == "" {
			end = ci.Success
		}
		p.note("%s %s", end, job.Key)
		return ci.JobResult{Conclusion: end}
	case <-ctx.Done():
		p.note("stopped %s", job.Key)
		return ci.JobResult{Conclusion: ci.Cancelled}
	}
}

func newFolder(t *testing.T) *artifacts.Run {
	t.Helper()
	folder, err := artifacts.Open(t.TempDir(), 0).Begin("ci.yml")
	require.NoError(t, err)
	return folder
}

func perform(ctx context.Context, t *testing.T, p *player, o Options, jobs ...ci.Job) (ci.Result, []ci.Event) {
	t.Helper()
	p.began = time.Now()
	var events []ci.Event
	o.Runner, o.Folder = p, newFolder(t)
	if o.Parallel == 0 {
		o.Parallel = 9
	}
	for i := range jobs {
		if jobs[i].ID == "" {
			jobs[i].ID = jobs[i].Key
		}
	}
	result, err := Run(ctx, o, &ci.Plan{File: "ci.yml", Jobs: jobs}, func(e ci.Event) { events = append(events, e) })
	require.NoError(t, err)
	return result, events
}

func conclusions(r ci.Result) map[string]ci.Conclusion {
	all := map[string]ci.Conclusion{}
	for _, j := range r.Jobs {
		all[j.Key] = j.Conclusion
	}
	return all
}

func job(key string, needs ...string) ci.Job { return ci.Job{Key: key, Needs: needs} }

func TestStagesAreNoBarriers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{takes: map[string]time.Duration{"slow": 10 * time.Second, "quick": time.Second, "after": time.Second}}
		r, events := perform(t.Context(), t, p, Options{}, job("slow"), job("quick"), job("after", "quick"))
		require.Equal(t, ci.Success, r.Conclusion)
		require.Contains(t, p.log, "1s start after")
		require.Equal(t, 10*time.Second, r.Ended.Sub(r.Started))
		require.Equal(t, []string{"slow", "quick", "after"}, []string{r.Jobs[0].Key, r.Jobs[1].Key, r.Jobs[2].Key})
		require.Equal(t, ci.RunStarted, events[0].Kind)
		require.Equal(t, ci.RunEnded, events[len(events)-1].Kind)
		require.FileExists(t, filepath.Join(r.Folder, "run.json"))
		require.FileExists(t, filepath.Join(r.Folder, "logs", "after.log"))
	})
}

func TestAFailedNeedSkipsWhatDependsOnItUnlessItsIfSaysOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{ends: map[string]ci.Conclusion{"test": ci.Failure}, always: map[string]bool{"report": true}}
		broken := job("odd")
		broken.ID = "broken"
		r, events := perform(t.Context(), t, p, Options{}, job("test"), job("deploy", "test"), job("smoke", "deploy"), job("report", "test"), broken, job("lint"))
		require.Equal(t, map[string]ci.Conclusion{
			"test": ci.Failure, "deploy": ci.Skipped, "smoke": ci.Skipped, "report": ci.Success, "odd": ci.Failure, "lint": ci.Success,
		}, conclusions(r))
		require.Equal(t, ci.Failure, r.Conclusion)
		for _, e := range events {
			require.False(t, e.Kind == ci.JobStarted && e.Job == "deploy")
			if e.Kind == ci.JobEnded && e.Job == "deploy" {
				require.Equal(t, "test did not succeed", e.Text)
			}
		}
	})
}

func TestContinueOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{ends: map[string]ci.Conclusion{"beta": ci.Failure}}
		beta := job("beta")
		beta.ContinueOnError = true
		r, _ := perform(t.Context(), t, p, Options{}, beta, job("after", "beta"))
		require.Equal(t, map[string]ci.Conclusion{"beta": ci.Failure, "after": ci.Success}, conclusions(r))
		require.Equal(t, ci.Success, r.Conclusion)
	})
}

func TestFailFast(t *testing.T) {
	leg := func(key string) ci.Job { return ci.Job{Key: key, ID: "test", FailFast: true, MaxParallel: 2} }
	synctest.Test(t, func(t *testing.T) {
		p := &player{
			takes: map[string]time.Duration{"t1": time.Second, "t2": time.Minute, "t3": time.Second, "other": 2 * time.Second},
			ends:  map[string]ci.Conclusion{"t1": ci.Failure},
		}
		r, _ := perform(t.Context(), t, p, Options{}, leg("t1"), leg("t2"), leg("t3"), job("other"), job("after", "t1", "t2", "t3"))
		require.Equal(t, map[string]ci.Conclusion{
			"t1": ci.Failure, "t2": ci.Cancelled, "t3": ci.Cancelled, "other": ci.Success, "after": ci.Skipped,
		}, conclusions(r))
		require.Equal(t, "t1 failed, and the job fails fast", r.Jobs[1].Reason)
		require.Equal(t, ci.Failure, r.Conclusion)
		require.NotContains(t, p.log, "1s start t3")
		require.Equal(t, 2*time.Second, r.Ended.Sub(r.Started))
	})
	synctest.Test(t, func(t *testing.T) {
		p := &player{ends: map[string]ci.Conclusion{"t1": ci.Failure}, takes: map[string]time.Duration{"t2": time.Second}}
		one, two := leg("t1"), leg("t2")
		one.ContinueOnError, two.ContinueOnError = true, true
		r, _ := perform(t.Context(), t, p, Options{}, one, two)
		require.Equal(t, ci.Success, r.Jobs[1].Conclusion, "what may fail stops nothing")
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{takes: map[string]time.Duration{"slow": time.Hour, "slowest": 24 * time.Hour}}
		slow := job("slow")
		slow.Timeout = time.Minute
		r, _ := perform(t.Context(), t, p, Options{}, slow, job("slowest"))
		require.Equal(t, ci.Failure, r.Jobs[0].Conclusion)
		require.Equal(t, "it took longer than 1m0s", r.Jobs[0].Reason)
		require.Equal(t, time.Minute, r.Jobs[0].Ended.Sub(r.Jobs[0].Started))
		require.Equal(t, 6*time.Hour, r.Jobs[1].Ended.Sub(r.Jobs[1].Started), "as long as the remote lets it")
	})
}

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{takes: map[string]time.Duration{"done": time.Second, "long": time.Hour}, always: map[string]bool{"cleanup": true}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		r, events := perform(ctx, t, p, Options{}, job("done"), job("long"), job("after", "long"), job("cleanup", "long"))
		require.Equal(t, map[string]ci.Conclusion{
			"done": ci.Success, "long": ci.Cancelled, "after": ci.Cancelled, "cleanup": ci.Cancelled,
		}, conclusions(r))
		require.Equal(t, ci.Cancelled, r.Conclusion)
		require.Equal(t, 2*time.Second, r.Ended.Sub(r.Started))
		require.Contains(t, p.log, "2s stopped long")
		ends := 0
		for _, e := range events {
			if e.Kind == ci.JobEnded {
				ends++
			}
		}
		require.Equal(t, 4, ends, "all are told")
	})
}

func TestNeedsThatWaitForEachOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := perform(t.Context(), t, &player{}, Options{}, job("a", "b"), job("b", "a"), job("c"))
		require.Equal(t, map[string]ci.Conclusion{"a": ci.Failure, "b": ci.Failure, "c": ci.Success}, conclusions(r))
	})
}

func TestARunnerThatBreaksDownFailsItsJobAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{does: map[string]func(Inputs, ci.Tell) ci.JobResult{"bad": func(Inputs, ci.Tell) ci.JobResult { panic("nil map") }}}
		r, _ := perform(t.Context(), t, p, Options{}, job("bad"), job("good"))
		require.Equal(t, map[string]ci.Conclusion{"bad": ci.Failure, "good": ci.Success}, conclusions(r))
		require.Equal(t, "the runner broke down: nil map", r.Jobs[0].Reason)
	})
}

func TestSecretsStayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talk := func(in Inputs, tell ci.Tell) ci.JobResult {
			require.Equal(t, "hunter2hunter2", in.Secrets["PASSWORD"])
			in.Mask("generated-token")
			_, _ = io.WriteString(in.Log, "log hunter2")
			_, _ = io.WriteString(in.Log, "hunter2 generated-token\n")
			for _, text := range []string{"plain", "x hunter2", "hunter2 y", "generated-token"} {
				tell(ci.Event{Kind: ci.Line, Step: "s", Text: text})
			}
			tell(ci.Event{Kind: ci.Annotated, Annotation: &ci.Annotation{Level: "error", Message: "bad hunter2hunter2"}})
			return ci.JobResult{
				Conclusion: ci.Failure, Reason: "hunter2hunter2 is wrong",
				Outputs:     map[string]string{"url": "http://u:hunter2hunter2@h", "tag": "v1"},
				Annotations: []ci.Annotation{{Message: "hunter2hunter2"}},
			}
		}
		j := job("j")
		j.Secrets = []string{"PASSWORD", "PIN"}
		r, events := perform(t.Context(), t, &player{does: map[string]func(Inputs, ci.Tell) ci.JobResult{"j": talk}},
			Options{Secrets: map[string]string{"PASSWORD": "hunter2hunter2", "PIN": "123", "OTHER": ""}}, j)
		var lines []string
		for _, e := range events {
			if e.Kind == ci.Line {
				require.Equal(t, "j", e.Job)
				lines = append(lines, e.Text)
			}
			if e.Kind == ci.Annotated {
				require.Equal(t, "bad ***", e.Annotation.Message)
			}
		}
		require.Equal(t, []string{"plain", "x ***", "*** y", "***"}, lines)
		result := r.Jobs[0]
		require.Equal(t, "*** is wrong", result.Reason)
		require.Equal(t, map[string]string{"tag": "v1"}, result.Outputs)
		require.Equal(t, []ci.Annotation{
			{Level: "warning", Message: "the secret PIN is shorter than 4 characters and is not masked"},
			{Message: "***"},
			{Level: "warning", Message: "the output url is left out: it may contain a secret"},
		}, result.Annotations)
		content, err := os.ReadFile(filepath.Join(r.Folder, result.Log))
		require.NoError(t, err)
		require.Equal(t, "log *** ***\n", string(content))
	})
}

func TestALineIsNotHeldBackForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan ci.Event, 9)
		told := newJobTeller("j", maskSet("waiting-forever"), func(e ci.Event) { seen <- e })
		told.tell(ci.Event{Kind: ci.Line, Text: "still waiting"})
		began := time.Now()
		require.Equal(t, "still waiting", (<-seen).Text)
		require.Equal(t, patience, time.Since(began))
	})
}

func TestLogsHaveTheirOwnNames(t *testing.T) {
	names := logNames([]ci.Job{{Key: "t (a/b)"}, {Key: "t (a b)"}, {Key: "T (a b)"}}, &artifacts.Run{})
	require.Equal(t, map[string]string{"t (a/b)": "logs/t__a_b_.log", "t (a b)": "logs/t__a_b_-2.log", "T (a b)": "logs/T__a_b_-3.log"}, names)
}
