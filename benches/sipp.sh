#!/bin/sh
# What a call costs the server in SIP: SIPp calls, is answered, says ACK and BYE at once.
#
#   benches/sipp.sh PROGRAM RATE CALLS [option of SIPp ...]
#   benches/sipp.sh target/release/askonce 7000 200000            UDP
#   benches/sipp.sh target/release/askonce 200 2000 -lost 5       5 % of the datagrams lost, both ways
#   benches/sipp.sh target/release/askonce 5000 100000 -t t1      TCP, one connection
#   SETTLE=40 benches/sipp.sh target/release/askonce 3000 100000  memory once the transactions are gone
#
# The server has core 0 and SIPp core 1. It answers with flow FLOW (flows/account-desk.yaml), so that a call binds its
# media sockets, opens a stream, begins a prompt and leaves a call record. CPU is what the kernel's scheduler counted
# for each thread of the server, from before the first call until SIPp ended. Needs sipp and two quiet cores.
set -eu
program=$(realpath "$1") rate=$2 calls=$3
shift 3
flow=$(realpath "${FLOW:-flows/account-desk.yaml}")
port=${PORT:-15060}
transport=udp
case " $* " in *" -t t"*) transport=tcp ;; *" -t l"*) transport=tls ;; esac
place=$(mktemp -d /tmp/askonce-sipp.XXXXXX)
cd "$place"
trap 'kill $server 2>/dev/null; wait; rm -rf "$place"' EXIT

taskset -c 0 "$program" serve --workers 1 --flow "$flow" --sip "$transport:127.0.0.1:$port" \
    --rtp 127.0.0.1:20000-59999 --http 127.0.0.1:$((port + 1)) --destination support=sip:agent@127.0.0.1:9 \
    --store calls.db >server.out 2>server.err &
server=$!
until grep -q ready server.out; do kill -0 $server || { cat server.err; exit 1; }; sleep 0.1; done

# Of each thread: name and nanoseconds of CPU.
threads() { for t in /proc/$server/task/*; do echo "$(cat "$t/comm") $(cut -d' ' -f1 "$t/schedstat")"; done; }
# Resident kilobytes, and of these what no file backs.
memory() { awk '/^VmRSS|^RssAnon/ {printf "%s %d kB  ", $1, $2} END {print ""}' /proc/$server/status; }

threads >before
echo "memory before: $(memory)"
taskset -c 1 sipp 127.0.0.1:$port -sn uac -r "$rate" -m "$calls" -d 0 -l 20000 -nostdin -trace_stat -stf stat.csv \
    -trace_err -error_file sipp.err -timeout ${TIMEOUT:-300} "$@" >sipp.out 2>&1 || echo "sipp ended with $?"
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
kill -TERM $server
wait $server || true
sort server.err | uniq -c | sort -rn | head -3 | cut -c1-300
