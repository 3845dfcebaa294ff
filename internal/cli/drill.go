package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/drill"
	"github.com/paws360/pawskind/internal/drillreport"
	"github.com/paws360/pawskind/internal/drillrun"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

// DrillOptions say what is drilled.
type DrillOptions struct {
	Scenario string
	Runs     int
	Writers  int
	// Folder receives the report as HTML, JSON and CSV.
	Folder string
}

// DrillList shows the scenarios.
func (a *App) DrillList() error {
	all := drill.Scenarios()
	return a.Show(all, func(out io.Writer) {
		table := [][]string{{"SCENARIO", "WHAT HAPPENS", "HELD FOR"}}
		for _, s := range all {
			held := "once"
			if s.Hold > 0 {
				held = s.Hold.String()
			}
			table = append(table, []string{s.Name, s.Title, held})
		}
		rows(out, "", table)
	})
}

// Drill breaks the environment while clients write, and judges what came of it.
func (a *App) Drill(ctx context.Context, o DrillOptions) error {
	scenario, known := drill.FindScenario(o.Scenario)
	if !known {
		return problem.New(problem.NoScenario, "there is no scenario %q", o.Scenario)
	}
	// Two drills at one time would judge each other's faults.
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	client, env, err := a.environment(ctx)
	if err != nil {
		return err
	}
	operator, err := client.OperatorStatus(ctx)
	if err != nil {
		return err
	}
	if !a.Confirm(fmt.Sprintf("This will do to %s/%s, %d times: %s. Continue?", env.Namespace, env.Name, o.Runs, scenario.Title)) {
		return problem.New(problem.Interrupted, "nothing was done")
	}
	p := a.Progress()
	defer p.Finish()
	var judged []drill.JudgedRun
	runner := &drillrun.Runner{Client: client, Env: env, Image: operator.Image, Writers: o.Writers, Machine: machineOf{a},
		Outside: a.outside(env),
		Rotate: func(ctx context.Context, seen func(v1alpha1.SecretsStatus)) error {
			_, err := a.rotate(ctx, client, env, naming.RequiredKeys(), seen)
			return err
		},
		Tell: func(format string, args ...any) { p.Show(100*len(judged)/o.Runs, format, args...) }}
	failed := runner.Run(ctx, scenario, o.Runs, func(run drill.JudgedRun) {
		judged = append(judged, run)
		p.Clear()
		a.Note("%s", oneRun(run))
	})
	p.Finish()
	if len(judged) == 0 {
		return a.drillFailure(ctx, failed)
	}
	result := drill.Summarise(scenario.Name, scenario.Title, judged)
	result.Environment, result.Profile, result.Machine = env.Namespace+"/"+env.Name, a.Config.Profile, machine(ctx, a)
	files, err := writeReports(o.Folder, result)
	if err != nil {
		return err
	}
	if err := a.Show(result, func(out io.Writer) { a.printDrill(out, result, files) }); err != nil {
		return err
	}
	return errors.Join(a.drillFailure(ctx, failed), verdictOf(result))
}

func (a *App) drillFailure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return problem.New(problem.Interrupted, "interrupted: the fault is undone").Do("See pawskind health")
	}
	return problem.New(problem.DrillFailed, "the drill could not be carried out").Because(err)
}

// machine says on what the figures were measured.
func machine(ctx context.Context, a *App) string {
	e, err := a.engine(ctx)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d CPUs, %.0f GiB, %s %s", e.CPUs, float64(e.MemoryBytes)/(1<<30), e.Kind, e.Version)
}

// verdictOf is the exit status: nothing but a passed drill succeeds.
func verdictOf(r drill.Result) error {
	switch r.Verdict {
	case drill.Passed, drill.Bounded:
		return nil
	}
	why := ""
	for _, run := range r.Runs {
		if run.Judgement.Verdict == r.Verdict && len(run.Judgement.Reasons) > 0 {
			why = run.Judgement.Reasons[0]
			break
		}
	}
	return problem.New(problem.DrillVerdict, "%s: %s. %s", r.Scenario, r.Verdict, why)
}

func oneRun(run drill.JudgedRun) string {
	line := fmt.Sprintf("run %d: %s (%s)", run.Number, run.Judgement.Verdict, run.Target)
	for _, t := range run.Judgement.Tallies {
		if t.System == run.System {
			line += fmt.Sprintf("; %s: write gap %.1f s, %d acknowledged, %s lost", t.Route, t.WriteGap, t.Acknowledged, lost(t, run))
		}
	}
	return line
}

// writeReports keeps the result as a page, as data, and as a table.
func writeReports(folder string, r drill.Result) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, problem.New(problem.FileFailed, "cannot make %s", folder).Because(err)
	}
	base := filepath.Join(folder, r.Scenario+"-"+r.Began.UTC().Format("20060102-150405"))
	var files []string
	for ending, write := range map[string]func(io.Writer, drill.Result) error{
		".html": drillreport.Write, ".csv": drill.WriteCSV,
		".json": func(w io.Writer, r drill.Result) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(r)
		},
	} {
		file, err := os.Create(base + ending)
		if err == nil {
			err = errors.Join(write(file, r), file.Close())
		}
		if err != nil {
			return nil, problem.New(problem.FileFailed, "cannot write %s", base+ending).Because(err)
		}
		files = append(files, base+ending)
	}
	slices.Sort(files)
	return files, nil
}

func (a *App) printDrill(out io.Writer, r drill.Result, files []string) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	mark := a.symbol("✓", "OK")
	if verdictOf(r) != nil {
		mark = a.symbol("✗", "FAILED")
	}
	say("%s %s: %s, %d runs", mark, r.Title, r.Verdict, len(r.Runs))
	say("")
	table := [][]string{{"SYSTEM", "ROUTE", "ACKNOWLEDGED", "LOST", "FAILED", "UNKNOWN", "GAP P50", "P95", "MAX", "ROUTING P95"}}
	for _, t := range drill.Totals(r) {
		gap := r.WriteGap[t.System+"/"+t.Route]
		table = append(table, []string{t.System, t.Route, fmt.Sprint(t.Acknowledged), lost(t, r.Runs...), fmt.Sprint(t.Failed), fmt.Sprint(t.Unknown),
			seconds(gap.P50), seconds(gap.P95), seconds(gap.Max), routing(r, t)})
	}
	rows(out, "  ", table)
	var reasons []string
	for _, run := range r.Runs {
		for _, reason := range run.Judgement.Reasons {
			reasons = append(reasons, fmt.Sprintf("run %d: %s", run.Number, reason))
		}
	}
	if len(reasons) > 0 {
		say("")
		for _, reason := range reasons {
			say("  %s", reason)
		}
	}
	say("")
	say("  %s", a.truthLine(r))
	if d := r.Redundancy; d.N > 0 {
		say("  All members replicated again after %s (p50), %s (p95), %s at most.", seconds(d.P50), seconds(d.P95), seconds(d.Max))
	}
	say("")
	for _, file := range files {
		say("  %s", relative(file))
	}
}

// truthLine tells what was seen of the conditions and the application.
func (a *App) truthLine(r drill.Result) string {
	var worst drill.Truth
	for _, run := range r.Runs {
		t := run.Judgement.Truth
		worst.ReadyWithoutWrites = max(worst.ReadyWithoutWrites, t.ReadyWithoutWrites)
		worst.UnreadyThoughWell = max(worst.UnreadyThoughWell, t.UnreadyThoughWell)
		worst.AppErrors += t.AppErrors
		worst.AppRestarts += t.AppRestarts
	}
	told := "Ready told the truth"
	if worst.ReadyWithoutWrites+worst.UnreadyThoughWell > 0 {
		told = fmt.Sprintf("Ready was wrong: True without writes %s too long, not True though all was well %s too long",
			seconds(worst.ReadyWithoutWrites), seconds(worst.UnreadyThoughWell))
	}
	return fmt.Sprintf("%s. Application: %d errors after recovery, %d restarts.", told, worst.AppErrors, worst.AppRestarts)
}

// lost is how many acknowledged writes are missing, "?" where no leader could be read.
func lost(t drill.Tally, runs ...drill.JudgedRun) string {
	for _, run := range runs {
		if t.System != drill.App && !run.LeaderRead(t.System) {
			return "?"
		}
	}
	return fmt.Sprint(t.Lost)
}

// routing is what the way to the new leader added at most in 95 of 100 runs.
func routing(r drill.Result, t drill.Tally) string {
	if d, seen := r.Routing[t.System+"/"+t.Route]; seen {
		return seconds(d.P95)
	}
	return "-"
}

func seconds(s float64) string { return (time.Duration(s*1000) * time.Millisecond).String() }
