// Package logscan finds the lines of a log that need a look: errors, by the
// level that the server itself gave them.
package logscan

import (
	"bufio"
	"encoding/json"
	"io"
	"regexp"
	"strings"
)

// Lines and Window bound what is scanned of each member's log (addendum §5).
const (
	Lines         = 100
	WindowSeconds = 300
)

// Finding is what one member's log had.
type Finding struct {
	Component string `json:"component"`
	Member    string `json:"member"`
	// Errors counts the lines of level error or worse.
	Errors int `json:"errors"`
	// Last is the newest of them, shortened.
	Last string `json:"last"`
}

const shown = 160

// words are the levels in plain text logs, as PostgreSQL and Patroni write them.
var words = regexp.MustCompile(`\b(ERROR|CRITICAL|FATAL|PANIC)\b`)

// expected is how PostgreSQL turns clients away while it starts or stops.
// Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes", 57P03.
var expected = regexp.MustCompile(`FATAL:  the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)`)

// Scan counts the error lines of a log and keeps the last of them.
func Scan(log io.Reader) (count int, last string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if message, bad := judge(line); bad {
			count++
			last = message
		}
	}
	if cut := []rune(last); len(cut) > shown {
		last = string(cut[:shown-1]) + "…"
	}
	return count, last
}

// judge tells whether a line is an error, and what it says. A structured line is
// judged by its level alone: a warning may well quote an error.
func judge(line string) (message string, bad bool) {
	if !strings.HasPrefix(line, "{") {
		return line, words.MatchString(line) && !expected.MatchString(line)
	}
	var entry struct{ Level, Msg, Message, Error string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" {
		return line, words.MatchString(line)
	}
	switch strings.ToLower(entry.Level) {
	case "error", "critical", "fatal", "panic", "dpanic", "severe":
	default:
		return "", false
	}
	message = entry.Message + entry.Msg
	if entry.Error != "" {
		message += ": " + entry.Error
	}
	return message, true
}
