// Package report draws a run of a workflow for people: one page that needs
// nothing but itself, with the jobs as a graph and on a line of time.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/page"
)

//go:embed page.html
var markup string

//go:embed page.css
var style string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"mark": markOf, "took": took, "join": strings.Join,
}).Parse(markup))

// Tail gives the last lines of a job's log; nil when it has none.
type Tail func(ci.JobResult) []string

// view is what the page shows.
type view struct {
	ci.Result
	Style    template.CSS
	Badge    page.Badge
	Began    string
	Code     string
	Graph    template.HTML
	Timeline template.HTML
	Remarks  []remark
	Jobs     []jobView
}

type remark struct {
	ci.Annotation
	Job string
}

type jobView struct {
	ci.JobResult
	Mark mark
	Open bool
	Tail []string
	// NotReproduced are the notices within the job's part of the workflow.
	NotReproduced []ci.Notice
}

// Write writes the page of a run. The plan tells which notices belong to which
// job; without one they are only listed.
func Write(w io.Writer, r ci.Result, plan *ci.Plan, tail Tail) error {
	v := view{
		Result: r, Style: template.CSS(page.Style + style), Badge: badgeOf(r.Conclusion),
		Began: r.Started.UTC().Format("2006-01-02 15:04:05 UTC"), Code: codeOf(r),
	}
	notices := byJob(r.NotReproduced, plan)
	for _, j := range r.Jobs {
		jv := jobView{JobResult: j, Mark: markOf(j), Open: j.Conclusion.Failed(), NotReproduced: notices[j.Key]}
		if tail != nil {
			jv.Tail = tail(j)
		}
		v.Jobs = append(v.Jobs, jv)
		for _, a := range j.Annotations {
			v.Remarks = append(v.Remarks, remark{a, j.Key})
		}
	}
	v.Graph, v.Timeline = graph(v.Jobs), timeline(r)
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("writing the report of run %s: %w", r.ID, err)
	}
	return nil
}

// codeOf says what was run: a commit, and whether the tree differed from it.
func codeOf(r ci.Result) string {
	commit := r.Commit
	if len(commit) > 12 {
		commit = commit[:12]
	}
	switch {
	case commit == "":
		return "no commit yet"
	case r.Dirty:
		return commit + " and uncommitted changes"
	}
	return commit
}

// byJob gives each job the notices from where it begins to where the next one does.
func byJob(notices []ci.Notice, plan *ci.Plan) map[string][]ci.Notice {
	found := map[string][]ci.Notice{}
	if plan == nil {
		return found
	}
	for _, n := range notices {
		line := 0
		for _, j := range plan.Jobs {
			if n.File == plan.File && j.Line > 0 && j.Line <= n.Line {
				line = max(line, j.Line)
			}
		}
		for _, j := range plan.Jobs {
			if line > 0 && j.Line == line {
				found[j.Key] = append(found[j.Key], n)
			}
		}
	}
	return found
}

func badgeOf(c ci.Conclusion) page.Badge {
	switch c {
	case ci.Success:
		return page.Badge{Class: "good", Sign: "✓", Text: "success"}
	case ci.Failure:
		return page.Badge{Class: "bad", Sign: "✗", Text: "failure"}
	case ci.Cancelled:
		return page.Badge{Class: "fair", Sign: "⊘", Text: "cancelled"}
	}
	return page.Badge{Class: "void", Sign: "–", Text: "nothing ran"}
}

// mark is how a job ended, as a class, a sign and a word.
type mark struct{ Class, Sign, Word string }

func markOf(j ci.JobResult) mark {
	switch {
	case j.Cached != "":
		return mark{"cached", "≡", "cached"}
	case j.Conclusion == ci.Success:
		return mark{"ran", "✓", "ran"}
	case j.Conclusion == ci.Failure && j.ContinueOnError:
		return mark{"failed", "✗", "failed, allowed"}
	case j.Conclusion == ci.Failure:
		return mark{"failed", "✗", "failed"}
	case j.Conclusion == ci.Cancelled:
		return mark{"cancelled", "⊘", "cancelled"}
	}
	return mark{"skipped", "–", "skipped"}
}

// took is a time as one wants to read it.
func took(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case from.IsZero() || to.IsZero() || d < 0:
		return "–"
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
