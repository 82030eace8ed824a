# Rows of the stateful relay.

# relay_through RATE COMMAND...: our sipp on both ends of a proxy.
relay_through() {
    local before rate=$1
    shift
    free_port; proxy_port=$picked
    serve "$bin/sipp" "$top/benches/peers/relay-uas.xml"
    sed "s/@PROXY@/$proxy_port/; s/@UAS@/$uas_port/" "$top/benches/peers/relay.cfg" >relay.cfg
    start proxy "$@"
    proxy=$pid
    cost=0 good=0 failed=0 resent=0
    if ! wait_bound "$proxy_port" "$proxy"; then
        complain "$1 does not start:"
        head -n 20 proxy.err >&2
        end "$uas"
        return
    fi
    # The first calls pay for first touches of memory; they are not counted.
    call "$bin/sipp" "$top/benches/peers/relay-uac.xml" "$proxy_port" 500 2
    before=$(cpu_ticks "$proxy")
    call "$bin/sipp" "$top/benches/peers/relay-uac.xml" "$proxy_port" "$rate" "$seconds"
    cost=$(calc "($(cpu_ticks "$proxy") - $before) * 1e6 / $ticks_per_second / $calls" %.1f)
    end "$proxy"
    end "$uas"
}

original_relay() {
    mkdir -p run
    relay_through 1000 "$original_proxy" -f "$work/relay.cfg" -DD -E -w "$work/run" -Y "$work/run" -P "$work/run/pid" \
        -m 256 -M 16 -n 2 -x "$1"
    echo "  through kamailio -x $1: $cost us, $good calls good, $failed failed, $resent retransmissions"
}

row_relay() {
    local fm fm_good
    original_relay fm
    fm=$cost fm_good=$good
    original_relay tlsf
    # The cheaper one counts, among those that lost no call if there are such.
    theirs=$cost
    if [ "$fm_good" -gt "$good" ] || { [ "$fm_good" -eq "$good" ] && [ "$(calc "$fm < $cost" %d)" = 1 ]; }; then
        theirs=$fm
    fi
    relay_through 1000 "$bin/sip-proxy" -f relay.cfg -DD -E
    echo "  through sip-proxy: $cost us, $good calls good, $failed failed, $resent retransmissions"
    row "relay with record-route at 1,000 calls/s, CPU per call" us "$theirs" "$cost" "<= 0.4"
    # The original loses calls at these rates on two cores, so its cost there would say nothing.
    for rate in 2000 10000; do
        relay_through "$rate" "$bin/sip-proxy" -f relay.cfg -DD -E
        echo "  at $rate calls/s: $cost us, $good calls good, $failed failed, $resent retransmissions"
        [ "$cost" = 0 ] || [ "$good" -eq "$calls" ] || complain "sip-proxy at $rate calls/s: $good of $calls calls, $failed failed"
    done
    own_row "relay with record-route at 10,000 calls/s, CPU per call" "$cost" us "<= 35"
}

# True when a proxy carries a rate for four seconds without a lost message, in time.
relay_carries() {
    local rate=$1
    shift
    seconds=4 cut_off=6 relay_through "$rate" "$@"
    [ "$good" -eq "$calls" ] && [ "$resent" -eq 0 ] && [ "$(calc "$took < 4.4" %d)" = 1 ]
}

# highest_relayed LOW COMMAND...: doubles until it fails, then halves the distance three times.
highest_relayed() {
    local low=$1 high=$(($1 * 2)) step middle
    shift
    while [ "$high" -le 40000 ] && relay_carries "$high" "$@"; do
        low=$high
        high=$((high * 2))
    done
    for step in 1 2 3; do
        middle=$(((low + high) / 2))
        if relay_carries "$middle" "$@"; then low=$middle; else high=$middle; fi
    done
    cost=$low
}

row_relayrate() {
    mkdir -p run
    highest_relayed 500 "$original_proxy" -f "$work/relay.cfg" -DD -E -w "$work/run" -Y "$work/run" -P "$work/run/pid" \
        -m 256 -M 16 -n 2 -x tlsf
    theirs=$cost
    highest_relayed 2500 "$bin/sip-proxy" -f relay.cfg -DD -E
    row "highest loss-free rate through the proxy" calls/s "$theirs" "$cost" "> 4"
}
