package drill

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWriteCSV(t *testing.T) {
	run := clean()
	run.Began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	run.Operations = append(run.Operations, on(App, "ingress", wrote(1, 12, Acknowledged))...)
	run.Registers = []Register{asked(Write, 1, 1, 2, Acknowledged)}
	run.Samples = together(looks(Postgres, "pg-0", true, 9), silent(Postgres, "pg-0", 11), looks(Postgres, "pg-1", true, 13))
	lose(&run, 2)
	run.Conditions, run.Pods = []Condition{readyIs("False", 0)}, []Pod{podIs("pg-0", true, 0)}
	void := Run{Number: 2, System: Postgres, Errors: []string{`no "leader", nowhere`}}
	result := Summarise("leader-killed", "Leader killed", []JudgedRun{
		{Run: run, Judgement: Judge(run)}, {Run: void, Judgement: Judge(void)},
	})

	var text strings.Builder
	require.NoError(t, WriteCSV(&text, result))
	require.Equal(t, strings.Join([]string{
		"scenario,run,began,fault_system,target,planned,verdict,system,route," +
			"attempts,acknowledged,failed,unknown,lost,recovered,unexpected,duplicates,backwards," +
			"write_gap_seconds,read_gap_seconds,detection_seconds,lease_expiry_seconds,election_seconds," +
			"promotion_seconds,stabilisation_seconds,redundancy_seconds,overlap_seconds,linearizable," +
			"ready_without_writes_seconds,unready_though_well_seconds,app_errors_after_recovery,app_restarts,reasons",
		"leader-killed,1,2026-01-02T02:04:05Z,postgres,pg-0,false,data-lost,postgres,multi-host URL," +
			"6,3,1,2,1,1,0,0,0,10.000,5.500,1.000,2.000,0.000,0.000,7.000,10.000,0.000,true,0.000,0.000,0,0," +
			`"PostgreSQL over multi-host URL lost 1 of 3 acknowledged writes, such as w1:2."`,
		"leader-killed,1,2026-01-02T02:04:05Z,postgres,pg-0,false,data-lost,app,ingress," +
			"1,1,0,0,0,0,0,0,0,2.000,0.000,,,,,,10.000,0.000,,0.000,0.000,0,0," +
			`"PostgreSQL over multi-host URL lost 1 of 3 acknowledged writes, such as w1:2."`,
		"leader-killed,2,0001-01-01T00:00:00Z,postgres,,false,void,,," +
			"0,0,0,0,0,0,0,0,0,0.000,0.000,,,,,,,0.000,,,,,," +
			`"The drill itself failed: no ""leader"", nowhere. No write was acknowledged in the whole run,` +
			` so nothing was tested. The members were not all level and well again when the run ended, 0.0 s after the fault."`,
		"",
	}, "\r\n"), text.String())

	table, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	require.NoError(t, err, "each row has as many fields as the header")
	require.Len(t, table, 4)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteCSVTellsOfAFailure(t *testing.T) {
	require.ErrorContains(t, WriteCSV(brokenWriter{}, Result{}), "write the drill's table: no space left")
}
