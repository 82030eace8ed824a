# Rows of media.

# stream PROGRAM STREAMS RATE SECONDS UAC: so many calls open at once, each streaming 20 ms packets; the called side
# runs media-uas.xml, already made. Sets uac_cpu (seconds) and packets; ours leaves media.json.
stream() {
    local json=() streams=$2
    case $1 in "$bin"/*) json=(-json media.json) ;; esac
    serve "$bin/sipp" media-uas.xml "${uas_options[@]}"
    free_port
    rm -f media.json
    TIMEFORMAT='%U %S'
    { time timeout -k 1 "$(($4 + streams / $3 + 30))" "$1" -sf "$5" "127.0.0.1:$uas_port" -i 127.0.0.1 -p "$picked" \
        -mp "$media_port" -r "$3" -m "$streams" -l "$streams" -d "$(($4 * 1000))" -nostdin "${json[@]}" \
        >uac.out 2>uac.err </dev/null; } 2>time.txt
    uac_cpu=$(awk '{ print $1 + $2 }' time.txt)
    packets=$(figure sent_packets)
    # The original does not tell; this is what the streams should have sent.
    [ "$packets" != 0 ] || packets=$((streams * $4 * 50))
}

# figure NAME: the first figure of that name in media.json, 0 without.
figure() { sed -n "s/^ *\"$1\": \([0-9.]*\).*/\1/p" media.json 2>/dev/null | head -n 1 | grep . || echo 0; }

# p99 of the first response time in media.json, measured from the due moment.
response_p99() { sed -n '/"response_times"/,$ s/^ *"p99_ms": \([0-9.]*\).*/\1/p' media.json | head -n 1 | grep . || echo 0; }

measure_stream() {
    stream "$1" 500 250 "$seconds" "$top/benches/peers/media-uac.xml"
    end "$uas"
    cost=$(calc "$uac_cpu * 1e6 / $packets" %.2f)
}

row_rtp() {
    local before with without late heard
    free_port; media_port=$((picked & ~1))
    free_port; sink_port=$((picked & ~1))
    uas_options=()
    head -c 64000 /dev/urandom >speech.raw
    sed "s/@SINK@/$sink_port/; s/@LISTEN@//" "$top/benches/peers/media-uas.xml" >media-uas.xml
    # Stopped: its socket takes what it can hold, and nobody spends time on reading.
    start sink "$bin/sipp" -sn uas -i 127.0.0.1 -p "$sink_port" -nostdin
    local sink=$pid
    wait_bound "$sink_port" "$sink" && kill -STOP "$sink"
    pair "RTP sent on 500 streams of 20 ms, CPU per packet" us "< 0.22" measure_stream
    # 5,000 streams: how late packets leave, and what that does to calls opened at 500 a second.
    stream "$bin/sipp" 5000 500 10 "$top/benches/peers/media-uac.xml"
    end "$uas"
    late=$(figure lateness_p99_ms) with=$(response_p99)
    sed '/rtp_stream/d' "$top/benches/peers/media-uac.xml" >silent-uac.xml
    local sent=$packets cost_each
    cost_each=$(calc "$uac_cpu * 1e6 / $packets" %.2f)
    stream "$bin/sipp" 5000 500 10 silent-uac.xml
    end "$uas"
    without=$(response_p99)
    echo "  5,000 streams: $sent packets at $cost_each us, 99% leave within $late ms; response p99 $with ms, $without ms without media"
    rows+=("| 5,000 streams: 99 % of packets leave within | | $late ms | | < 2 ms |")
    rows+=("| the same run: p99 of INVITE to 200 at 500 calls/s, without media | | $with ms, $without ms | | equal |")
    [ "$(calc "$late <= 2" %d)" = 1 ] || complain "5,000 streams: packets leave $late ms late"
    kill -CONT "$sink"
    end "$sink"
    # Received and measured: one shared port, so that the reading is in batches as it is on the sending side.
    sed "s/@SINK@/[media_port]/; s/@LISTEN@/<action><exec rtp_stats=\"loss\" assign_to=\"l\"\/><log message=\"[\$l]\"\/><\/action>/" \
        "$top/benches/peers/media-uas.xml" >media-uas.xml
    uas_options=(-mp "$sink_port")
    stream "$bin/sipp" 500 250 "$seconds" "$top/benches/peers/media-uac.xml"
    # Nearly all it did was to receive: 500 calls cost some milliseconds.
    heard=$(calc "$(cpu_ticks "$uas") * 1e6 / $ticks_per_second / $packets" %.2f)
    end "$uas"
    echo "  received and measured, 500 streams: $heard us per packet"
    rows+=("| RTP received and measured, 500 streams, CPU per packet | | $heard us | | < 2 us |")
}
