# A destination is killed and comes back under load: 1,000 calls/s, or KILLED_RATE.

# seconds_of WORD: when the proxy said it, in Unix seconds; 0 when it did not.
seconds_of() { sed -n "s/.*$1 \([0-9]*\)$/\1/p" proxy.err | head -n 1 | grep . || echo 0; }

# moment: Unix seconds.
moment() { date +%s; }

row_killed() {
    local rate=${KILLED_RATE:-1000} lost down up again
    local first first_port second second_port killed back scenario=$top/tests/cases/proxy/dead_peer/called.xml
    sed 's/^  <label id="2"\/>/&/; s/\[last_CSeq:\]$/&\n      [last_Record-Route:]/' "$scenario" >called.xml
    serve "$bin/sipp" called.xml; first=$uas first_port=$uas_port
    serve "$bin/sipp" called.xml; second=$uas second_port=$uas_port
    printf '1 sip:127.0.0.1:%s 0 2\n1 sip:127.0.0.1:%s 0 1\n' "$first_port" "$second_port" >killed.list
    free_port; proxy_port=$picked
    sed "s/@PROXY@/$proxy_port/; s|@LIST@|$work/killed.list|" "$top/benches/peers/killed.cfg" >killed.cfg
    start proxy "$bin/sip-proxy" -f killed.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { complain "sip-proxy does not start:"; head -n 20 proxy.err >&2; return; }
    write_ask
    free_port
    counting_sipp killed benches/peers/relay-uac.xml "$picked" "127.0.0.1:$proxy_port" -r "$rate" -m $((rate * 20)) -l 20000
    local caller=$pid
    sleep 6
    kill -KILL "$first"; killed=$(moment)
    sleep 7
    start uas "$bin/sipp" -sf called.xml -i 127.0.0.1 -p "$first_port" -nostdin -trace_stat -stf first.csv -fd 1
    first=$pid back=$(moment)
    wait_for "$caller" 40
    sleep 12
    read_proxy_books
    lost=$(calls_of "FailedCall(C)" killed)
    down=$(($(seconds_of down) - killed)) up=$(($(seconds_of up) - back))
    header=$(head -n 1 first.csv) last=$(tail -n 1 first.csv)
    again=$(column TotalCallCreated)
    echo "  killed at $rate calls/s: down after $down s, up $up s after it came back; $lost of $((rate * 20)) calls failed, $again came to it again"
    # A ping a second, a second for its answer, twice.
    [ "$down" -ge 0 ] && [ "$down" -le 5 ] || complain "killed: noticed after $down s"
    [ "$up" -ge 0 ] && [ "$up" -le 4 ] || complain "back: noticed after $up s"
    [ "$again" -gt "$rate" ] || complain "back: only $again calls"
    # Calls that were open on the killed one: those of some 50 ms.
    [ "$lost" -le $((rate / 5)) ] || complain "killed: $lost calls failed"
    for name in active_transactions early_dialogs; do
        [ "${proxy_books[$name]:--1}" -eq 0 ] || complain "killed: ${proxy_books[$name]} $name are left"
    done
    [ "${proxy_books[active_dialogs]}" -le "$lost" ] || complain "killed: ${proxy_books[active_dialogs]} dialogs are left of $lost lost calls"
    own_row "destination killed at $rate calls/s: calls lost" "$lost" "of $((rate * 20))" "those open on it"
    end "$first"; end "$second"; end "$proxy"
}
