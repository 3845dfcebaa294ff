package agent

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// volume is a pod with a volume mounted in a mount namespace of its own.
type volume struct {
	*testServer
	t    *testing.T
	path string
}

func newVolume(r *rig, mount string) *volume {
	path := r.t.TempDir()
	script := fmt.Sprintf("mount --make-rprivate / && %s && echo ready && while read -r line; do if sh -c \"$line\" 2>&1; then echo yes; else echo no; fi; done",
		fmt.Sprintf(mount, path))
	s := r.start(testUID, "c1", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}, "sh", "-c", script)
	require.True(r.t, s.says("ready", patient))
	return &volume{testServer: s, t: r.t, path: path}
}

// runs a command on the volume; what fails must say that no space is left.
func (v *volume) runs(command string) bool {
	v.t.Helper()
	_, err := io.WriteString(v.in, "cd "+v.path+" && "+command+"\n")
	require.NoError(v.t, err)
	var said string
	for {
		_ = v.raw.SetReadDeadline(time.Now().Add(patient))
		line, err := v.out.ReadString('\n')
		require.NoError(v.t, err, said)
		switch line {
		case "yes\n":
			return true
		case "no\n":
			require.Contains(v.t, said, "No space left on device")
			return false
		}
		said += line
	}
}

func TestFullVolumeTakesNothingFromTheDisk(t *testing.T) {
	r := newRig(t, "freezer")
	shared := t.TempDir()
	v := newVolume(r, "mount --bind "+shared+" %s")
	require.True(t, v.runs("head -c 10000 /dev/zero > old"))
	f := fault(KindFillDisk)
	f.Path = v.path
	got := one(t, r.node, f, StateActive)
	require.Contains(t, got.Message, "cannot grow")
	require.False(t, v.runs("head -c 5000 /dev/zero | dd of=new bs=5000 status=none"))
	require.False(t, v.runs("dd if=/dev/zero of=old bs=4096 count=1 oflag=append conv=notrunc status=none"))
	require.False(t, v.runs("dd if=/dev/zero of=old bs=4096 seek=3 count=1 conv=notrunc status=none"))
	require.False(t, v.runs("fallocate -l 1M big"))
	require.True(t, v.runs("cat old > /dev/null"), "reading goes on")
	require.True(t, v.runs("dd if=/dev/zero of=old bs=4096 count=2 conv=notrunc status=none"), "so does writing over what is there")
	require.True(t, v.runs("truncate -s 4096 old && rm old"))
	require.NoError(t, os.WriteFile(filepath.Join(shared, "beside"), make([]byte, 9000), 0o600), "others of the disk notice nothing")

	one(t, r.node, f, StateActive)
	none(t, r.node)
	require.True(t, v.runs("head -c 100000 /dev/zero | dd of=new bs=5000 status=none"))
}

func TestSmallVolumeIsFilled(t *testing.T) {
	r := newRig(t, "freezer")
	v := newVolume(r, "mount -t tmpfs -o size=16m tmpfs %s")
	f := fault(KindFillDisk)
	f.Path = v.path
	require.Contains(t, one(t, r.node, f, StateActive).Message, "is full")
	require.False(t, v.runs("dd if=/dev/zero of=new bs=4096 count=1 status=none"))
	one(t, r.node, f, StateActive)
	none(t, r.node)
	require.True(t, v.runs("dd if=/dev/zero of=new bs=4096 count=1 status=none"))
}

func TestLargeSharedVolumeIsNotFilled(t *testing.T) {
	r := newRig(t, "freezer")
	v := newVolume(r, "mount -t tmpfs -o size=3g tmpfs %s")
	f := fault(KindFillDisk)
	f.Path = v.path
	require.Contains(t, one(t, r.node, f, StateNotSupported).Message, "would stop the whole machine")
	f.Path = "/nowhere"
	require.Contains(t, one(t, r.node, f, StateFailed).Message, "no volume is mounted at /nowhere")
	none(t, r.node)
}
