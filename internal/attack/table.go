package attack

import (
	"fmt"
	"slices"
	"strings"
)

// Table is the matrix of these services in Markdown: a row for each port and
// credential, a column for each caller.
func Table(services []Service) string {
	cells := cellsOf(services)
	var b strings.Builder
	b.WriteString("| port | with |")
	for _, c := range Callers() {
		fmt.Fprintf(&b, " from %s |", c)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(Callers())) + "\n")
	for _, s := range services {
		for _, credential := range Credentials() {
			if _, makesSense := s.Answers[credential]; !makesSense {
				continue
			}
			fmt.Fprintf(&b, "| %s %d | %s |", s.Name, s.Port, credential)
			for _, caller := range Callers() {
				answer := "not published"
				if i := slices.IndexFunc(cells, func(c Cell) bool {
					return c.Caller == caller && c.Service == s.Name && c.Port == s.Port && c.Credential == credential
				}); i >= 0 {
					answer = string(cells[i].Want)
				}
				fmt.Fprintf(&b, " %s |", answer)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
