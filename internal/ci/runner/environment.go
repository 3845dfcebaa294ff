package runner

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// passed are the variables of the caller that a job sees: how this machine
// reaches the network, and where its tools are. Nothing else is: on the remote, a
// job does not see a developer's environment either.
var passed = []string{
	"PATH", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT",
	"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOTOOLCHAIN", "GOROOT",
	"npm_config_registry", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL", "JAVA_HOME", "JAVA_TOOL_OPTIONS", "MAVEN_OPTS", "M2_HOME",
}

// caches keep what tools have fetched and built warm: a job's home is empty, and
// without them each job would begin with an empty cache. By their variable, the
// place below the real home where a tool has it when the variable is not set.
var caches = map[string]string{
	"GOPATH": "go", "GOCACHE": ".cache/go-build", "GOMODCACHE": "go/pkg/mod", "GOENV": ".config/go/env", "XDG_CACHE_HOME": ".cache",
	"npm_config_cache": ".npm", "NPM_CONFIG_USERCONFIG": ".npmrc", "YARN_CACHE_FOLDER": ".cache/yarn", "PIP_CACHE_DIR": ".cache/pip",
	"PYENV_ROOT": ".pyenv", "NVM_DIR": ".nvm", "CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup", "GRADLE_USER_HOME": ".gradle", "DOCKER_CONFIG": ".docker",
}

// Passed is what every leg on this host sees of the caller's environment: an input
// of its result.
func Passed(lookup func(string) (string, bool)) map[string]string {
	env := clean(lookup, "")
	delete(env, "HOME") // each leg has its own
	return env
}

// clean is the environment that a leg on this host begins with.
func clean(lookup func(string) (string, bool), home string) map[string]string {
	env := map[string]string{"CI": "true", "HOME": home, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
	for _, name := range passed {
		if value, set := lookup(name); set && value != "" {
			env[name] = value
		}
	}
	env["PATH"] = withoutGit(env["PATH"])
	real, _ := lookup("HOME")
	for name, place := range caches {
		if value, set := lookup(name); set && value != "" {
			env[name] = value
			continue
		}
		folder := filepath.Join(real, place)
		if _, err := os.Stat(folder); err == nil || strings.HasPrefix(name, "GO") && name != "GOENV" {
			env[name] = folder
		}
	}
	return env
}

// withoutGit takes out the folder that git puts before the PATH of its hooks: a
// run before a push is the same as one by hand.
func withoutGit(path string) string {
	return strings.Join(slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return filepath.Base(dir) == "git-core" }), string(filepath.ListSeparator))
}

// github are the variables that the remote gives every job.
func (l *leg) github() map[string]string {
	g := l.env.Github
	return map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW": g.Workflow, "GITHUB_RUN_ID": g.RunID, "GITHUB_RUN_NUMBER": g.RunNumber, "GITHUB_RUN_ATTEMPT": g.RunAttempt,
		"GITHUB_ACTOR": g.Actor, "GITHUB_TRIGGERING_ACTOR": g.Actor, "GITHUB_REPOSITORY": g.Repository, "GITHUB_REPOSITORY_OWNER": g.RepositoryOwner,
		"GITHUB_EVENT_NAME": g.EventName, "GITHUB_EVENT_PATH": g.EventPath, "GITHUB_WORKSPACE": g.Workspace, "GITHUB_SHA": g.Sha,
		"GITHUB_REF": g.Ref, "GITHUB_REF_NAME": g.RefName, "GITHUB_REF_TYPE": g.RefType, "GITHUB_REF_PROTECTED": "false", "GITHUB_HEAD_REF": g.HeadRef, "GITHUB_BASE_REF": g.BaseRef,
		"GITHUB_SERVER_URL": g.ServerURL, "GITHUB_API_URL": g.APIURL, "GITHUB_GRAPHQL_URL": g.GraphQLURL, "GITHUB_JOB": g.Job, "GITHUB_RETENTION_DAYS": g.RetentionDays,
		"RUNNER_OS": runnerOS(), "RUNNER_ARCH": runnerArch(), "RUNNER_NAME": "pawskind", "RUNNER_ENVIRONMENT": "self-hosted",
		"RUNNER_TEMP": l.temp(), "RUNNER_TOOL_CACHE": l.path("tools"), "RUNNER_WORKSPACE": l.folder, trackingVariable: l.tracking,
	}
}
