# Refuses connections to a Service that kube-proxy does not know yet, and to pods
# that are gone, in this and every later life of the node. They would leave for
# the host's network, where they hang, or a transparent proxy answers and clients
# keep the connection.
set -eu
cat >/usr/local/bin/pawskind-guard <<'SCRIPT'
#!/bin/sh
rule="-d 10.96.0.0/16 -p tcp -j REJECT --reject-with tcp-reset"
for chain in FORWARD OUTPUT; do
  iptables -w -C $chain $rule 2>/dev/null || iptables -w -I $chain $rule
done
# By default a client that is told so more than once a second hears nothing, and
# waits for its time-out.
sysctl -qw net.ipv4.icmp_ratelimit=0 || true
# The routes to living pods are narrower.
ip route replace unreachable 10.244.0.0/16 metric 4096
SCRIPT
chmod 0755 /usr/local/bin/pawskind-guard
cat >/etc/systemd/system/pawskind-guard.service <<'UNIT'
[Unit]
Description=Refuse connections to Services and pods that are not there
Before=kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/pawskind-guard
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now pawskind-guard.service
