package drill

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvHeader names the columns of WriteCSV.
var csvHeader = []string{
	"scenario", "run", "began", "fault_system", "target", "planned", "verdict",
	"system", "route",
	"attempts", "acknowledged", "failed", "unknown",
	"lost", "recovered", "unexpected", "duplicates", "backwards",
	"write_gap_seconds", "read_gap_seconds",
	"detection_seconds", "lease_expiry_seconds", "election_seconds",
	"promotion_seconds", "stabilisation_seconds",
	"redundancy_seconds", "overlap_seconds", "linearizable",
	"ready_without_writes_seconds", "unready_though_well_seconds", "app_errors_after_recovery", "app_restarts", "reasons",
}

// WriteCSV writes a table with one row per run and system/route, as RFC 4180 has
// it. The columns, by name:
//
//   - scenario, run, began (RFC 3339, UTC), fault_system, target, planned and
//     verdict are of the run;
//   - system and route are what the row is about, and the counts after them are
//     of its Tally: attempts to backwards;
//   - write_gap_seconds and read_gap_seconds are of the Tally, too;
//   - detection_seconds to stabilisation_seconds are how long each phase of the
//     run's failover took, on rows of fault_system only;
//   - redundancy_seconds and overlap_seconds are of the run;
//   - linearizable is true or false where the system's register was checked;
//   - ready_without_writes_seconds, unready_though_well_seconds,
//     app_errors_after_recovery and app_restarts are of the run's Truth, and empty
//     where nobody watched;
//   - reasons has the sentences of the judgement, parted by spaces.
//
// What was not seen is an empty field. A run without operations has one row.
func WriteCSV(w io.Writer, r Result) error {
	table := csv.NewWriter(w)
	table.UseCRLF = true
	if err := table.Write(csvHeader); err != nil {
		return fmt.Errorf("write the header of the drill's table: %w", err)
	}
	for _, run := range r.Runs {
		tallies := run.Judgement.Tallies
		if len(tallies) == 0 {
			tallies = []Tally{{}}
		}
		for _, t := range tallies {
			if err := table.Write(csvRow(r.Scenario, run, t)); err != nil {
				return fmt.Errorf("write run %d to the drill's table: %w", run.Number, err)
			}
		}
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return fmt.Errorf("write the drill's table: %w", err)
	}
	return nil
}

func csvRow(scenario string, run JudgedRun, t Tally) []string {
	row := []string{
		scenario, strconv.Itoa(run.Number), run.Began.UTC().Format(time.RFC3339), run.System, run.Target,
		strconv.FormatBool(run.Planned), string(run.Judgement.Verdict), t.System, t.Route,
	}
	for _, n := range []int{
		t.Attempts, t.Acknowledged, t.Failed, t.Unknown,
		t.Lost, t.Recovered, t.Unexpected, t.Duplicates, t.Backwards,
	} {
		row = append(row, strconv.Itoa(n))
	}
	row = append(row, csvSeconds(t.WriteGap), csvSeconds(t.ReadGap))
	for _, name := range phaseNames {
		row = append(row, csvPhase(run, t, name))
	}
	return append(append(row,
		csvSeconds(run.Judgement.Redundancy), csvSeconds(run.Judgement.Overlap.Seconds()),
		csvLinearizable(run.Judgement, t.System)), append(csvTruth(run.Judgement.Truth), strings.Join(run.Judgement.Reasons, " "))...)
}

func csvTruth(t Truth) []string {
	if !t.Watched {
		return make([]string, 4)
	}
	return []string{csvSeconds(t.ReadyWithoutWrites), csvSeconds(t.UnreadyThoughWell), strconv.Itoa(t.AppErrors), strconv.Itoa(t.AppRestarts)}
}

func csvPhase(run JudgedRun, t Tally, name string) string {
	for _, phase := range run.Judgement.Phases {
		if phase.Name == name && phase.End >= 0 && t.System == run.System {
			return csvSeconds(phase.End - phase.Begin)
		}
	}
	return ""
}

func csvLinearizable(judgement Judgement, system string) string {
	if linearizable, checked := judgement.Linearizable[system]; checked {
		return strconv.FormatBool(linearizable)
	}
	return ""
}

// csvSeconds has milliseconds, and nothing for what was not seen.
func csvSeconds(seconds float64) string {
	if seconds < 0 {
		return ""
	}
	return strconv.FormatFloat(seconds, 'f', 3, 64)
}
