# The soak of sipp against itself.

# is_flat NAME BEFORE AFTER SETTLED: a process must not have grown by more than 2 % (at least 1 MiB).
is_flat() {
    local grown=$(($3 - $2)) allowed=$(($2 / 50))
    [ "$allowed" -ge 1024 ] || allowed=1024
    [ "$grown" -le "$allowed" ] || complain "$1 grew by $grown KiB after $4 s"
    rows+=("| memory of $1 over the soak, from second $4 | | $2 -> $3 KiB | | flat |")
}

# The books of every second in run.json: created = successful + failed + open, scheduled = started + missed.
audit() {
    awk '
        /"seconds": [{]/ { inside = 1 }
        inside && /^  ["}]/ && !/"seconds"/ { exit }
        !inside { next }
        { gsub(/[",]/, ""); sum[$1] += $2; now[$1] = $2 }
        $1 == "started:" {
            seconds++
            if (sum["scheduled:"] != sum["started:"] + sum["missed:"])
                printf "second %d: %d scheduled, %d started, %d missed\n", seconds, sum["scheduled:"], sum["started:"], sum["missed:"]
        }
        $1 == "successful:" && sum["created:"] != sum["successful:"] + sum["failed:"] + now["open:"] {
            printf "second %d: %d created, %d successful, %d failed, %d open\n", seconds, sum["created:"], sum["successful:"],
                sum["failed:"], now["open:"]
        }
        END { print seconds + 0 }' run.json
}

# rows_add_up FILE: every row of the statistics of a sipp: created = successful + failed + open. The last may be half written.
rows_add_up() {
    local found
    found=$(head -n -1 "$1" | awk -F';' '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["TotalCallCreated"] != $at["SuccessfulCall(C)"] + $at["FailedCall(C)"] + $at["CurrentCall"] { print; exit }')
    [ -z "$found" ] || complain "$1 does not add up: $found"
}

# Two of our own; of the called side's calls some are refused, some never answered, some answered by nonsense.
run_soak_sipp() {
    local settle start_time elapsed found now
    declare -A early=([uac]=0 [uas]=0) late=([uac]=0 [uas]=0)
    serve "$bin/sipp" "$top/benches/peers/soak-uas.xml"
    free_port
    start uac "$bin/sipp" -sf "$top/benches/peers/soak-uac.xml" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" \
        -r 2000 -l 20000 -m $((soak_sipp * 120000)) -max_invite_retrans 3 -trace_stat -stf stat.csv -fd 1 -json run.json -nostdin
    uac=$pid
    # Ended calls are remembered for half a minute.
    settle=$((soak_sipp >= 10 ? 120 : 80)) start_time=$SECONDS
    while kill -0 "$uac" 2>/dev/null && [ $((SECONDS - start_time)) -lt $((soak_sipp * 60 + 60)) ]; do
        sleep 5
        elapsed=$((SECONDS - start_time))
        for name in uac uas; do
            kill -0 "${!name}" 2>/dev/null || continue
            now=$(rss "${!name}")
            printf '%4d s  %s %d KiB\n' "$elapsed" "$name" "$now"
            # Ended calls are forgotten half a minute's worth at a time, so memory goes up and down: peaks are compared.
            if [ "$elapsed" -gt "$settle" ] && [ "$elapsed" -le $((settle + 70)) ] && [ "$now" -gt "${early[$name]}" ]; then
                early[$name]=$now
            fi
            if [ "$elapsed" -gt $((soak_sipp * 60 - 70)) ] && [ "$elapsed" -lt $((soak_sipp * 60)) ] && [ "$now" -gt "${late[$name]}" ]; then
                late[$name]=$now
            fi
        done
    done
    for name in uac uas; do is_flat "$name" "${early[$name]}" "${late[$name]}" "$settle"; done
    found=$(audit)
    printf '%s\n' "$found" | sed '$!s/^/  /; $s/.*/  books of & seconds added up/'
    [ "$(printf '%s\n' "$found" | wc -l)" = 1 ] || complain "the books of the caller do not add up"
    # The same from outside.
    rows_add_up stat.csv
    header=$(head -n 1 stat.csv) last_row=$(tail -n 1 stat.csv)
    rows+=("| calls of the soak: created, successful, failed | | $(last=$last_row column TotalCallCreated), $(last=$last_row column "SuccessfulCall(C)"), $(last=$last_row column "FailedCall(C)") | | consistent |")
    printf '%s\n' "${rows[-1]}"
}
