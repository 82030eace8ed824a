# Processes, ports and figures of the kernel.

# start LOG COMMAND...: in the background; $pid names it.
start() {
    local log=$1
    shift
    "$@" >"$log.out" 2>"$log.err" </dev/null &
    pid=$!
    started+=("$pid")
}

# kernel_drops PORT: datagrams that found the receive buffers of its sockets full.
kernel_drops() { awk -v at=":$(printf %04X "$1")$" '$2 ~ at { sum += $NF } END { print sum + 0 }' /proc/net/udp; }

# end PID: a moment to go by itself, then by force. Only ever a child of this script.
# How it ended is not said: the original may abort when it is stopped under load.
end() {
    kill -TERM "$1" || return 0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$1" || break
        sleep 0.1
    done
    kill -KILL "$1"
    wait "$1"
} 2>/dev/null

# wait_for PID SECONDS: until it has ended, at most so long.
wait_for() {
    local until=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null && [ $SECONDS -lt $until ]; do sleep 0.2; done
}

# All processes of a tree: Kamailio works in children.
tree() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do tree "$child"; done
}

# CPU time a tree has used, in clock ticks.
cpu_ticks() {
    local sum=0 process rest
    for process in $(tree "$1"); do
        rest=$(cat "/proc/$process/stat" 2>/dev/null) || continue
        # Behind the parenthesised name: fields 12 and 13 are user and system time.
        # shellcheck disable=SC2086 # split into fields
        set -- ${rest##*) }
        sum=$((sum + ${12} + ${13}))
    done
    echo "$sum"
}

# Resident memory of a process in KiB.
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null || echo 0; }

free_port() {
    while :; do
        picked=$((20000 + RANDOM % 20000))
        grep -qi ":$(printf %04X "$picked") " /proc/net/udp /proc/net/tcp && continue
        case " ${taken[*]:-} " in *" $picked "*) continue ;; esac
        taken+=("$picked")
        return
    done
}

# wait_bound PORT PID: until the port is bound; false when the process ended first.
wait_bound() {
    until grep -qi ":$(printf %04X "$1") " /proc/net/udp; do
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.05
    done
}

# A process that may take its time to end; its CPU time as last seen.
end_slowly() {
    local step
    kill -TERM "$1"
    for step in $(seq 300); do
        kill -0 "$1" 2>/dev/null || break
        ended_ticks=$(cpu_ticks "$1")
        sleep 0.1
    done
    end "$1"
}
