package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each pair is compared by itself: what slowed both down is no cost.
func TestCostIsToldPairByPair(t *testing.T) {
	var r results
	r.pair("x", 15, 90, 100)
	r.pair("x", 15, 47.5, 50)
	r.pair("x", 15, 80, 100)
	require.InDeltaSlice(t, []float64{5, 10, 20}, r.Pairs[0].costs(), 1e-9)
	require.Contains(t, r.table(), "| x | 80/s | 100/s | 10.0 % (5.0 to 20.0) | 15 % | 3 |")
}

func TestThroughputOfRedisBenchmark(t *testing.T) {
	value, err := throughput("Warning: Using a password\n\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"89285.71\",\"0.300\"\n")
	require.NoError(t, err)
	require.InDelta(t, 89285.71, value, 1e-9)
	_, err = throughput("Could not connect")
	require.ErrorContains(t, err, "told no throughput")
}
