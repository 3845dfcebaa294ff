package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// throttler leaves the containers of a pod next to no CPU.
type throttler struct{}

const (
	cpuPeriod = 100_000 // microseconds
	leastCPU  = 1_000   // the kernel takes no less
)

func cpuQuota(percent int) int { return max(percent*cpuPeriod/100, leastCPU) }

func (throttler) hold(n *Node, m *marker, p pod) (string, string, error) {
	g, err := n.podGroup(p, "cpu")
	if err != nil {
		return "", "", err
	}
	quota := cpuQuota(m.Fault.CPUPercent)
	if g.v2 {
		err = n.set(m, g.file("cpu.max"), fmt.Sprintf("%d %d", quota, cpuPeriod))
	} else {
		err = throttleContainers(n, m, g, quota)
	}
	if isGone(err) {
		return "", "", unsupported("this kernel has no CPU quota: %w", err)
	}
	if err != nil {
		return "", "", err
	}
	return StateActive, fmt.Sprintf("%d%% of one core is left", m.Fault.CPUPercent), nil
}

// throttleContainers limits the containers and not the pod: version 1 refuses
// a container with a larger quota than its pod, so that none could restart.
func throttleContainers(n *Node, m *marker, pod group, quota int) error {
	entries, err := os.ReadDir(pod.dir)
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(pod.dir, e.Name())
		period, err := read(filepath.Join(dir, "cpu.cfs_period_us"))
		if err != nil {
			return err
		}
		micros, err := strconv.Atoi(period)
		if err != nil {
			return fmt.Errorf("reading the CPU period: %w", err)
		}
		value := strconv.Itoa(max(quota*micros/cpuPeriod, leastCPU))
		if err := n.set(m, filepath.Join(dir, "cpu.cfs_quota_us"), value); err != nil {
			return err
		}
	}
	return nil
}

// set changes a setting after its former value was remembered.
func (n *Node) set(m *marker, file, value string) error {
	old, err := read(file)
	if err != nil || old == value {
		return err
	}
	if !m.remembers(file) {
		m.Undo = append(m.Undo, setting{File: file, Old: strings.TrimSpace(old)})
		if err := n.save(m); err != nil {
			return err
		}
	}
	return write(file, value)
}

func (m *marker) remembers(file string) bool {
	for _, s := range m.Undo {
		if s.File == file {
			return true
		}
	}
	return false
}

func (throttler) release(_ *Node, m *marker, _ map[string]pod) error { return restore(m.Undo) }
