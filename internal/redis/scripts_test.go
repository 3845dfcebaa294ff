package redis_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/paws360/pawskind/internal/redis"
)

// bed runs a pod's script with commands that answer from files in place of
// redis-cli, getent and the servers: what is tested is what the script decides.
type bed struct {
	t            *testing.T
	scripts, bin string
	data         string
	answers      string
	secrets      string
	wantAuth     string
	tlsDir       string
}

const redisCLI = `#!/bin/bash
# -e --no-auth-warning --user USER -h HOST -p PORT [TLS] COMMAND...
host=$6; shift 8
case ${TLS_DIR:-}@$host in
@*) ;;
*@127.0.0.1) [ "$1 $2" = "--tls --insecure" ] || exit 1; shift 2 ;;
*) [ "$1 $2 $3" = "--tls --cacert $TLS_DIR/ca.crt" ] || exit 1; shift 3 ;;
esac
welcome=yes
[ -z "${WANT_AUTH:-}" ] || [ "$REDISCLI_AUTH" = "$WANT_AUTH" ] || welcome=no
answer() {
  echo "$host $*" >>"$ANSWERS/asked"
  cat "$ANSWERS/$host $*" 2>/dev/null
}
if [ $# -gt 0 ]; then
  [ $welcome = yes ] || { echo 'AUTH failed: WRONGPASS invalid username-password pair'; exit 1; }
  answer "$@"
  exit
fi
while read -r question; do # a conversation
  # What comes first over a connection that the server has closed is lost.
  [ ! -e "$ANSWERS/$host closes" ] || { rm "$ANSWERS/$host closes"; continue; }
  case $welcome:$question in
  no:*) echo NOAUTH Authentication required. ;;
  yes:ping*) echo "${question#ping }" ;;
  *) answer "$question" ;;
  esac
done
`

const getent = `#!/bin/bash
cat "$ANSWERS/$2" 2>/dev/null || exit 2
`

const server = `#!/bin/bash
echo "argument: $1"
echo "resolver: ${RES_OPTIONS:-}"
cat "$1"
`

func newBed(t *testing.T) *bed {
	dir := t.TempDir()
	b := &bed{t: t, scripts: dir + "/scripts", bin: dir + "/bin", data: dir + "/data", answers: dir + "/answers", secrets: dir + "/secrets"}
	for _, d := range []string{b.scripts, b.bin, b.data, b.answers, b.secrets} {
		require.NoError(t, os.Mkdir(d, 0o755))
	}
	for _, key := range []string{"REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD", "REDIS_MONITOR_PASSWORD", "REDIS_OPERATOR_PASSWORD", "REDIS_REPLICATION_PASSWORD"} {
		b.secret(key, strings.ToLower(key)+`"\'`)
	}
	for _, o := range redis.Objects(environment(nil), "image", redis.Certificates{}) {
		if m, ok := o.(*coreac.ConfigMapApplyConfiguration); ok {
			for name, text := range m.Data {
				require.NoError(t, os.WriteFile(filepath.Join(b.scripts, name), []byte(text), 0o755))
			}
		}
	}
	for name, text := range map[string]string{"redis-cli": redisCLI, "getent": getent, "redis-server": server, "redis-sentinel": server} {
		require.NoError(t, os.WriteFile(filepath.Join(b.bin, name), []byte(text), 0o755))
	}
	return b
}

func (b *bed) secret(key, value string) {
	require.NoError(b.t, os.WriteFile(filepath.Join(b.secrets, key), []byte(value), 0o644))
}

func sha(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

func (b *bed) answer(question, text string) {
	require.NoError(b.t, os.WriteFile(filepath.Join(b.answers, question), []byte(text), 0o644))
}

// sentinels let each address answer with a view of the master.
func (b *bed) sentinels(views map[string]string) {
	var addresses string
	for ip, view := range views {
		addresses += ip + " STREAM sentinel\n" + ip + " DGRAM\n"
		b.answer(ip+" sentinel master mymaster", view)
	}
	b.answer("sentinel.paws.svc", addresses)
}

func view(master, epoch, flags, replicas string) string {
	return strings.Join([]string{"name", "mymaster", "ip", host(master), "runid", "", "flags", flags,
		"last-ok-ping-reply", "300", "config-epoch", epoch, "num-slaves", replicas, ""}, "\n")
}

func (b *bed) run(script, pod string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	me := fmt.Sprintf("%s.%s.paws.svc", pod, pod[:strings.LastIndex(pod, "-")])
	b.answer(me, "10.0.0.99 STREAM "+me)
	cmd := b.command(ctx, script, pod)
	output, err := cmd.CombinedOutput()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if !strings.Contains(string(output), "argument:") {
		require.NoError(b.t, err, string(output))
	}
	return string(output)
}

func (b *bed) command(ctx context.Context, script, pod string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.scripts, script), arguments...)
	cmd.Env = []string{
		"PATH=" + b.bin + ":" + os.Getenv("PATH"), "ANSWERS=" + b.answers, "DATA_DIR=" + b.data,
		"POD_NAME=" + pod, "POD_NAMESPACE=paws", "POD_IP=10.0.0.99",
		"SECRETS_DIR=" + b.secrets, "WANT_AUTH=" + b.wantAuth, "MIN_REPLICAS_TO_WRITE=1", "MAXMEMORY=1000",
		"RESOLV_CONF=/dev/null", "TMPDIR=" + b.data,
	}
	if b.tlsDir != "" {
		cmd.Env = append(cmd.Env, "TLS_DIR="+b.tlsDir)
	}
	// What a script leaves in the background must not hold its output, nor
	// outlive the test.
	cmd.WaitDelay = 100 * time.Millisecond
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func TestRedisStartsInTheRightRole(t *testing.T) {
	const gated, open = "min-replicas-to-write 1000000", "min-replicas-to-write 1\n"
	cases := map[string]struct {
		pod       string
		sentinels map[string]string
		previous  string // the last configuration
		follows   string // empty: starts as a master
		writes    string
	}{
		"the first member of a new set":   {pod: "redis-1", writes: open},
		"another member of a new set":     {pod: "redis-2", follows: "redis-1", writes: open},
		"a new member follows the master": {pod: "redis-4", sentinels: map[string]string{"10.0.0.1": view("redis-3", "5", "master", "2")}, follows: "redis-3", writes: open},
		"the old master follows the new": {pod: "redis-1", previous: "port 6379\n",
			sentinels: map[string]string{"10.0.0.1": view("redis-2", "5", "master", "2")}, follows: "redis-2", writes: open},
		"the newest configuration wins": {pod: "redis-1", previous: "port 6379\n", sentinels: map[string]string{
			"10.0.0.1": view("redis-1", "4", "master", "2"), "10.0.0.2": view("redis-1", "4", "master", "2"), "10.0.0.3": view("redis-3", "5", "master", "2"),
		}, follows: "redis-3", writes: open},
		"the master comes back": {pod: "redis-1", previous: "port 6379\n",
			sentinels: map[string]string{"10.0.0.1": view("redis-1", "4", "master", "2")}, writes: gated},
		"the master comes back during an election": {pod: "redis-1", previous: "port 6379\n",
			sentinels: map[string]string{"10.0.0.1": view("redis-1", "4", "s_down,o_down,master,failover_in_progress", "2")}, writes: gated},
		"the master comes back and no Sentinel answers": {pod: "redis-2", previous: "port 6379\n", writes: gated},
		"a replica comes back and no Sentinel answers": {pod: "redis-1",
			previous: "port 6379\nreplicaof \"" + host("redis-3") + "\" 6379\n", follows: "redis-3", writes: open},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.sentinels(c.sentinels)
			if c.previous != "" {
				require.NoError(t, os.WriteFile(b.data+"/redis.conf", []byte(c.previous), 0o600))
			}
			output := b.run("redis-start.sh", c.pod)
			require.Contains(t, output, c.writes)
			if c.follows == "" {
				require.NotContains(t, output, "\nreplicaof ")
			} else {
				require.Contains(t, output, "replicaof "+host(c.follows)+" 6379")
			}
			require.Contains(t, output, `masterauth "redis_replication_password\"\\'"`)
			require.Contains(t, output, "\nuser default off\n")
			require.Regexp(t, `\nuser paws360 on ~\* &\* .* #`+sha(`redis_password"\'`)+"\n", output)
			require.NotContains(t, output, `redis_password"`, "others' passwords are hashes")
			require.Contains(t, output, "argument: "+b.data+"/redis.conf\n", "no password is an argument")
			requirePrivate(t, b.data+"/redis.conf")
		})
	}
}

func TestAMasterThatLostItsDataWaitsForASuccessor(t *testing.T) {
	b := newBed(t)
	b.sentinels(map[string]string{"10.0.0.1": view("redis-1", "4", "master", "2")})
	b.answer("redis.paws.svc", "10.0.1.2 STREAM redis\n")
	b.answer("10.0.1.2 dbsize", "7\n")
	// The Sentinel that is asked for a failover names another master from then on.
	failover := strings.Replace(redisCLI, "cat ", `if [ "$*" = "sentinel failover mymaster" ]; then sed -i s/redis-1/redis-2/ "$ANSWERS/$host sentinel master mymaster"; fi`+"\ncat ", 1)
	require.NoError(t, os.WriteFile(b.bin+"/redis-cli", []byte(failover), 0o755))
	require.Contains(t, b.run("redis-start.sh", "redis-1"), "replicaof "+host("redis-2")+" 6379")
}

func TestSentinelRemembersWhatItKnew(t *testing.T) {
	b := newBed(t)
	require.NoError(t, os.WriteFile(b.data+"/sentinel.conf", []byte(strings.Join([]string{
		"requirepass old",
		"sentinel myid 0123",
		`sentinel monitor mymaster "redis-2.redis.paws.svc" 6379 9`,
		"sentinel auth-pass mymaster old",
		"sentinel config-epoch mymaster 7",
		"sentinel known-replica mymaster redis-1.redis.paws.svc 6379",
		"sentinel current-epoch 7",
		"user default on #abc",
	}, "\n")+"\n"), 0o600))
	output := b.run("sentinel-start.sh", "sentinel-1")
	for _, line := range []string{
		"sentinel monitor mymaster redis-2.redis.paws.svc 6379 2\n", "sentinel myid 0123\n",
		"sentinel config-epoch mymaster 7\n", "sentinel current-epoch 7\n",
		"sentinel known-replica mymaster redis-1.redis.paws.svc 6379\n",
		"sentinel sentinel-user sentinel\n", `sentinel auth-pass mymaster "redis_monitor_password\"\\'"`,
		"sentinel announce-ip sentinel-1.sentinel.paws.svc\n",
		"resolver: no-aaaa\n",
	} {
		require.Contains(t, output, line)
	}
	require.NotContains(t, output, "old")
	require.NotContains(t, output, "#abc")
	require.Regexp(t, `\nuser operator on .* #`+sha(`redis_operator_password"\'`)+"\n", output)
	requirePrivate(t, b.data+"/sentinel.conf")
}

func TestANewSentinelFindsTheMaster(t *testing.T) {
	follower := func(master, link string) string {
		return "role:slave\r\nmaster_host:" + host(master) + "\r\nmaster_link_status:" + link + "\r\n"
	}
	cases := map[string]struct {
		prepare func(*bed)
		master  string
	}{
		"the first of all": {func(*bed) {}, "redis-1"},
		"other Sentinels know it": {func(b *bed) {
			b.sentinels(map[string]string{"10.0.0.1": view("redis-3", "2", "master", "2")})
		}, "redis-3"},
		"only the servers know it": {func(b *bed) {
			b.answer("redis.paws.svc", "10.0.1.1 STREAM redis\n10.0.1.2 STREAM\n")
			b.answer("10.0.1.1 info replication", follower("redis-2", "up"))
			b.answer("10.0.1.2 info replication", "role:master\r\n")
		}, "redis-2"},
		"the servers know two": {func(b *bed) {
			b.answer("redis.paws.svc", "10.0.1.1 STREAM redis\n10.0.1.2 STREAM\n")
			b.answer("10.0.1.1 info replication", follower("redis-2", "up"))
			b.answer("10.0.1.2 info replication", follower("redis-3", "up"))
		}, "redis-1"},
		"the servers follow nobody": {func(b *bed) {
			b.answer("redis.paws.svc", "10.0.1.1 STREAM redis\n")
			b.answer("10.0.1.1 info replication", follower("redis-2", "down"))
		}, "redis-1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			c.prepare(b)
			require.Contains(t, b.run("sentinel-start.sh", "sentinel-1"), "sentinel monitor mymaster "+host(c.master)+" 6379 2\n")
		})
	}
}

func TestMembersKnowThePasswordsOfARotation(t *testing.T) {
	b := newBed(t)
	b.secret("REDIS_PASSWORD", "now")
	b.secret("REDIS_PASSWORD.next", "soon")
	b.secret("REDIS_REPLICATION_PASSWORD.previous", "before")
	b.secret("REDIS_OPERATOR_PASSWORD", "now")
	b.secret("REDIS_OPERATOR_PASSWORD.next", "soon")
	b.wantAuth = "soon" // the others are ahead of this pod's files
	b.sentinels(map[string]string{"10.0.0.1": view("redis-3", "5", "master", "2")})
	output := b.run("redis-start.sh", "redis-2")
	require.Contains(t, output, "replicaof "+host("redis-3")+" 6379")
	require.Regexp(t, `\nuser paws360 on .* #`+sha("now")+" #"+sha("soon")+"\n", output)
	require.Regexp(t, `\nuser replication on .* #`+sha(`redis_replication_password"\'`)+" #"+sha("before")+"\n", output)
}

// With a certificate nothing is said or heard in plain text.
func TestMembersSpeakTLSAlone(t *testing.T) {
	for script, port := range map[string]string{"redis-start.sh": "6379", "sentinel-start.sh": "26379"} {
		b := newBed(t)
		b.tlsDir = t.TempDir()
		b.sentinels(map[string]string{"10.0.0.1": view("redis-3", "5", "master", "2")})
		output := b.run(script, strings.TrimSuffix(script, "-start.sh")+"-2")
		require.Contains(t, output, host("redis-3")+" 6379", "the others are asked over TLS")
		for _, line := range []string{
			"port 0\n", "\ntls-port " + port + "\n", "\ntls-replication yes\n", "\ntls-auth-clients no\n",
			"\ntls-cert-file " + b.tlsDir + "/tls.crt\n", "\ntls-key-file " + b.tlsDir + "/tls.key\n",
			"\ntls-ca-cert-file " + b.tlsDir + "/ca.crt\n",
		} {
			require.Contains(t, output, line)
		}
		require.NotContains(t, output, "\nport "+port)
	}
}

func requirePrivate(t *testing.T, file string) {
	t.Helper()
	stat, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), stat.Mode().Perm())
}
