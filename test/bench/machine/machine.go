// Package machine says on what something was measured.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is a computer's size.
type Machine struct {
	CPUs      int     `json:"cpus"`
	MemoryGiB float64 `json:"memoryGiB"`
	Kernel    string  `json:"kernel"`
}

// Here is this machine.
func Here() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Kernel: "unknown"}
	if content, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib float64
		if _, err := fmt.Sscanf(string(content), "MemTotal: %f kB", &kib); err == nil {
			m.MemoryGiB = kib / (1 << 20)
		}
	}
	if content, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(content))
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%d CPUs, %.0f GiB, Linux %s", m.CPUs, m.MemoryGiB, m.Kernel)
}
