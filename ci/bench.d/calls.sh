# One load of calls: a called side, and a caller that comes to its end.

# serve PROGRAM SCENARIO OPTIONS...: a called side; sets uas and uas_port.
serve() {
    free_port; uas_port=$picked
    start uas "$1" -sf "$2" -i 127.0.0.1 -p "$uas_port" -nostdin "${@:3}"
    uas=$pid
    wait_bound "$uas_port" "$uas" || { echo "bench: $1 does not start:" >&2; head -n 20 uas.err >&2; exit 1; }
}

# call PROGRAM SCENARIO PORT RATE SECONDS: calls to a port; sets uac_cpu (seconds), calls, good, failed, resent, took.
call() {
    local header last
    free_port
    calls=$(($4 * $5))
    rm -f stat.csv
    # The limit of open calls is out of the way; a run that does not come to its end is cut off.
    TIMEFORMAT='%R %U %S'
    { time timeout -k 1 "${cut_off:-$(($5 * 3 + 30))}" "$1" -sf "$2" "127.0.0.1:$3" -i 127.0.0.1 -p "$picked" -r "$4" -m "$calls" \
        -l $(($4 * 10)) -d 0 -nostdin -trace_stat -stf stat.csv -fd 1 >uac.out 2>uac.err </dev/null; } 2>time.txt
    read -r took uac_cpu < <(awk '{ print $1, $2 + $3 }' time.txt)
    header=$(head -n 1 stat.csv) last=$(tail -n 1 stat.csv)
    good=$(column "SuccessfulCall(C)") failed=$(column "FailedCall(C)") resent=$(column "Retransmissions(C)")
}

# A named column of the last line of a statistics file.
column() {
    awk -v name="$1" -v head="$header" -v line="$last" 'BEGIN {
        n = split(head, names, ";"); split(line, values, ";")
        for (i = 1; i <= n; i++) if (names[i] == name) { print values[i] + 0; exit }
        print 0 }'
}
