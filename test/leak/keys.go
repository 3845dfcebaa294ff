package leak

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Values are what Secrets keep from others, by Secret and key. A certificate is
// meant to be seen, as are users' names and how far a rotation is; of a private key
// one line is enough to know it by.
func Values(secrets []corev1.Secret) map[string][]string {
	values := map[string][]string{}
	for _, secret := range secrets {
		for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
			text := string(secret.Data[key])
			switch {
			case strings.HasSuffix(key, "_USER"), strings.HasSuffix(key, ".version"), strings.HasPrefix(key, "rotation."), key == "state.json":
				continue
			case strings.Contains(text, "PRIVATE KEY-----"):
				lines := strings.Split(strings.TrimSpace(text), "\n")
				text = lines[1]
			case strings.Contains(text, "-----BEGIN"):
				continue
			}
			values[secret.Name+"/"+key] = append(values[secret.Name+"/"+key], text)
		}
	}
	return values
}
