package cache

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"github.com/paws360/pawskind/internal/ci"
)

// Facts are what a leg's result depends on besides the repository, its plan and
// this machine.
type Facts struct {
	// Version is pawskind's.
	Version string
	// Runner is where jobs run: host or container. Services is where services
	// are from: environment or container.
	Runner, Services string
	// DefaultImage is what a leg runs in with Runner container when it names none.
	DefaultImage string
	// Event is what the workflow can learn of its event: inputs, payload.
	Event map[string]string
	// Servers tell which environment's databases services are, as far as it is
	// configured: their versions and settings.
	Servers string
	// Env is what every job is given, what is passed on of the caller's included.
	Env map[string]string
	// Secrets are all that there are.
	Secrets map[string]string
	// Image is the id that an image's name has now, empty when it is not here: a
	// name may be moved to another image.
	Image func(ctx context.Context, name string) string
	// Search is the jobs' PATH, Home the folder of the user, whose own programs
	// count only for jobs that name them.
	Search, Home string
	// Installed are the versions of tools that setup actions can choose.
	Installed []string
}

// The kinds of input that a key is made of; a leg that must run again can tell
// by them what has changed.
const (
	partJob       = "the workflow"
	partEvent     = "the event"
	partFiles     = "files"
	partCommit    = "the commit"
	partEnv       = "the environment"
	partSecrets   = "secrets"
	partNeeds     = "results or outputs of its needs"
	partArtifacts = "artifacts of its needs"
	partTools     = "tools"
	partRunner    = "the runner"
	partImages    = "images"
	partServices  = "services"
	partVersion   = "pawskind's version"
)

// parts is a digest of each kind of input of a leg.
type parts map[string]string

// signed makes the parts unguessable: a short secret could be found from a plain
// digest by trying.
func (p parts) signed(pepper []byte) parts {
	signed := parts{}
	for name, value := range p {
		signed[name] = sign(pepper, name, value)
	}
	return signed
}

// key is the one digest of all signed parts.
func (p parts) key() string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		texts = append(texts, name, p[name])
	}
	return digest(texts...)
}

// differ are the names of the parts in which two keys differ.
func (p parts) differ(other parts) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name] != other[name] {
			names = append(names, name)
		}
	}
	return names
}

func sign(pepper []byte, texts ...string) string {
	mac := hmac.New(sha256.New, pepper)
	_, _ = mac.Write([]byte(digest(texts...)))
	return hex.EncodeToString(mac.Sum(nil))
}

// canonical is a value as text, the same for the same value: maps are sorted.
func canonical(value any) (string, error) {
	content, err := json.Marshal(value)
	return string(content), err
}

// jobPart is all that the plan says of the leg, but where it stands in its file.
func jobPart(plan *ci.Plan, job ci.Job) (string, error) {
	job.Line = 0
	text, err := canonical(job)
	return digest(plan.File, plan.Name, text, job.Definition), err
}

// eventPart is what started the workflow.
func eventPart(plan *ci.Plan, f Facts) (string, error) {
	text, err := canonical(f.Event)
	return digest(plan.Event, text), err
}

var allSecrets = regexp.MustCompile(`(?i)\bsecrets\b\s*(?:[^\s.\w]|:\s*inherit)`)

// secretsPart is the secrets that the leg mentions: all, when it takes them as a
// whole or by a name that it computes.
func secretsPart(job ci.Job, secrets map[string]string) (string, error) {
	if allSecrets.MatchString(job.Definition) {
		return canonical(secrets)
	}
	mentioned := map[string]*string{}
	for _, name := range job.Secrets {
		mentioned[name] = nil
		if value, set := secrets[name]; set {
			mentioned[name] = &value
		}
	}
	return canonical(mentioned)
}

var asksGit = regexp.MustCompile(`(?i)\bgit\b|GITHUB_(SHA|REF|HEAD_REF|BASE_REF)|github\s*\.\s*(sha|ref|head_ref|base_ref|event)|github\s*[[)]|fetch-(depth|tags)`)

// readsCommit tells whether the commit and its tags are an input: always when a
// leg declares nothing, for who reads all files may read git's as well.
func readsCommit(job ci.Job) bool {
	return len(job.Paths) == 0 || asksGit.MatchString(job.Definition)
}

// needsPart is what the leg's needs, directly or not, came to.
func needsPart(needs map[string]ci.JobResult) (string, error) {
	type need struct {
		Conclusion      ci.Conclusion
		ContinueOnError bool
		Outputs         map[string]string
	}
	seen := map[string]need{}
	for key, n := range needs {
		outputs := n.Outputs
		if len(outputs) == 0 { // none is none, as it was told or as it was kept
			outputs = nil
		}
		seen[key] = need{n.Conclusion, n.ContinueOnError, outputs}
	}
	return canonical(seen)
}

var usedImages = regexp.MustCompile(`docker://([^\s"'{}]+)`)

// images are the names of all images that the leg can run: its own container, its
// services' and those of its steps.
func (f Facts) images(job ci.Job) []string {
	var names []string
	if job.Container != "" {
		names = append(names, job.Container)
	}
	for _, s := range job.Services {
		names = append(names, s.Image)
	}
	for _, found := range usedImages.FindAllStringSubmatch(job.Definition, -1) {
		names = append(names, found[1])
	}
	if job.Container == "" && f.Runner == "container" {
		names = append(names, f.DefaultImage)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// imagesPart is which images the leg's names stand for.
func imagesPart(ctx context.Context, job ci.Job, f Facts) string {
	var texts []string
	for _, name := range f.images(job) {
		id := ""
		if f.Image != nil {
			id = f.Image(ctx, name)
		}
		texts = append(texts, name, id)
	}
	return digest(texts...)
}

// servicesPart is which servers stand for the leg's services.
func servicesPart(job ci.Job, f Facts) string {
	if len(job.Services) == 0 {
		return ""
	}
	return digest(f.Services, f.Servers)
}
