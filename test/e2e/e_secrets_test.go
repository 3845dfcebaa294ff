package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/test/leak"
)

// No value of a secret is anywhere but in Secrets, .local/secrets.env, and the pods
// that are given it: not after everything that was done to the stack above.
func TestNothingLeaks(t *testing.T) {
	onlyWhenJudged(t)
	healthy(t, time.Minute)
	finder := leak.NewFinder(secretValues(t))
	t.Run("objects and events", func(t *testing.T) { objectsLeakNothing(t, finder) })
	t.Run("logs", func(t *testing.T) {
		stream(t, finder, "exec", node, "tar", "-C", "/var/log", "-c", "pods", "kubernetes")
		stream(t, finder, "exec", node, "journalctl", "--no-pager", "-o", "cat")
	})
	t.Run("arguments", func(t *testing.T) {
		leaks, looked := kept.processes.Found(finder)
		require.Greater(t, looked, 500, "command lines that were seen")
		require.Empty(t, leaks)
	})
	t.Run("environments", func(t *testing.T) { environmentsHoldWhatPodsAreGiven(t, finder) })
	t.Run("volumes", volumesAreClosed)
	t.Run("reports", func(t *testing.T) { projectLeaksNothing(t, finder) })
	t.Run("output of commands", func(t *testing.T) {
		require.NotEmpty(t, kept.outputs)
		for _, o := range kept.outputs {
			require.Empty(t, finder.InText(o.text), o.command)
		}
	})
	t.Run("images", func(t *testing.T) { imagesLeakNothing(t, finder) })
	t.Run("crash dumps", crashesLeaveNothing)
}

// secretValues are all values that were ever generated, by their names.
func secretValues(t *testing.T) map[string][]string {
	t.Helper()
	kept.noteSecrets()
	var list corev1.SecretList
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", "secrets", "--all-namespaces", "-o", "json")), &list))
	// kubeadm's own token is the same in every kind cluster.
	list.Items = slices.DeleteFunc(list.Items, func(s corev1.Secret) bool { return s.Type == "bootstrap.kubernetes.io/token" })
	values := map[string][]string{}
	for name, of := range leak.Values(list.Items) {
		name = strings.TrimPrefix(strings.TrimPrefix(name, install.SecretName+"/"), naming.Credentials+"/")
		values[name] = append(values[name], of...)
	}
	for name, of := range kept.values {
		values[name] = append(values[name], of...)
	}
	require.Contains(t, values, "POSTGRES_PASSWORD")
	require.Contains(t, values, "pki-ca/ca.key")
	return values
}

// stream looks through what a command of the engine writes.
func stream(t *testing.T, finder *leak.Finder, args ...string) {
	t.Helper()
	reader, writer := io.Pipe()
	c := exec.CommandContext(t.Context(), engineName, args...)
	var complaint strings.Builder
	c.Stdout, c.Stderr = writer, &complaint
	ended := make(chan error, 1)
	go func() {
		err := c.Run()
		_ = writer.Close()
		ended <- err
	}()
	found, err := finder.In(reader)
	require.NoError(t, err)
	// Files that grow while they are packed are no failure of tar's.
	if err := <-ended; err != nil && !strings.Contains(complaint.String(), "file changed as we read it") {
		t.Fatalf("%s %v: %v: %s", engineName, args, err, complaint.String())
	}
	require.Empty(t, found, "%v", args)
}

func objectsLeakNothing(t *testing.T, finder *leak.Finder) {
	kinds := strings.Fields(kubectl(t, "api-resources", "--verbs=list", "-o", "name"))
	require.Contains(t, kinds, "pawsenvironments.paws360.io")
	require.Contains(t, kinds, "events")
	for _, kind := range kinds {
		if kind != "secrets" {
			stream(t, finder, "exec", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf",
				"get", kind, "--all-namespaces", "--show-managed-fields", "--ignore-not-found", "-o", "yaml")
		}
	}
}

// Passwords come to a member through its environment or files. A process has none
// that its pod does not ask for, and those outside of pods have none.
func environmentsHoldWhatPodsAreGiven(t *testing.T, finder *leak.Finder) {
	asked := secretsOfPods(t)
	held := 0
	for _, p := range processes(t) {
		for _, name := range finder.InText(p.environment) {
			require.Contains(t, asked[p.pod], name, "process %q of pod %q", p.program, p.pod)
			held++
		}
	}
	require.NotZero(t, held, "the backend has passwords in its environment")
}

// secretsOfPods are the keys that pods ask for, by the pods' identities.
func secretsOfPods(t *testing.T) map[string][]string {
	t.Helper()
	var pods corev1.PodList
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", "pods", "--all-namespaces", "-o", "json")), &pods))
	asked := map[string][]string{}
	for _, pod := range pods.Items {
		for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			for _, variable := range c.Env {
				if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
					asked[string(pod.UID)] = append(asked[string(pod.UID)], from.SecretKeyRef.Key)
				}
			}
		}
	}
	return asked
}

// process is one process of the node.
type process struct {
	// pod is the identity of its pod; empty outside of pods.
	pod, program, environment string
	// dumps is set when a crash could write its memory to a file.
	dumps bool
}

// processes are those of the node. A crash writes a core file into the working
// folder, where the limit allows it and the folder can be written.
func processes(t *testing.T) []process {
	t.Helper()
	const script = `for p in /proc/[0-9]*; do
  environment=$(base64 -w0 $p/environ 2>/dev/null) || continue
  pod=$(grep -o -m1 'pod[0-9a-f]\{8\}[-_0-9a-f]*' $p/cgroup 2>/dev/null)
  limit=$(awk '/Max core file size/ {print $6}' $p/limits 2>/dev/null)
  dumps=-
  [ "$limit" != 0 ] && [ -w "$p/root$(readlink $p/cwd)" ] && dumps=dumps
  echo "$(cat $p/comm 2>/dev/null | tr -d ' ')|${pod#pod}|$dumps|$environment"
done`
	var list []process
	for line := range strings.Lines(onNode(t, "bash", "-c", script)) {
		parts := strings.SplitN(strings.TrimSpace(line), "|", 4)
		if len(parts) == 4 {
			environment, err := base64.StdEncoding.DecodeString(parts[3])
			require.NoError(t, err)
			list = append(list, process{program: parts[0], pod: strings.ReplaceAll(parts[1], "_", "-"), dumps: parts[2] == "dumps", environment: string(environment)})
		}
	}
	require.Greater(t, len(list), 50)
	return list
}

// The databases keep passwords in files of their own: a Sentinel, for one, writes
// those that it uses. Nobody but them may read these.
func volumesAreClosed(t *testing.T) {
	var values strings.Builder
	for _, of := range secretValues(t) {
		for _, value := range of {
			if value = strings.TrimSpace(value); len(value) >= 16 && !strings.Contains(value, "\n") {
				values.WriteString(value + "\n")
			}
		}
	}
	const script = `cat > /run/values
find /var/local/pawskind /var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir -type f -print0 2>/dev/null |
  xargs -0 grep -laF -f /run/values 2>/dev/null | while read -r file; do
  if setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$file"; then echo "open to others: $file"; else echo "closed: $file"; fi
done
rm /run/values`
	c := exec.CommandContext(t.Context(), engineName, "exec", "-i", node, "bash", "-c", script)
	c.Stdin = strings.NewReader(values.String())
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Logf("files with passwords:\n%s", out)
	require.NotContains(t, string(out), "open to others")
}

// projectLeaksNothing looks through the project's folder, and at the names of all
// files in the volumes: backups among them.
func projectLeaksNothing(t *testing.T, finder *leak.Finder) {
	require.NoError(t, filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(home, ".local/data") {
			return filepath.SkipDir
		}
		require.Empty(t, finder.InText(path), "a name")
		if !entry.Type().IsRegular() || path == filepath.Join(home, ".local/secrets.env") {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		found, err := finder.In(file)
		require.Empty(t, found, path)
		return err
	}))
	stream(t, finder, "exec", node, "find", cluster.DataPath)
}

func imagesLeakNothing(t *testing.T, finder *leak.Finder) {
	var list struct {
		Images []struct {
			Ref     string
			Present bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(ok(t, "images", "list", "-o", "json").stdout), &list))
	looked := 0
	for _, image := range list.Images {
		if image.Present {
			stream(t, finder, "image", "history", "--no-trunc", image.Ref)
			stream(t, finder, "image", "inspect", image.Ref)
			stream(t, finder, "save", image.Ref)
			looked++
		}
	}
	require.GreaterOrEqual(t, looked, 6)
}

// A process that has secrets leaves none of its memory behind when it crashes.
func crashesLeaveNothing(t *testing.T) {
	asked := secretsOfPods(t)
	for _, p := range processes(t) {
		if len(asked[p.pod]) > 0 {
			require.False(t, p.dumps, fmt.Sprintf("%s would write a core file", p.program))
		}
	}
	require.Empty(t, onNode(t, "find", cluster.DataPath, "/var/lib/kubelet/pods", "-type", "f", "-regextype", "posix-extended", "-regex", `.*/(core(\.[0-9]+)?|hs_err_pid.*|.*\.hprof)`))
}
