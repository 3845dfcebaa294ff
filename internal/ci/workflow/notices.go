package workflow

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/ci"
)

func (r *reader) tell(s *Source, line int, what, format string, args ...any) {
	n := ci.Notice{File: s.File, Line: line, What: what, Why: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.plan.NotReproduced, n) {
		r.plan.NotReproduced = append(r.plan.NotReproduced, n)
	}
}

// notice tells what of the workflow as a whole is not reproduced.
func (r *reader) notice(s *Source, event string) {
	on := child(s.root, "on")
	if child(on, "schedule") != nil {
		r.tell(s, keyLine(on, "schedule"), "schedule", "the remote starts it by the clock; here it starts when it is called")
	}
	for filter := range pairs(child(on, event)) {
		switch filter {
		case "branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore", "types":
			r.tell(s, keyLine(child(on, event), filter), filter, "the remote starts it only for what this names; here it starts whenever it is called")
		}
	}
	r.noticeCalled(s)
}

// noticeCalled tells what holds for a called workflow, too.
func (r *reader) noticeCalled(s *Source) {
	r.permissions(s, s.root)
}

func (r *reader) permissions(s *Source, node *yaml.Node) {
	permissions := child(node, "permissions")
	if permissions == nil {
		return
	}
	if token := child(permissions, "id-token"); token != nil && token.Value == "write" {
		r.tell(s, keyLine(permissions, "id-token"), "id-token", "the remote issues an OIDC token on request; there is none here")
	}
	r.tell(s, keyLine(node, "permissions"), "permissions", "the remote gives the job's token these rights; here a job has no token")
}

// noticeJob tells what of a job is not reproduced.
func (r *reader) noticeJob(s *Source, id string, node *yaml.Node) {
	r.permissions(s, node)
	if child(node, "environment") != nil {
		r.tell(s, keyLine(node, "environment"), "environment", "the remote applies the environment's rules, secrets and variables; here %s runs at once, with the secrets of the project", id)
	}
	if group := child(node, "concurrency"); group != nil && child(group, "cancel-in-progress") != nil {
		r.tell(s, keyLine(group, "cancel-in-progress"), "cancel-in-progress", "the remote cancels a run that is under way; here jobs of a group wait for each other")
	}
	if child(child(node, "runs-on"), "group") != nil {
		r.tell(s, keyLine(child(node, "runs-on"), "group"), "group", "the remote chooses a machine of the group; here it is this one")
	}
	if child(child(node, "container"), "credentials") != nil {
		r.tell(s, keyLine(child(node, "container"), "credentials"), "credentials", "the remote logs in to the registry; here the engine's own log-in is used")
	}
	if line := lineWith(node, "secrets.GITHUB_TOKEN", "github.token"); line > 0 {
		r.tell(s, line, "token", "the remote gives the job a token for its interface; here it is empty")
	}
	if line := lineWith(node, "vars."); line > 0 {
		r.tell(s, line, "vars", "the remote knows the repository's variables; here they are empty")
	}
	for i, step := range stepsOf(node) {
		if uses := child(step, "uses"); uses != nil && strings.HasPrefix(uses.Value, "actions/checkout@") {
			r.checkout(s, step, i)
		}
	}
}

// checkout tells which of its inputs are not honoured.
func (r *reader) checkout(s *Source, step *yaml.Node, _ int) {
	for name, why := range map[string]string{
		"submodules": "the remote fetches submodules; here the folders of submodules stay empty",
		"lfs":        "the remote fetches large files; here they are as they are in the working copy",
	} {
		with := child(step, "with")
		if value := child(with, name); value != nil && value.Value != "false" {
			r.tell(s, keyLine(with, name), name, "%s", why)
		}
	}
}

func stepsOf(node *yaml.Node) []*yaml.Node {
	steps := child(node, "steps")
	if steps == nil {
		return nil
	}
	return steps.Content
}

// lineWith is the first line of a part of the file that mentions one of those
// within an expression; 0 for none.
func lineWith(node *yaml.Node, mentions ...string) int {
	if node = resolved(node); node == nil {
		return 0
	}
	if node.Kind == yaml.ScalarNode && strings.Contains(node.Value, "${{") {
		for _, m := range mentions {
			if strings.Contains(node.Value, m) {
				return node.Line
			}
		}
	}
	for _, c := range node.Content {
		if line := lineWith(c, mentions...); line > 0 {
			return line
		}
	}
	return 0
}
