package compare

import (
	"fmt"
	"strings"

	"github.com/paws360/pawskind/internal/ci"
)

// Table is the comparison in columns: both sides of each job and, of jobs that
// differ, of each step.
func (c Comparison) Table() [][]string {
	rows := [][]string{{"", "JOB", "HERE", "REMOTE", "TIME HERE", "TIME REMOTE", "ORDER"}}
	for _, r := range c.Jobs {
		differs := c.differs(r.Name)
		rows = append(rows, []string{sign(differs), r.Name, r.Local.word(), r.Remote.word(), r.Local.took(), r.Remote.took(), orders(r)})
		if !differs {
			continue
		}
		for _, s := range r.Steps {
			same := s.Local != nil && s.Remote != nil && s.Local.Conclusion == s.Remote.Conclusion
			rows = append(rows, []string{sign(!same), "  " + s.Name, s.Local.word(), s.Remote.word(), s.Local.took(), s.Remote.took(), ""})
		}
	}
	return rows
}

func (c Comparison) differs(job string) bool {
	for _, d := range c.Differences {
		if d.Job == job && d.Kind != Order {
			return true
		}
	}
	return false
}

func sign(differs bool) string {
	if differs {
		return "!"
	}
	return "="
}

func (s *Side) word() string {
	switch {
	case s == nil:
		return "-"
	case s.Cached:
		return string(s.Conclusion) + ", cached"
	}
	return ended(s)
}

func (s *Side) took() string {
	if s == nil || s.Conclusion == ci.Skipped {
		return "-"
	}
	return fmt.Sprintf("%.1fs", s.Seconds)
}

func orders(r Row) string {
	var parts []string
	for _, s := range []*Side{r.Local, r.Remote} {
		if s == nil || s.Order == 0 {
			parts = append(parts, "-")
		} else {
			parts = append(parts, fmt.Sprint(s.Order))
		}
	}
	return strings.Join(parts, "/")
}
