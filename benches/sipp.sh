#!/bin/sh
# What a call costs the server in SIP: SIPp calls, is answered, says ACK and BYE at once.
#
#   benches/sipp.sh PROGRAM RATE CALLS [option of SIPp ...]
#   benches/sipp.sh target/release/askonce 7000 200000            UDP
#   benches/sipp.sh target/release/askonce 200 2000 -lost 5       5 % of the datagrams lost, both ways
#   benches/sipp.sh target/release/askonce 5000 100000 -t t1      TCP, one connection
#   TLS=1 benches/sipp.sh target/release/askonce 3000 60000       TLS, one connection: SIPp of Debian has none, so socat
#                                                                 (and openssl for the certificate) stand between
#   ROUNDS=2 SETTLE=40 benches/sipp.sh target/release/askonce 5000 100000
#                                                                 memory of one server, round after round
#
# The server has core 0 and SIPp core 1. It answers with flow FLOW (flows/account-desk.yaml), so that a call binds its
# media sockets, opens a stream, begins a prompt and leaves a call record. CPU is what the kernel's scheduler counted
# for each thread of the server, from before the first call until SIPp ended. Needs sipp and two quiet cores; ASKONCE_LOG=warn leaves out
# the two lines of log that a call has.
set -eu
program=$(realpath "$1") rate=$2 calls=$3
shift 3
flow=$(realpath "${FLOW:-flows/account-desk.yaml}")
port=${PORT:-15060}
place=$(mktemp -d /tmp/askonce-sipp.XXXXXX)
cd "$place"
server= tunnel=
trap 'kill $server $tunnel 2>/dev/null || true; wait; rm -rf "$place"' EXIT

target=$port tls= secure=
if [ -n "${TLS:-}" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -keyout key.pem -out cert.pem 2>/dev/null
    target=$((port + 3)) tls=", tls:127.0.0.1:$((port + 2))" secure="tls: { cert: cert.pem, key: key.pem }"
    set -- -t t1 "$@"
fi

cat >place.yaml <<END
askonce: 1
listen:
  sip: [udp:127.0.0.1:$port, tcp:127.0.0.1:$port$tls]
  rtp: { address: 127.0.0.1, ports: 20000-59999 }
  http: 127.0.0.1:$((port + 1))
flows: [$flow]
store: calls.db
$secure
limits: { per_source: 100000/s }
trunks: { sipp: { from: [127.0.0.1] } }
numbers: { "*": $(awk '/^flow:/ {print $2}' "$flow") }
destinations: { support: { to: ["sip:agent@127.0.0.1:9"] } }
END
taskset -c 0 "$program" serve --workers 1 --config place.yaml >server.out 2>server.err &
server=$!
until grep -qs ready server.out; do kill -0 $server || { cat server.err; exit 1; }; sleep 0.1; done
if [ -n "$tls" ]; then
    taskset -c 1 socat "TCP-LISTEN:$target,bind=127.0.0.1,reuseaddr,fork" \
        "OPENSSL:127.0.0.1:$((port + 2)),verify=0" 2>tunnel.err &
    tunnel=$!
fi

# Of each thread: name and nanoseconds of CPU.
threads() { for t in /proc/$server/task/*; do echo "$(cat "$t/comm") $(cut -d' ' -f1 "$t/schedstat")"; done; }
# Resident kilobytes, and of these what no file backs.
memory() { awk '/^VmRSS|^RssAnon/ {printf "%s %d kB  ", $1, $2} END {print ""}' /proc/$server/status; }

echo "memory before: $(memory)"
for round in $(seq "${ROUNDS:-1}"); do
    threads >before
    taskset -c 1 sipp 127.0.0.1:$target -sn uac -r "$rate" -m "$calls" -d 0 -l 20000 -nostdin -trace_stat -stf stat.csv \
        -timeout "${TIMEOUT:-300}" "$@" >sipp.out 2>&1 || echo "sipp ended with $?"
    threads >after
    awk -F';' 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i} {line = $0} END {
        split(line, f, ";")
        printf "calls: %d in %s, %.0f a second; failed %d, sent again by SIPp %d\n", f[at["TotalCallCreated"]],
            f[at["ElapsedTime(C)"]], f[at["CallRate(C)"]], f[at["FailedCall(C)"]], f[at["Retransmissions(C)"]]
    }' stat.csv
    awk -v calls="$calls" 'NR == FNR {was[$1] += $2; next} {is[$1] += $2} END {
        for (name in is) {
            ms = (is[name] - was[name]) / 1e6 / calls * 1000
            total += ms
            if (ms >= 0.05) printf "  %-16s %8.1f ms of CPU for 1,000 calls\n", name, ms
        }
        printf "  %-16s %8.1f ms\n", "together", total
    }' before after
    echo "memory after:  $(memory)"
    if [ -n "${SETTLE:-}" ]; then sleep "$SETTLE"; echo "  ${SETTLE} s on:      $(memory)"; fi
done
kill -TERM $server
wait $server || true
# What the server counted: `resent`, `repeated`, what was turned away and lost.
grep ' ended engine=' server.err || tail -3 server.err
