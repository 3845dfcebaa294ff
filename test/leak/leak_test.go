package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const value = "kX9_vQ2-ZtY7pLmN4rS8wE1aB6cD3fG5hJ0uV-oI_iT"

func finder() *Finder {
	return NewFinder(map[string][]string{"PASSWORD": {value, "an-older-one-that-was-rotated"}, "PORT": {"5432"}})
}

func TestASecretIsFoundInEveryForm(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":                   "password=" + value + "\n",
		"an older one":               "an-older-one-that-was-rotated",
		"in base64":                  base64.StdEncoding.EncodeToString([]byte(value)),
		"in base64 after a user":     base64.StdEncoding.EncodeToString([]byte("user:" + value)),
		"in base64 within an object": base64.StdEncoding.EncodeToString([]byte(`{"a":"` + value + `","b":1}`)),
		"in URL's base64":            base64.URLEncoding.EncodeToString([]byte("12" + value + "??")),
		"in hexadecimal":             hex.EncodeToString([]byte(value)),
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, finder().InText("before "+text+" after"), 1)
		})
	}
}

func TestWhatIsNoSecretIsNotFound(t *testing.T) {
	require.Empty(t, finder().InText("port 5432, "+value[:len(value)-1]+" "+strings.ToLower(value)))
}

// What is read comes in pieces, and a secret may stand across the border.
func TestASecretAcrossBuffersIsFound(t *testing.T) {
	for _, before := range []int{0, 1<<20 - 10, 1<<20 - len(value), 3<<20 - 1} {
		content := append(bytes.Repeat([]byte("."), before), value...)
		found, err := finder().In(iotest.HalfReader(bytes.NewReader(append(content, "..."...))))
		require.NoError(t, err)
		require.Equal(t, []string{"PASSWORD"}, found, before)
	}
}

func TestValuesLeaveOutWhatIsPublic(t *testing.T) {
	require.Equal(t, map[string][]string{"tls/tls.key": {"MHcCAQEEIB"}, "app/password": {value}}, Values([]corev1.Secret{
		{ObjectMeta: metav1.ObjectMeta{Name: "tls"}, Data: map[string][]byte{
			"tls.crt": []byte("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"),
			"tls.key": []byte("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\nBB\n-----END EC PRIVATE KEY-----\n")}},
		{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Data: map[string][]byte{"password": []byte(value)}},
	}))
}

func TestWatchNamesTheProgramWithASecretInItsArguments(t *testing.T) {
	proc := t.TempDir()
	for pid, line := range map[string]string{"1": "init\x00", "2": "redis-cli\x00-a\x00" + value + "\x00"} {
		require.NoError(t, os.MkdirAll(filepath.Join(proc, pid), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(line), 0o644))
	}
	w := &Watch{Proc: proc}
	w.look()
	leaks, looked := w.Found(finder())
	require.Equal(t, []string{"PASSWORD in the arguments of redis-cli"}, leaks)
	require.Equal(t, 2, looked)
}
