# Sourced by the scripts of Redis and Sentinel: who the Sentinels say leads.
# shellcheck shell=sh
MASTER_SET=mymaster
me="$POD_NAME.${POD_NAME%-*}.$POD_NAMESPACE.svc"

addresses() { getent ahostsv4 "$1.$POD_NAMESPACE.svc" | awk '{print $1}' | sort -u; }

ask() { # PASSWORD HOST PORT COMMAND...
  password=$1 host=$2 port=$3
  shift 3
  REDISCLI_AUTH=$password timeout 1 redis-cli --no-auth-warning -h "$host" -p "$port" "$@" 2>/dev/null
}

sentinel_says() { # the first answer of a Sentinel that is not me
  for ip in $(addresses sentinel); do
    [ "$ip" = "$POD_IP" ] && continue
    answer=$(ask "$SENTINEL_PASSWORD" "$ip" 26379 "$@") || continue
    case "$answer" in '' | ERR* | NOAUTH* | IDONTKNOW*) continue ;; esac
    echo "$answer"
    return 0
  done
  return 1
}

sentinel_master() { # the host that most Sentinels name as the master
  for ip in $(addresses sentinel); do
    [ "$ip" = "$POD_IP" ] && continue
    ask "$SENTINEL_PASSWORD" "$ip" 26379 sentinel get-master-addr-by-name "$MASTER_SET" | head -n 1
  done | grep -E '\.svc$' | sort | uniq -c | sort -rn | awk 'NR == 1 {print $2}' | grep .
}
