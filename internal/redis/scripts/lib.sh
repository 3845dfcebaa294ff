# shellcheck shell=bash
# Sourced by the scripts of Redis and Sentinel: how members ask each other.
# settings.sh has QUORUM, DOWN_AFTER and SENTINELS.
ulimit -c 0 # memory has passwords: a crash leaves none of it on the volume
scripts=${0%/*} data=${DATA_DIR:-/data} secrets=${SECRETS_DIR:-/run/secrets/paws360}
# shellcheck source=/dev/null
. "$scripts/settings.sh"
# shellcheck source=/dev/null
. "$scripts/resolver.sh"
MASTER_SET=mymaster
patience=${PATIENCE:-1} # for an answer, in seconds
# Who hands over holds it locked: it is free again however that ends.
# shellcheck disable=SC2034
HANDING_OVER=${TMPDIR:-/tmp}/handing-over
me="$POD_NAME.${POD_NAME%-*}.$POD_NAMESPACE.svc"

say() { echo "${0##*/}: $*"; }

# A pod of the same name may still be ending on the same volume.
lock() {
  exec 9>"$data/.lock"
  flock -w 60 9 || { say "another process of $POD_NAME still holds the volume"; exit 1; }
}

# Where all members start at once, as after a restart of the node, names lead for a
# while to addresses that others have by now. Once mine is right, so are theirs, but
# for those that come later. It is not waited for longer than a DNS may take.
await_name() {
  local start=$SECONDS
  until getent ahosts "$me" | grep -q "^${POD_IP:-} "; do
    [ $((SECONDS - start)) -lt 30 ] || { say "$me does not lead to $POD_IP: starting nevertheless"; return 0; }
    sleep 0.2
  done
}

# The addresses of a component's other pods.
peers() { # COMPONENT
  local ip kind
  while read -r ip kind _; do
    [ "$kind" = STREAM ] && [ "$ip" != "${POD_IP:-}" ] && echo "$ip"
  done < <(getent ahosts "$1.$POD_NAMESPACE.svc")
}

password() { printf %s "$(<"$secrets/$1")"; } # KEY

# Sets client to the command that speaks to a server.
dial() { # HOST PORT
  client=(redis-cli -e --no-auth-warning --user "$ASK_USER" -h "$1" -p "$2")
  case ${TLS_DIR:-}@$1 in
  @*) ;;
  # Nobody else answers here, and a server may yet have to be told of its new CA.
  *@127.0.0.1) client+=(--tls --insecure) ;;
  *) client+=(--tls --cacert "$TLS_DIR/ca.crt") ;;
  esac
}

# Passwords go through the environment of the one who asks: arguments can be read
# by every process. While the password is being rotated, this file may be older
# than what the other side knows; the next one is right then.
ask() { # HOST PORT COMMAND...
  local host=$1 port=$2 file answer client status=1
  shift 2
  if [ -n "${asking[$host:$port]:-}" ]; then
    status=0
    go_on "$host:$port" "$*" || status=$?
    [ "$status" = "$LOGGED_OUT" ] || return "$status"
  fi
  dial "$host" "$port"
  for file in "$secrets/$ASK_KEY" "$secrets/$ASK_KEY.next"; do
    [ -s "$file" ] || continue
    status=0
    answer=$(REDISCLI_AUTH=$(<"$file") timeout "$patience" "${client[@]}" "$@" 2>&1) || status=$?
    case $answer in *WRONGPASS* | *NOAUTH*) status=1 ;; *) break ;; esac
  done
  [ "$status" = 0 ] || return "$status"
  printf '%s\n' "$answer"
}

# converse has one client put all further questions to a server. A member has a
# quarter of a processor, a Sentinel a tenth, and starting a client takes more of
# it than many answers: whoever asks in a hurry, or often, converses.
declare -A asking=() hearing=()
converse() { # HOST PORT
  local in out client
  [ -z "${asking[$1:$2]:-}" ] || return 0
  dial "$@"
  exec {in}<> <(:) # a pipe; its end is the end of this script
  exec {out}< <(
    exec 0<"/dev/fd/$in" {in}>&- 8>&- 9>&- 2>/dev/null # 8 and 9 are locks
    REDISCLI_AUTH=$(<"$secrets/$ASK_KEY") exec "${client[@]}"
  )
  asking[$1:$2]=$in hearing[$1:$2]=$out
}

# go_on asks in a conversation, in words without quotes or spaces of their own. An
# earlier answer, for which nobody waited any more, may come first. What is asked
# right after the server closed the connection, as a replica does when it is
# promoted, is lost: the first ping, mostly. The last one is there twice for that.
LOGGED_OUT=3
go_on() { # HOST:PORT COMMAND
  local line='' answer='' mark=mark-$SRANDOM
  printf '%s\n' "ping $mark" "$2" "ping $mark-end" "ping $mark-end" >&"${asking[$1]}"
  until [ "$line" = "$mark" ]; do
    IFS= read -r -t "$patience" line <&"${hearing[$1]}" || return 1
    case $line in
    NOAUTH*) return "$LOGGED_OUT" ;;
    "$mark-end")
      go_on "$@"
      return
      ;;
    esac
  done
  while IFS= read -r -t "$patience" line <&"${hearing[$1]}"; do
    if [ "$line" = "$mark-end" ]; then
      [[ ! $answer =~ ^[A-Z]+\  ]] || return 1 # an error, as ERR or NOGOODSLAVE
      printf %s "$answer"
      return
    fi
    answer+=$line$'\n'
  done
  return 1
}
ASK_USER=operator ASK_KEY=REDIS_OPERATOR_PASSWORD
ask_sentinel() { ask "$1" 26379 "${@:2}"; }
ask_redis() { ask "$1" 6379 "${@:2}"; }

# The first line of an answer, all of which is read: who writes to a pipe that is
# closed complains.
role_of() { first_line ask_redis "$1" role; } # HOST
master_of() { first_line ask_sentinel "$1" sentinel get-master-addr-by-name "$MASTER_SET"; } # HOST
first_line() { # COMMAND...
  local answer
  answer=$("$@") && [ -n "$answer" ] || return 1
  echo "${answer%%$'\n'*}"
}

# The users of a server's or a Sentinel's configuration file, with the hashes of
# every password that opens to them now.
users() { # COMPONENT
  local name key rules file
  echo 'user default off'
  while read -r name key rules; do
    printf 'user %s on %s' "$name" "$rules"
    for file in "$secrets/$key" "$secrets/$key.next" "$secrets/$key.previous"; do
      [ -s "$file" ] || continue
      printf ' #%s' "$(printf %s "$(<"$file")" | sha256sum | cut -d' ' -f1)"
    done
    echo
  done <"$scripts/$1-users"
}

# look asks every other Sentinel for the master and sets
#   asked, answered  how many there are, and how many told their view
#   master           the master's host in the newest configuration; empty if none answered
#   replicas         how many replicas the best informed one knows
#   calm             how many take me for a master that is well: they named me, heard
#                    from me lately, and have no failover under way
# shellcheck disable=SC2034 # its results are read by the scripts
look() {
  local ip key value epoch=-1
  asked=0 answered=0 calm=0 replicas=0 master=''
  for ip in $(peers sentinel); do
    asked=$((asked + 1))
    local -A view=()
    while read -r key && read -r value; do
      view[$key]=$value
    done < <(ask_sentinel "$ip" sentinel master "$MASTER_SET")
    [ -n "${view[ip]:-}" ] || continue
    answered=$((answered + 1))
    [ "${view[num-slaves]}" -gt "$replicas" ] && replicas=${view[num-slaves]}
    if [ "${view[config-epoch]}" -gt "$epoch" ]; then
      epoch=${view[config-epoch]} master=${view[ip]}
    fi
    case ${view[flags]} in *down* | *failover*) continue ;; esac
    [ "${view[ip]}" = "$me" ] && [ "${view[last-ok-ping-reply]}" -lt $((DOWN_AFTER * 7 / 10)) ] && calm=$((calm + 1))
  done
  return 0
}

# The lines by which a server or a Sentinel listens, and speaks to others: TLS
# alone where the pod has a certificate.
transport() { # PORT
  if [ -z "${TLS_DIR:-}" ]; then
    echo "port $1"
    return
  fi
  printf '%s\n' "port 0" "tls-port $1" "tls-replication yes" "tls-auth-clients no" \
    "tls-cert-file $TLS_DIR/tls.crt" "tls-key-file $TLS_DIR/tls.key" "tls-ca-cert-file $TLS_DIR/ca.crt"
}

# A value for a configuration file: it stays on its line and ends where it ends.
quoted() { # VALUE
  local value=${1//\\/\\\\}
  value=${value//\"/\\\"}
  value=${value//$'\n'/\\n}
  printf '"%s"' "${value//$'\r'/\\r}"
}

# The role label is not written for long: the operator mends what could not be
# written, and an old role must not come late.
label() { # POD ROLE
  sh "$scripts/set-role.sh" redis "$1" "$2" master 20 || true
}
