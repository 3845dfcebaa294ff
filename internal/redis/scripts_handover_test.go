package redis_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Its server was told to end in the middle of the handover.
func TestAServerIsToldToEndOnceItsHandoverIsOver(t *testing.T) {
	b := newBed(t)
	const stays = "#!/bin/bash\ntrap 'echo told to end; exit 0' TERM\necho serving\nwhile :; do read -rt 0.05 <> <(:); done\n"
	require.NoError(t, os.WriteFile(b.bin+"/redis-server", []byte(stays), 0o755))
	b.answer("redis-1.redis.paws.svc", "10.0.0.99 STREAM redis-1.redis.paws.svc")
	handingOver, err := os.Create(filepath.Join(b.data, "handing-over"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(handingOver.Fd()), syscall.LOCK_EX))

	cmd := b.command(t.Context(), "redis-start.sh", "redis-1")
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines, told := bufio.NewScanner(output), make(chan bool, 1)
	for lines.Scan() && lines.Text() != "serving" {
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	go func() { told <- lines.Scan() && lines.Text() == "told to end" }()
	select {
	case <-told:
		t.Fatal("it was told while the handover went on")
	case <-time.After(500 * time.Millisecond):
	}
	require.NoError(t, handingOver.Close())
	require.True(t, <-told)
	require.NoError(t, cmd.Wait())
}

// A Sentinel promotes the replica that it is asked to fail over to, and knows it.
const promotes = `if [ "$*" = "sentinel failover mymaster" ]; then
  echo master >"$ANSWERS/redis-2 role"
  : >"$ANSWERS/redis-2 closes"
  echo redis-2 >"$ANSWERS/$host sentinel get-master-addr-by-name mymaster"
fi
`

func TestAMasterHandsOver(t *testing.T) {
	info := func(role, rest string) string { return "# Replication\r\nrole:" + role + "\r\n" + rest + "\n" }
	level := info("master", "master_repl_offset:70\r\nslave0:ip=redis-2,port=6379,state=online,offset=60,lag=1\r\n"+
		"slave1:ip=redis-3,port=6379,state=online,offset=60,lag=1\r\nslave2:ip=redis-4,port=6379,state=wait_bgsave,offset=0,lag=0\r\n")
	for name, c := range map[string]struct {
		master, replica string
		sentinel, auth  string
		says            string
		asked           []string // in this order, others between them
		never           string
	}{
		"it holds writes back until the replica has all, then steps down": {
			master: level, replica: info("slave", "slave_repl_offset:70\r\n"), sentinel: "flags\nslave\n", says: "handed over to redis-2",
			asked: []string{"127.0.0.1 client pause 30000 WRITE", "redis-2 info replication", "10.0.0.1 sentinel failover mymaster",
				"redis-2 role", "127.0.0.1 replicaof redis-2 6379", "127.0.0.1 client kill type normal",
				"redis-3 replicaof redis-2 6379", "10.0.0.1 sentinel get-master-addr-by-name mymaster"},
		},
		"while the password is being rotated": {
			master: level, replica: info("slave", "slave_repl_offset:70\r\n"), sentinel: "flags\nslave\n", says: "handed over to redis-2",
			auth: "soon", asked: []string{"10.0.0.1 sentinel failover mymaster", "127.0.0.1 replicaof redis-2 6379"},
		},
		"not before a replica that Sentinel might choose has all": {
			master: level, replica: info("slave", "slave_repl_offset:69\r\n"), sentinel: "flags\nslave\n", says: "not every replica has caught up (1 of 2)",
			asked: []string{"redis-2 info replication", "redis-2 info replication", "10.0.0.1 sentinel failover mymaster"},
		},
		"without a Sentinel it ends": {master: level, replica: info("slave", ""), says: "no Sentinel answers", never: "failover"},
		"a replica has nothing to hand over": {master: info("slave", "master_repl_offset:70\r\n"), never: "failover",
			asked: []string{"127.0.0.1 info replication"}},
		"nor has a master without replicas": {master: info("master", "master_repl_offset:70\r\n"), never: "failover"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.secret("REDIS_OPERATOR_PASSWORD.next", "soon")
			b.wantAuth = c.auth
			client := strings.Replace(redisCLI, "  cat ", promotes+"  cat ", 1)
			require.NoError(t, os.WriteFile(b.bin+"/redis-cli", []byte(client), 0o755))
			b.answer("127.0.0.1 info replication", c.master)
			b.answer("redis-2 info replication", c.replica)
			b.answer("redis-3 info replication", info("slave", "slave_repl_offset:70\r\n"))
			if c.sentinel != "" {
				b.answer("sentinel.paws.svc", "10.0.0.1 STREAM sentinel\n")
				b.answer("10.0.0.1 sentinel replicas mymaster", c.sentinel)
			}
			stop, err := os.ReadFile(b.scripts + "/redis-stop.sh")
			require.NoError(t, err)
			here := strings.Replace(string(stop), "exec >/proc/1/fd/1 2>&1", "", 1)
			require.NoError(t, os.WriteFile(b.scripts+"/redis-stop.sh", []byte(here), 0o755))
			output := b.run("redis-stop.sh", "redis-1")
			require.Contains(t, output, c.says)
			asked, err := os.ReadFile(b.answers + "/asked")
			require.NoError(t, err)
			rest := string(asked)
			for _, question := range c.asked {
				_, after, found := strings.Cut(rest, question+"\n")
				require.True(t, found, "%q is asked in turn:\n%s", question, asked)
				rest = after
			}
			if c.never != "" {
				require.NotContains(t, string(asked), c.never)
			}
		})
	}
}

// The Service follows without waiting for Sentinel's next look at the replica.
func TestTheSelectedReplicaIsLabelledOnceItIsTheMaster(t *testing.T) {
	b := newBed(t)
	require.NoError(t, os.WriteFile(b.scripts+"/set-role.sh", []byte("echo labels \"$@\"\n"), 0o755))
	selected := "slave " + host("redis-2") + ":6379 " + host("redis-2") + " 6379 @ mymaster " + host("redis-1") + " 6379"

	other := b.command(t.Context(), "on-event.sh", "sentinel-1", "+elected-leader", selected)
	output, err := other.CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(output))

	question := host("redis-2") + " role"
	b.answer(question, "slave\n")
	cmd := b.command(t.Context(), "on-event.sh", "sentinel-1", "+selected-slave", selected)
	cmd.Env = append(cmd.Env, "PATIENCE=8")
	labels := make(chan string, 1)
	go func() {
		output, _ := cmd.CombinedOutput()
		labels <- string(output)
	}()
	require.Eventually(t, func() bool {
		asked, _ := os.ReadFile(b.answers + "/asked")
		return strings.Count(string(asked), question) > 1
	}, 5*time.Second, 10*time.Millisecond)
	b.answer(host("redis-2")+" closes", "") // and no answer is waited for that is lost by that
	b.answer(question, "master\n")
	require.Equal(t, "on-selected.sh: redis-2 is the master\nlabels redis redis-2 master master 20\n", <-labels)
}
