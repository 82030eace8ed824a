# Rows of sipp: what a call costs, how many go, how much they hold.

row_uac() { pair "sipp uac at 5,000 calls/s, CPU per call" us "< 0.33" measure_uac; }
row_uas() { pair "sipp uas at 5,000 calls/s, CPU per call" us "< 0.33" measure_uas; }
row_rate() { pair "highest loss-free rate, uac and uas" calls/s "> 3" measure_rate; }
row_memory() { pair "memory per open call of uac, 100,000 open" B "< 0.34" measure_memory; }

# Both roles of one pair: the measured program in its role, ours on the other side.
measure_uac() {
    serve "$bin/sipp" "$top/scenarios/uas.xml"
    call "$1" "$top/scenarios/uac.xml" "$uas_port" 5000 "$seconds"
    end "$uas"
    [ "$good" -eq "$calls" ] || complain "uac $1: $good of $calls calls"
    cost=$(calc "$uac_cpu * 1e6 / $calls" %.1f)
}

measure_uas() {
    local before
    serve "$1" "$top/scenarios/uas.xml"
    before=$(cpu_ticks "$uas")
    call "$bin/sipp" "$top/scenarios/uac.xml" "$uas_port" 5000 "$seconds"
    cost=$(calc "($(cpu_ticks "$uas") - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    end "$uas"
    [ "$good" -eq "$calls" ] || complain "uas $1: $good of $calls calls"
}

# True when a pair carries a rate for four seconds without a lost message, in time.
carries() {
    serve "$1" "$top/scenarios/uas.xml"
    cut_off=6 call "$1" "$top/scenarios/uac.xml" "$uas_port" "$2" 4
    end "$uas"
    [ "$good" -eq "$calls" ] && [ "$resent" -eq 0 ] && [ "$(calc "$took < 4.4" %d)" = 1 ]
}

# Doubles until it fails, then halves the distance four times: about 10 runs.
measure_rate() {
    local low=2500 high step
    high=$((low * 2))
    while [ "$high" -le 160000 ] && carries "$1" "$high"; do
        low=$high
        high=$((high * 2))
    done
    for step in 1 2 3 4; do
        local middle=$(((low + high) / 2))
        if carries "$1" "$middle"; then low=$middle; else high=$middle; fi
    done
    cost=$low
}

# Resident memory with $2 calls open.
memory_with() {
    serve "$1" "$top/scenarios/uas.xml"
    free_port
    start uac "$1" -sf "$top/scenarios/uac.xml" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" -r 5000 -m "$2" \
        -l "$2" -d 120000 -nostdin
    sleep $(($2 / 5000 + 3))
    resident=$(rss "$pid")
    end "$pid"
    end "$uas"
}

measure_memory() {
    local few
    memory_with "$1" 1000
    few=$resident
    memory_with "$1" 101000
    cost=$(calc "($resident - $few) * 1024 / 100000" %.0f)
}

# Share of the calls that start within a millisecond of their due time, as the closing statistics tell it.
row_late() {
    local share
    serve "$bin/sipp" "$top/scenarios/uas.xml"
    call "$bin/sipp" "$top/scenarios/uac.xml" "$uas_port" 10000 "$seconds"
    end "$uas"
    grep -E '^(Generator|Schedule|CPU|  )' uac.out | tail -n 4 | sed 's/^/  /'
    share=$(awk '/^Schedule:/ { printf "%.2f", 100 * ($5 - $10) / ($5 ? $5 : 1) }' uac.out)
    [ "$good" -eq "$calls" ] || complain "late: $good of $calls calls"
    own_row "calls started within 1 ms at 10,000 calls/s" "$share" % ">= 99.9"
}

# What an ended call costs while it is remembered: 33 seconds, longer than this takes.
row_ended() {
    local few
    serve "$bin/sipp" "$top/scenarios/uas.xml"
    free_port
    start uac "$bin/sipp" -sf "$top/scenarios/uac.xml" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" -r 5000 -l 50000 -d 0 -nostdin
    sleep 3
    few=$(rss "$pid")
    sleep 20
    resident=$(rss "$pid")
    end "$pid"
    end "$uas"
    own_row "memory per ended call, 100,000 of them" "$(calc "($resident - $few) * 1024 / 100000" %.0f)" B "<= 64"
}

# own_run OPTIONS...: our uac at 5,000 calls/s, on a terminal when $terminal is not empty. Sets cost (CPU per call of all
# its threads, us) and desk (share of a core that its desk takes: files and screen, %).
own_run() {
    local command
    serve "$bin/sipp" "$top/scenarios/uas.xml"
    free_port
    rm -f run.json
    command=("$bin/sipp" -sf "$top/scenarios/uac.xml" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" -r 5000
        -m $((5000 * seconds)) -l 50000 -d 0 -json run.json "$@")
    if [ -n "${terminal:-}" ]; then
        # A terminal of 120x40 that nobody reads but `script`, whose own time does not count.
        timeout -k 1 $((seconds * 3 + 30)) script -qefc "stty cols 120 rows 40; ${command[*]}" screen.txt >uac.out 2>uac.err </dev/null
    else
        timeout -k 1 $((seconds * 3 + 30)) "${command[@]}" -nostdin >uac.out 2>uac.err </dev/null
    fi
    end "$uas"
    cost=$(awk '/"cpu_ms": [0-9]/ { sum += $2 } END { printf "%.3f", sum * 1000 / '$((5000 * seconds))' }' run.json)
    desk=$(awk '/"cpu_ms": [0-9]/ { cpu = $2 } /"name": "sipp",/ { desk = cpu } /"duration_ms"/ { took = $2 }
        END { printf "%.2f", desk * 100 / took }' run.json)
    grep -Eq "\"successful\": $((5000 * seconds)),?\$" run.json || complain "own run $*: not all calls were good"
}

# dearer NAME AIM OPTIONS... -- OPTIONS...: how much more a call costs with the second options, in %; six runs, in turn.
dearer() {
    local name=$1 aim=$2 first=() second=() plain=0 more=0 round on
    shift 2
    while [ "$1" != -- ]; do first+=("$1"); shift; done
    shift
    second=("$@")
    on=${watched:-}
    for round in 1 2 3; do
        terminal='' own_run "${first[@]}"
        plain=$(calc "$plain + $cost" %.3f)
        terminal=$on own_run "${second[@]}"
        more=$(calc "$more + $cost" %.3f)
    done
    own_row "$name" "$(calc "($more / $plain - 1) * 100" %.1f)" % "$aim"
}

row_recorder() {
    dearer "flight recorder, more CPU per call" "<= 3" -failures_kept 0 -- -failures_kept 20
}

row_watching() {
    watched=yes dearer "-trace_stat, -trace_rtt and the screen, more CPU per call" "<= 5" -- -trace_stat -fd 1 -trace_rtt
    dearer "-trace_msg, more CPU per call" "<= 60" -- -trace_msg
    terminal=yes own_run
    own_row "the screen at 5,000 calls/s, share of a core" "$desk" % "<= 2"
}

# A million calls open at once.
row_million() {
    serve "$bin/sipp" "$top/scenarios/uas.xml"
    free_port
    start uac "$bin/sipp" -sf "$top/scenarios/uac.xml" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" -r 10000 -m 1000000 \
        -l 1000000 -d 300000 -nostdin
    sleep 105
    own_row "memory of uac with 1,000,000 calls open" "$(calc "$(rss "$pid") / 1048576" %.2f)" GiB "<= 1.2"
    end "$pid"
    end "$uas"
}
