# Refuses connections to a Service that kube-proxy does not know yet, and to pods
# that are gone, in this and every later life of the node. They would leave for
# the host's network, where they hang, or a transparent proxy answers and clients
# keep the connection.
set -eu
cat >/usr/local/bin/pawskind-guard <<'SCRIPT'
#!/bin/sh
refuse() { # rule...: in front of what passes through the node and what leaves it
  for chain in FORWARD OUTPUT; do
    iptables -w -C $chain "$@" 2>/dev/null || iptables -w -I $chain "$@"
  done
}
refuse -d 10.96.0.0/16 -p tcp -j REJECT --reject-with tcp-reset
# kube-proxy refuses by ICMP for a Service without endpoints. By default the kernel
# sends a client one of these a second; the rest of its attempts would hang.
sysctl -qw net.ipv4.icmp_ratelimit=0
# The routes to living pods are narrower. An unreachable route would be refused
# by ICMP of a limit of its own, which a container cannot lift.
ip route replace 10.244.0.0/16 dev lo metric 4096
refuse -d 10.244.0.0/16 -o lo -j REJECT
refuse -d 10.244.0.0/16 -o lo -p tcp -j REJECT --reject-with tcp-reset
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
