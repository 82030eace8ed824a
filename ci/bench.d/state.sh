# Rows of what the proxy holds: transactions, dialogs, and what a call waits in it. HELD is how many there are.

held=${HELD:-100000}

# hold SECONDS SCENARIO RATE CALLS: our sipp opens calls through the proxy that stay; sets holder.
hold() {
    free_port
    start holder "$bin/sipp" -sf "$2" "127.0.0.1:$proxy_port" -i 127.0.0.1 -p "$picked" -r "$3" -m "$4" -l "$4" -d "$1"000 -nostdin
    holder=$pid
}

# holding_proxy CONFIG UAS: our proxy in front of a called side; sets proxy and proxy_port.
holding_proxy() {
    free_port; proxy_port=$picked
    serve "$bin/sipp" "$2"
    sed "s/@PROXY@/$proxy_port/; s/@UAS@/$uas_port/" "$1" >holding.cfg
    start proxy "$bin/sip-proxy" -f holding.cfg -DD -E
    proxy=$pid
    wait_bound "$proxy_port" "$proxy" || { echo "bench: sip-proxy does not start:" >&2; head -n 20 proxy.err >&2; exit 1; }
}

# The relay with every call followed, and calls that stay.
dialog_peers() {
    sed 's/^loadmodule "rr.so"/&\nloadmodule "dialog.so"/; s/^\t\trecord_route();/&\n\t\tdlg_manage();/' \
        "$top/benches/peers/relay.cfg" >dialog.cfg
    sed 's/<pause milliseconds="20"\/>/<pause\/>/' "$top/benches/peers/relay-uac.xml" >hold-uac.xml
}

# resident_with CALLS SCENARIO CONFIG UAS SETTLE: memory of the proxy with so many calls open; all processes stay.
resident_with() {
    holding_proxy "$3" "$4"
    hold 300 "$2" 5000 "$1"
    sleep $(($1 / 5000 + $5))
    resident=$(rss "$proxy")
}

end_holding() {
    end "$holder"
    end "$proxy"
    end "$uas"
}

# INVITEs that ring: a server and a client transaction with all that belongs to them.
row_transaction() {
    local few ringing=$top/tests/cases/proxy/parts/ringing.xml
    resident_with 1000 "$top/benches/peers/relay-uac.xml" "$top/benches/peers/relay.cfg" "$ringing" 3
    few=$resident
    end_holding
    resident_with $((held + 1000)) "$top/benches/peers/relay-uac.xml" "$top/benches/peers/relay.cfg" "$ringing" 3
    end_holding
    own_row "memory per live INVITE in the proxy, $held ringing" "$(calc "($resident - $few) * 1024 / $held" %.0f)" B "<= 3072"
}

# Answered calls: what a dialog holds, and what 100,000 of them cost when nothing happens.
row_dialogs() {
    local few before idle=10
    dialog_peers
    resident_with 1000 hold-uac.xml dialog.cfg "$top/benches/peers/relay-uas.xml" 10
    few=$resident
    end_holding
    resident_with $((held + 1000)) hold-uac.xml dialog.cfg "$top/benches/peers/relay-uas.xml" 10
    own_row "memory per dialog, $held of them" "$(calc "($resident - $few) * 1024 / $held" %.0f)" B "said"
    before=$(cpu_ticks "$proxy")
    sleep "$idle"
    own_row "idle with $held dialogs, share of a core" \
        "$(calc "($(cpu_ticks "$proxy") - $before) * 100 / $ticks_per_second / $idle" %.2f)" % "<= 1"
    end_holding
}

# cost_among DIALOGS: CPU of the proxy per call at 2,000 calls/s while so many others are open.
cost_among() {
    local before
    holding_proxy dialog.cfg "$top/benches/peers/relay-uas.xml"
    hold 600 hold-uac.xml 5000 "$1"
    sleep $(($1 / 5000 + 10))
    call "$bin/sipp" "$top/benches/peers/relay-uac.xml" "$proxy_port" 2000 2
    before=$(cpu_ticks "$proxy")
    call "$bin/sipp" "$top/benches/peers/relay-uac.xml" "$proxy_port" 2000 "$seconds"
    cost=$(calc "($(cpu_ticks "$proxy") - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    [ "$good" -eq "$calls" ] || complain "among $1 dialogs: $good of $calls calls"
    end_holding
}

row_crowd() {
    local few
    dialog_peers
    cost_among 1000
    few=$cost
    cost_among $((2 * held))
    own_row "CPU per call among 1,000 dialogs" "$few" us ""
    own_row "the same among $((2 * held)): more by" "$(calc "($cost / $few - 1) * 100" %.1f)" % "<= 10"
}

# p99_of PORT RATE: INVITE to 200 of calls to a port.
p99_of() {
    free_port
    rm -f media.json
    timeout -k 1 $((seconds * 3 + 30)) "$bin/sipp" -sf "$top/benches/peers/relay-uac.xml" "127.0.0.1:$1" -i 127.0.0.1 -p "$picked" \
        -r "$2" -m $(($2 * seconds)) -l 100000 -nostdin -json media.json >uac.out 2>uac.err </dev/null ||
        complain "p99 at $2 calls/s: not all calls were good"
    response_p99
}

# What the way through the proxy adds to a call at half the rate that row relayrate found in this run, or $half_rate.
row_added() {
    local rate=${half_rate:-16000} direct through
    serve "$bin/sipp" "$top/benches/peers/relay-uas.xml"
    direct=$(p99_of "$uas_port" "$rate")
    end "$uas"
    holding_proxy "$top/benches/peers/relay.cfg" "$top/benches/peers/relay-uas.xml"
    through=$(p99_of "$proxy_port" "$rate")
    end "$proxy"
    end "$uas"
    echo "  p99 of INVITE to 200 at $rate calls/s: $direct ms directly, $through ms through the proxy"
    own_row "p99 added to an INVITE at $rate calls/s" "$(calc "$through - $direct" %.2f)" ms "<= 1"
}
