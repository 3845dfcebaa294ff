package drillreport

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/internal/drill"
)

func TestThePictureShowsWhatReadyTold(t *testing.T) {
	run := leaderKill()
	run.Pods = []drill.Pod{{Name: "backend-1", UID: "1", App: true, Ready: true}}
	for _, c := range []struct {
		at     int
		status string
	}{{0, "True"}, {5000, "False"}, {6000, "False"}, {7000, ""}, {9000, "Unknown"}, {10000, "True"}} {
		run.Conditions = append(run.Conditions, drill.Condition{At: ms(c.at), Type: "Ready", Status: c.status, Message: "because <of> that"})
	}
	spans := readySpans(run)
	require.Len(t, spans, 5, "the same again is no other")
	require.Equal(t, ms(7000), spans[1].to)
	require.Equal(t, run.Ended, spans[4].to)

	result := drill.Summarise("leader-kill", "Leader killed", []drill.JudgedRun{{Run: run, Judgement: drill.Judge(run)}})
	var page strings.Builder
	require.NoError(t, Write(&page, result))
	for _, text := range []string{"✓ Ready", "✗ not Ready", "the API does not answer", "because &lt;of&gt; that", "Restarts of the application", "✓ 0"} {
		require.Contains(t, page.String(), text)
	}
}

func TestTheReportSaysThatNobodyWatched(t *testing.T) {
	require.Equal(t, []fact{{"The conditions", "nobody watched them"}}, truth(drill.Truth{}))
	told := truth(drill.Truth{Watched: true, ReadyWithoutWrites: 2, AppErrors: 3})
	require.Equal(t, "✗ 2.0 s beyond 5 s", told[0].Text)
	require.Equal(t, "✓ 0.0 s beyond 15 s", told[1].Text)
	require.Equal(t, "✗ 3", told[3].Text)
}
