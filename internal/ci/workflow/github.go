package workflow

import (
	"net/url"
	"os/exec"
	"strings"

	"github.com/nektos/act/pkg/model"
)

// github is the context of that name: the repository as it is here, and the
// event as it would be if the commit were pushed now. There is no token.
func github(repo, workflow, event string, inputs map[string]any) *model.GithubContext {
	git := func(args ...string) string {
		command := exec.Command("git", args...)
		command.Dir = repo
		out, err := command.Output()
		if err != nil {
			return "" // a repository without a commit or a remote has no such thing
		}
		return strings.TrimSpace(string(out))
	}
	branch := git("symbolic-ref", "--quiet", "--short", "HEAD")
	base := strings.TrimPrefix(git("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"), "origin/")
	if base == "" {
		base = "main"
	}
	g := &model.GithubContext{
		Workflow: workflow, EventName: event, RunAttempt: "1", RunNumber: "1", RunID: "1", Actor: "pawskind", RetentionDays: "7",
		Sha: git("rev-parse", "--verify", "--quiet", "HEAD"), ServerURL: "https://github.com", APIURL: "https://api.github.com", GraphQLURL: "https://api.github.com/graphql",
		Repository: repository(git("config", "--get", "remote.origin.url")),
		Ref:        "refs/heads/" + branch, RefName: branch, RefType: "branch",
	}
	if branch == "" {
		g.Ref, g.RefName = "refs/heads/"+base, base
	}
	g.RepositoryOwner, _, _ = strings.Cut(g.Repository, "/")
	if event == "pull_request" || event == "pull_request_target" {
		g.HeadRef, g.BaseRef = g.RefName, base
		g.Ref, g.RefName = "refs/pull/1/merge", "1/merge"
	}
	g.Event = payload(g, base, inputs)
	return g
}

// payload is the part of the event's payload that can be known here.
func payload(g *model.GithubContext, base string, inputs map[string]any) map[string]any {
	event := map[string]any{
		"repository": map[string]any{
			"full_name": g.Repository, "name": g.Repository[strings.LastIndex(g.Repository, "/")+1:], "default_branch": base,
			"owner": map[string]any{"login": g.RepositoryOwner},
		},
		"sender": map[string]any{"login": g.Actor},
		"ref":    g.Ref,
	}
	switch g.EventName {
	case "push":
		event["after"] = g.Sha
		event["head_commit"] = map[string]any{"id": g.Sha}
	case "pull_request", "pull_request_target":
		event["number"], event["action"] = 1, "synchronize"
		event["pull_request"] = map[string]any{
			"number": 1, "draft": false,
			"head": map[string]any{"ref": g.HeadRef, "sha": g.Sha}, "base": map[string]any{"ref": g.BaseRef},
		}
	case "workflow_dispatch":
		event["inputs"] = inputs
	}
	return event
}

// repository is OWNER/NAME of a remote's address; a repository without a remote
// is local/NAME.
func repository(remote string) string {
	path := remote
	if address, err := url.Parse(remote); err == nil && address.Host != "" {
		path = address.Path
	} else if _, after, found := strings.Cut(remote, ":"); found {
		path = after
	}
	parts := strings.Split(strings.Trim(strings.TrimSuffix(path, ".git"), "/"), "/")
	if len(parts) < 2 || remote == "" {
		return "local/repository"
	}
	return strings.Join(parts[len(parts)-2:], "/")
}
