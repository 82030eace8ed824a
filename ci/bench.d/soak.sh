# The soak of the proxy: plain, forked, hunted, refused, silent and cancelled calls at once, all ends our sipp. Every
# minute the memory of each program and what the proxy counted beside what the sipps counted.

# Callers: what they call, their share of the rate in %, their scenario; called sides: name and scenario.
soak_callers='plain     25 benches/peers/relay-uac.xml
forked    20 benches/peers/relay-uac.xml
hunted    15 benches/peers/relay-uac.xml
silent    10 benches/peers/relay-uac.xml
refused   10 benches/peers/mix-refused.xml
cancelled 20 tests/cases/proxy/flows/cancel_late-caller.xml'
soak_called='answers benches/peers/relay-uas.xml
rings tests/cases/proxy/parts/ringing.xml
busy  tests/cases/proxy/hunting/busy.xml'

# What the proxy counted of what it received, and the message that the sipps counted of what they sent.
soak_books='rcv_requests_invite INVITE
rcv_requests_ack ACK
rcv_requests_bye BYE
rcv_requests_cancel CANCEL
rcv_replies_18x 180
rcv_replies_2xx 200
rcv_replies_4xx 48[67]
rcv_replies_486 486'

soak_caller_names=$(awk '{ print $1 }' <<<"$soak_callers") soak_called_names=$(awk '{ print $1 }' <<<"$soak_called")
soak_names="proxy $soak_caller_names $soak_called_names"
declare -A soak_pid soak_early soak_late

soak_start() {
    local name share scenario port edits=''
    while read -r name scenario; do
        free_port; port=$picked
        counting_sipp "$name" "$scenario" "$port"
        soak_pid[$name]=$pid
        wait_bound "$port" "$pid" || { echo "bench: $name does not start:" >&2; head -n 20 "$name.err" >&2; exit 1; }
        edits="$edits;s/@${name^^}@/$port/"
    done <<<"$soak_called"
    free_port; proxy_port=$picked
    sed "s/@PROXY@/$proxy_port/$edits" "$top/benches/peers/mix.cfg" >mix.cfg
    start proxy "$bin/sip-proxy" -f mix.cfg -DD -E
    soak_pid[proxy]=$pid
    wait_bound "$proxy_port" "$pid" || { echo "bench: sip-proxy does not start:" >&2; head -n 20 proxy.err >&2; exit 1; }
    write_ask
    while read -r name share scenario; do
        free_port
        counting_sipp "$name" "$scenario" "$picked" "127.0.0.1:$proxy_port" -s "$name" -r $((soak_rate * share / 100)) \
            -m $((soak_rate * share * soak * 60 / 100)) -l 100000
        soak_pid[$name]=$pid
    done <<<"$soak_callers"
}

# agrees WHAT ONE OTHER SLACK
agrees() {
    local apart=$(($2 - $3))
    [ "${apart#-}" -le "$4" ] || complain "$1: $2 and $3"
}

# soak_reconcile SLACK: the books of the proxy beside those of the sipps; so many apart is no difference.
soak_reconcile() {
    local dropped statistic message name callers=$soak_caller_names called=$soak_called_names
    read_proxy_books
    dropped=$(kernel_drops "$proxy_port")
    while read -r statistic message; do
        # What the kernel dropped at the proxy's door was sent and did not come. It may count 64 coalesced datagrams as one.
        agrees "$statistic of the proxy and $message sent" "${proxy_books[$statistic]:-0}" "$(sipp_sent "$message")" $(($1 + 64 * dropped))
    done <<<"$soak_books"
    # shellcheck disable=SC2086 # split into names
    {
        for name in $callers $called; do rows_add_up "$name/stat.csv"; done
        agrees "dialogs of the proxy and calls" "${proxy_books[processed_dialogs]:-0}" "$(calls_of TotalCallCreated $callers)" "$1"
        agrees "calls of answers" "$(calls_of TotalCallCreated answers)" "$(calls_of TotalCallCreated plain forked hunted silent)" "$1"
        agrees "calls of rings" "$(calls_of TotalCallCreated rings)" "$(calls_of TotalCallCreated forked silent cancelled)" "$1"
        agrees "calls of busy" "$(calls_of TotalCallCreated busy)" "$(calls_of TotalCallCreated hunted refused)" "$1"
        created=$(calls_of TotalCallCreated $callers) lost=$(calls_of "FailedCall(C)" $callers $called) again=$(calls_of "Retransmissions(C)" $callers $called)
    }
}

# soak_minute ELAPSED
soak_minute() {
    local name now
    printf '%5d s  %d calls, %d failed, %d retransmissions, %d dropped by the kernel; proxy: %d transactions, %d dialogs; KiB:' \
        "$1" "$created" "$lost" "$again" "$(kernel_drops "$proxy_port")" \
        "${proxy_books[inuse_transactions]:-0}" $((${proxy_books[early_dialogs]:-0} + ${proxy_books[active_dialogs]:-0}))
    for name in $soak_names; do
        kill -0 "${soak_pid[$name]}" 2>/dev/null && printf ' %s %d' "$name" "$(rss "${soak_pid[$name]}")"
    done
    printf '\n'
}

# soak_memory ELAPSED SETTLE: peaks of an early and of the last minutes; what is remembered of ended calls goes up and down.
soak_memory() {
    local name now
    for name in $soak_names; do
        now=$(rss "${soak_pid[$name]}")
        if [ "$1" -gt "$2" ] && [ "$1" -le $(($2 + 70)) ] && [ "$now" -gt "${soak_early[$name]:-0}" ]; then soak_early[$name]=$now; fi
        if [ "$1" -gt $((soak * 60 - 70)) ] && [ "$1" -lt $((soak * 60)) ] && [ "$now" -gt "${soak_late[$name]:-0}" ]; then soak_late[$name]=$now; fi
    done
}

# True while a caller is there.
soak_runs() {
    local name
    for name in $soak_caller_names; do kill -0 "${soak_pid[$name]}" 2>/dev/null && return 0; done
    return 1
}

run_soak() {
    local settle start_time elapsed minute=60 name
    settle=$((soak >= 10 ? 120 : 80)) start_time=$SECONDS
    soak_start
    while soak_runs && [ $((SECONDS - start_time)) -lt $((soak * 60 + 120)) ]; do
        sleep 5
        elapsed=$((SECONDS - start_time))
        soak_memory "$elapsed" "$settle"
        if [ "$elapsed" -ge "$minute" ] && [ "$elapsed" -lt $((soak * 60)) ]; then
            # A second's row may be two seconds old, the proxy's other worker one.
            soak_reconcile $((soak_rate * 10))
            soak_minute "$elapsed"
            minute=$((minute + 60))
        fi
    done
    # The last transactions and dialogs end.
    sleep 15
    soak_reconcile 0
    soak_minute $((SECONDS - start_time))
    for name in inuse_transactions early_dialogs active_dialogs; do
        [ "${proxy_books[$name]:--1}" -eq 0 ] || complain "$name: ${proxy_books[$name]} are left"
    done
    [ "$lost" -eq 0 ] || complain "$lost calls failed"
    for name in $soak_names; do is_flat "$name" "${soak_early[$name]:-0}" "${soak_late[$name]:-0}" "$settle"; done
    rows+=("| calls of the soak: created, failed, retransmissions | | $created, $lost, $again | | reconciled |")
    printf '%s\n' "${rows[@]}"
}
