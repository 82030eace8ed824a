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

# original_relay RATE: the cost of the original with the cheaper of its two fast allocators, in $theirs. False when it
# loses or repeats messages with both: its cost would say nothing.
original_relay() {
    local allocator
    theirs=0
    mkdir -p run
    for allocator in fm tlsf; do
        relay_through "$1" "$original_proxy" -f "$work/relay.cfg" -DD -E -w "$work/run" -Y "$work/run" \
            -P "$work/run/pid" -m 256 -M 16 -n 2 -x "$allocator"
        echo "  through kamailio -x $allocator at $1 calls/s: $cost us, $good of $calls good, $resent retransmissions"
        if [ "$good" -eq "$calls" ] && [ "$resent" -eq 0 ] && [ "$(calc "$theirs == 0 || $cost < $theirs" %d)" = 1 ]; then
            theirs=$cost
        fi
    done
    [ "$theirs" != 0 ]
}

our_relay() {
    relay_through "$1" "$bin/sip-proxy" -f relay.cfg -DD -E
    echo "  through sip-proxy at $1 calls/s: $cost us, $good of $calls good, $resent retransmissions"
    [ "$good" -eq "$calls" ] || complain "sip-proxy at $1 calls/s: $good of $calls calls, $failed failed"
}

row_relay() {
    local rate
    for rate in 1000 1500 2000; do
        original_relay "$rate" || continue
        our_relay "$rate"
        row "relay with record-route at $rate calls/s, CPU per call" us "$theirs" "$cost" "<= 0.4"
    done
    our_relay 10000
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
    half_rate=$((cost / 2))
}
