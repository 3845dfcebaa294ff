package runner

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
)

// output is what a step writes: lines for the log, and commands among them.
type output struct {
	leg    *leg
	step   string
	scope  *scope
	result *model.StepResult
	// state is what the step passes on to its post step.
	state map[string]string

	mu      sync.Mutex
	partial []byte
	// paused is the token that ends stop-commands.
	paused string
	closed bool
}

func (l *leg) output(step string, s *scope) *output {
	return &output{leg: l, step: step, scope: s, state: map[string]string{}}
}

// longestLine bounds what is kept of a line without an end.
const longestLine = 1 << 20

// Write takes what a command writes; lines are told as they end.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, p...)
	for {
		end := bytes.IndexByte(o.partial, '\n')
		if end < 0 && len(o.partial) > longestLine {
			end = len(o.partial) - 1
		}
		if end < 0 {
			return len(p), nil
		}
		line := strings.TrimRight(string(o.partial[:end+1]), "\r\n")
		o.partial = o.partial[end+1:]
		o.line(line)
	}
}

// flush tells the last line when it has no end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		line := string(o.partial)
		o.partial = nil
		o.line(line)
	}
}

// close ends the step's output; what a process in the background writes later
// goes into the log only.
func (o *output) close() {
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// say tells lines of pawskind's own.
func (o *output) say(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		o.show(line)
	}
}

// fail tells why the step failed, in the remote's way.
func (o *output) fail(err error) {
	if errors.Is(err, errFailed) {
		return
	}
	o.flush()
	o.say("##[error]" + err.Error())
	o.annotate(ci.Annotation{Level: "error", Message: err.Error()})
}

func (o *output) show(line string) {
	o.leg.log(line)
	if !o.closed {
		o.leg.tell(ci.Event{Time: time.Now(), Kind: ci.Line, Job: o.leg.job.Key, Step: o.step, Text: line})
	}
}

func (o *output) annotate(a ci.Annotation) {
	a.Step = o.step
	if relative, err := filepath.Rel(o.leg.workspace(), a.File); err == nil && filepath.IsAbs(a.File) && filepath.IsLocal(relative) {
		a.File = relative
	}
	o.leg.annotate(a)
}

func (l *leg) annotate(a ci.Annotation) {
	l.logging.Lock()
	l.result.Annotations = append(l.result.Annotations, a)
	l.logging.Unlock()
	l.tell(ci.Event{Time: time.Now(), Kind: ci.Annotated, Job: l.job.Key, Step: a.Step, Annotation: &a})
}

var commandLine = regexp.MustCompile(`^\s*::([A-Za-z][A-Za-z0-9_-]*)(?:\s+(.*?))?::(.*)$`)

// line shows a line or does what it commands.
func (o *output) line(line string) {
	found := commandLine.FindStringSubmatch(line)
	switch {
	case o.closed || found == nil && o.paused == "":
		o.show(line)
		return
	case o.paused != "":
		if strings.TrimSpace(line) == "::"+o.paused+"::" {
			o.paused = ""
		}
		o.show(line)
		return
	}
	name, properties, value := strings.ToLower(found[1]), properties(found[2]), unescape(found[3])
	switch name {
	case "error", "warning", "notice":
		n, _ := strconv.Atoi(properties["line"]) // what is no number is no line
		column, _ := strconv.Atoi(properties["col"])
		o.show("##[" + name + "]" + value)
		o.annotate(ci.Annotation{Level: name, File: properties["file"], Line: n, Column: column, Title: properties["title"], Message: value})
	case "add-mask":
		for _, part := range append([]string{value}, strings.Split(value, "\n")...) {
			if o.leg.in.Mask != nil && part != "" {
				o.leg.in.Mask(part)
			}
		}
		o.show("::add-mask::***")
	case "group":
		o.show("##[group]" + value)
	case "endgroup":
		o.show("##[endgroup]")
	case "debug":
		o.show("##[debug]" + value)
	case "set-output":
		if o.result != nil {
			o.result.Outputs[properties["name"]] = value
		}
	case "save-state":
		o.state[properties["name"]] = value
	case "stop-commands":
		o.paused = value
		o.show(line)
	case "set-env", "add-path":
		o.show("##[error]The command " + name + " is disabled: write to GITHUB_ENV or GITHUB_PATH instead.")
		o.annotate(ci.Annotation{Level: "error", Message: "the command " + name + " is disabled"})
	case "echo", "add-matcher", "remove-matcher":
	default:
		o.show(line)
	}
}

func properties(text string) map[string]string {
	all := map[string]string{}
	for one := range strings.SplitSeq(text, ",") {
		if name, value, found := strings.Cut(one, "="); found {
			all[strings.TrimSpace(name)] = unescapeProperty(value)
		}
	}
	return all
}

func unescape(text string) string {
	return strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%25", "%").Replace(text)
}

func unescapeProperty(text string) string {
	return strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%3A", ":", "%3a", ":", "%2C", ",", "%2c", ",", "%25", "%").Replace(text)
}
