package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What golang.org/x/sys does not name yet: see fanotify(7).
const (
	fanPreAccess      = 0x0010_0000
	fanInfoRange      = 6
	fanMetadataLength = 24
	fanRangeLength    = 24
	fanDenyNoSpace    = unix.FAN_DENY | uint32(unix.ENOSPC)<<24
	blockSize         = 4096
)

// refuser answers for the kernel whether files of a mount may grow: they may
// not. When it is closed, or its process ends, the kernel asks no longer.
type refuser struct {
	proc string
	// file is read without blocking, so that closing it ends the reading; asking
	// it for its number would undo that.
	file *os.File
	fd   int
}

func newRefuser(proc string) (*refuser, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_PRE_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_REPORT_TID|unix.FAN_UNLIMITED_QUEUE,
		unix.O_RDONLY|unix.O_LARGEFILE|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("asking to be asked: %w", err)
	}
	r := &refuser{proc: proc, file: os.NewFile(uintptr(fd), "fanotify"), fd: fd}
	go r.serve()
	return r, nil
}

func (r *refuser) mark(path string) error {
	err := unix.FanotifyMark(r.fd, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, fanPreAccess, unix.AT_FDCWD, path)
	if err != nil {
		return fmt.Errorf("asking to be asked: %w", err)
	}
	return nil
}

// Close lets files grow again.
func (r *refuser) Close() error { return r.file.Close() }

func (r *refuser) serve() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.file.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		for rest := buffer[:n]; len(rest) >= fanMetadataLength; {
			length := binary.NativeEndian.Uint32(rest)
			if length < fanMetadataLength || int(length) > len(rest) {
				break
			}
			r.answer(rest[:length])
			rest = rest[length:]
		}
	}
}

// answer says yes or "no space left on device" to one access.
func (r *refuser) answer(event []byte) {
	fd := int32(binary.NativeEndian.Uint32(event[16:]))
	tid := int32(binary.NativeEndian.Uint32(event[20:]))
	if fd < 0 {
		return
	}
	verdict := uint32(unix.FAN_ALLOW)
	var stat unix.Stat_t
	if err := unix.Fstat(int(fd), &stat); err == nil && r.grows(int(tid), event[fanMetadataLength:], stat.Size) {
		verdict = fanDenyNoSpace
	}
	response := binary.NativeEndian.AppendUint32(nil, uint32(fd))
	response = binary.NativeEndian.AppendUint32(response, verdict)
	_, _ = r.file.Write(response) // fails only for one who no longer waits
	_ = unix.Close(int(fd))
}

// grows tells whether an access would need space: a write beyond the blocks
// that the file has.
func (r *refuser) grows(tid int, info []byte, size int64) bool {
	if len(info) < fanRangeLength || info[0] != fanInfoRange {
		return false
	}
	end := binary.NativeEndian.Uint64(info[8:]) + binary.NativeEndian.Uint64(info[16:])
	call, arguments := r.call(tid)
	blocks := uint64(size+blockSize-1) / blockSize * blockSize
	switch {
	case !slices.Contains(writes, call):
		return false
	case slices.Contains(resizes, call): // to that very length, or into its blocks
		return end > blocks
	case end > blocks:
		return true
	}
	return len(arguments) > 0 && r.appends(tid, arguments[0])
}

// writes are the calls that may make a file grow.
var writes = append([]int64{
	unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2,
}, resizes...)

var resizes = []int64{unix.SYS_FALLOCATE, unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE}

// call is the system call that a thread waits in.
func (r *refuser) call(tid int) (int64, []string) {
	text, err := read(filepath.Join(r.proc, strconv.Itoa(tid), "syscall"))
	if err != nil {
		return -1, nil
	}
	fields := strings.Fields(text)
	number, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return -1, nil
	}
	return number, fields[1:]
}

// appends tells whether a file was opened to be written at its end only: the
// kernel then tells no place.
func (r *refuser) appends(tid int, argument string) bool {
	fd, err := strconv.ParseUint(argument, 0, 64)
	if err != nil {
		return false
	}
	text, err := read(filepath.Join(r.proc, strconv.Itoa(tid), "fdinfo", strconv.FormatUint(fd&0xffff_ffff, 10)))
	if err != nil {
		return false
	}
	for line := range strings.Lines(text) {
		if flags, found := strings.CutPrefix(line, "flags:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(flags), 8, 64)
			return err == nil && bits&unix.O_APPEND != 0
		}
	}
	return false
}
