// Package secrets keeps a project's secrets: one file that only its owner can
// read, from which they go into the cluster.
package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

const header = `# Secrets of this project, made by pawskind. Never commit this file.
# Your own lines stay; what stands below a line "# generated" goes with the data
# when you run pawskind reset.
`

// marker stands on a line of its own: programs that read such files, a
// container engine's --env-file among them, take the rest of a line as the value.
const marker = "# generated"

// Ensure reads the secrets and generates the missing ones of the required keys.
func Ensure(file string) (map[string]string, error) {
	content, err := read(file)
	if err != nil {
		return nil, err
	}
	values, err := parse(content)
	if err != nil {
		return nil, err
	}
	missing := Missing(values)
	if len(missing) == 0 {
		return values, nil
	}
	if len(content) == 0 {
		content = []byte(header)
	}
	made := map[string]string{}
	for _, key := range missing {
		values[key] = generate()
		made[key] = values[key]
	}
	return values, write(file, replace(content, made))
}

// Check tells of every required secret that the file lacks, or that is weak.
func Check(file string) error {
	values, err := Read(file)
	if err != nil {
		return err
	}
	var problems problem.Several
	for _, key := range naming.RequiredKeys() {
		if lacking(values[key]) {
			problems = append(problems, problem.New(problem.SecretMissing, "Missing secret: %s. Run: make local-gen-secrets", key).
				Do("Run: make local-gen-secrets"))
		} else if why := weakness(values[key]); why != "" {
			problems = append(problems, problem.New(problem.SecretWeak, "Weak secret: %s %s", key, why).
				Do("Run: make local-rotate-secrets SECRET=%s", key))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// Begun tells whether the file has any of the required secrets: one that lacks
// others then has lost them.
func Begun(file string) bool {
	values, err := Read(file)
	return err == nil && len(Missing(values)) < len(naming.RequiredKeys())
}

// Forget removes the generated secrets, and the file when nothing else is in it.
func Forget(file string) error {
	if err := Renewed(file); err != nil {
		return err
	}
	content, err := read(file)
	if err != nil || len(content) == 0 {
		return err
	}
	var kept []string
	own, marked := false, false
	for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		if line == marker || marked {
			marked = line == marker
			continue
		}
		kept = append(kept, line)
		own = own || (line != "" && !strings.HasPrefix(line, "#"))
	}
	if !own {
		if err := os.Remove(file); err != nil {
			return problem.New(problem.FileFailed, "cannot remove %s", file).Because(err)
		}
		return nil
	}
	return write(file, []byte(strings.Join(kept, "\n")+"\n"))
}

// Missing are the required keys without a value.
func Missing(values map[string]string) []string {
	return slices.DeleteFunc(naming.RequiredKeys(), func(key string) bool { return !lacking(values[key]) })
}

// lacking: nothing, or a placeholder of the template.
func lacking(value string) bool {
	return value == "" || strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">")
}

// generate gives 32 random bytes in letters that need no quoting anywhere.
func generate() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(random)
}

// replace gives keys their new values in their old places, marked as generated.
func replace(content []byte, values map[string]string) []byte {
	var out []string
	left := maps.Clone(values)
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		key, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		value, found := values[strings.TrimSpace(key)]
		if !found {
			out = append(out, line)
			continue
		}
		key = strings.TrimSpace(key)
		if len(out) == 0 || out[len(out)-1] != marker {
			out = append(out, marker)
		}
		out = append(out, key+"="+value)
		delete(left, key)
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		out = append(out, marker, key+"="+left[key])
	}
	return []byte(strings.Join(out, "\n") + "\n")
}
