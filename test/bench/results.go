package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

type machine struct {
	CPUs      int     `json:"cpus"`
	MemoryGiB float64 `json:"memoryGiB"`
	Kernel    string  `json:"kernel"`
}

// figure is one measured thing, with every value in the order it was seen.
type figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
}

type results struct {
	Time    time.Time `json:"time"`
	Machine machine   `json:"machine"`
	Figures []figure  `json:"figures"`
}

func (r *results) add(name, unit string, value float64) {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			r.Figures[i].Values = append(r.Figures[i].Values, value)
			return
		}
	}
	r.Figures = append(r.Figures, figure{name, unit, []float64{value}})
}

// table renders the figures as Markdown.
func (r *results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, %.0f GiB, Linux %s\n\n", r.Time.Format(time.DateOnly), r.Machine.CPUs, r.Machine.MemoryGiB, r.Machine.Kernel)
	b.WriteString("| what | unit | min | median | max | n |\n|---|---|---|---|---|---|\n")
	for _, f := range r.Figures {
		sorted := slices.Sorted(slices.Values(f.Values))
		n := len(sorted)
		median := (sorted[(n-1)/2] + sorted[n/2]) / 2
		fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %.1f | %d |\n", f.Name, f.Unit, sorted[0], median, sorted[n-1], n)
	}
	return b.String()
}

func memoryGiB() float64 {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kib float64
	if _, err := fmt.Sscanf(string(content), "MemTotal: %f kB", &kib); err != nil {
		return 0
	}
	return kib / (1 << 20)
}

func kernel() string {
	content, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(content))
}
