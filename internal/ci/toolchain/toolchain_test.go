package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// jdk makes a folder that looks like a JDK.
func jdk(t *testing.T, home, version string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(home, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, "bin/javac"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, "release"), []byte("IMPLEMENTOR=\"X\"\nJAVA_VERSION=\""+version+"\"\n"), 0o644))
}

func TestVersionsBesideTheDefaultAreFound(t *testing.T) {
	home := t.TempDir()
	named, sdkman, maven, runtime := filepath.Join(home, "named"), filepath.Join(home, ".sdkman/candidates/java/21.0.3-tem"), filepath.Join(home, "maven"), filepath.Join(home, ".jdks/jre")
	jdk(t, named, "11.0.2")
	jdk(t, sdkman, "21.0.3")
	jdk(t, maven, "25.0.1")
	jdk(t, runtime, "23")
	require.NoError(t, os.Remove(filepath.Join(runtime, "bin/javac")))
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".m2"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".m2/toolchains.xml"), []byte("<toolchains><toolchain><configuration>\n<jdkHome>"+maven+"</jdkHome></configuration></toolchain></toolchains>"), 0o644))
	found := Find("java", []string{"HOME=" + home, "JAVA_HOME_11_X64=" + named, "JAVA_HOME=" + named})
	for _, want := range []Installed{{"11.0.2", named}, {"21.0.3", sdkman}, {"25.0.1", maven}} {
		require.Contains(t, found, want)
	}
	for _, i := range found {
		require.NotEqual(t, runtime, i.Home, "what cannot compile is no JDK")
	}

	node := filepath.Join(home, ".nvm/versions/node/v20.11.1")
	require.NoError(t, os.MkdirAll(filepath.Join(node, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(node, "bin/node"), nil, 0o755))
	require.Contains(t, Find("node", []string{"HOME=" + home}), Installed{"20.11.1", node})
	require.Empty(t, Find("cobol", nil))
}

func TestTheVersionThatIsAskedForIsChosen(t *testing.T) {
	all := []Installed{{"17.0.15", "/17"}, {"21.0.1", "/21.0.1"}, {"21.0.3", "/21.0.3"}, {"25.0.3", "/25"}, {"24", "/24"}}
	for _, c := range []struct{ asked, have, want string }{
		{"21", "17.0.15", "/21.0.3"},
		{"22", "17.0.15", "/24"}, // an older one would not do
		{"22", "23.1", ""},       // the PATH's is the nearest newer one
		{"22", "", "/24"},
		{"26", "17.0.15", ""},
		{">=24", "17.0.15", "/25"},
	} {
		chosen, found := Choose(all, c.asked, c.have)
		require.Equal(t, c.want, chosen.Home, "asked for %s, the PATH has %s", c.asked, c.have)
		require.Equal(t, c.want != "", found)
	}
}
