# shellcheck shell=bash
# Sourced by the members' scripts: has the resolver ask no more than it must. The
# databases look each other up many times a second, most of all while nobody leads.
# Needs POD_NAMESPACE and POD_IP.

# Names here end in .svc, as no name in the DNS does: of the domains in which the
# resolver looks for them in turn, only the cluster's has them.
while read -r key nearest _; do
  [ "$key" != search ] || [[ $nearest != "${POD_NAMESPACE:?}.svc."* ]] || export LOCALDOMAIN=${nearest#*.svc.}
done <"${RESOLV_CONF:-/etc/resolv.conf}"

# Where this member's address is one of IPv4, so is every other's.
case ${POD_IP:-:} in *:*) ;; *) export RES_OPTIONS=no-aaaa ;; esac
