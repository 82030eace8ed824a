//! Media calls between two of ours: digits, echo, checks, bad lines, reports, two media lines, a proxy between.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::media_call::{MediaCall, Side, port, sample_capture, samples};
use e2e::ports;
use e2e::programs::{self, Running};
use e2e::rtp_relay::{RtpRelay, Weather};

const AUDIO: &str =
    "m=audio [media_port] RTP/AVP 8 101\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000";
const OWN_AUDIO: &str = "m=audio [rtpstream_audio_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000";

fn exec(action: &str, pause_ms: u32) -> String {
    format!("<nop><action><exec {action}/></action></nop><pause milliseconds=\"{pause_ms}\"/>\n")
}

/// Reads figures into variables of the same name and logs them as `name=value`.
fn log_stats(names: &str) -> String {
    let variables = names.replace('.', "_");
    let texts: Vec<String> = names.split(',').map(|name| format!("{name}=[${name}]")).collect();
    format!("<exec rtp_stats=\"{names}\" assign_to=\"{variables}\"/><log message=\"{};\"/>", texts.join(" "))
}

fn logged(text: &str, name: &str) -> String {
    let behind = text.split(&format!("{name}=")).nth(1).unwrap_or_default();
    behind.split([' ', ';']).next().unwrap_or_default().to_owned()
}

fn number(text: &str, name: &str) -> f64 {
    match logged(text, name).as_str() {
        // A number that is 0 prints nothing, as in SIPp.
        "" => 0.0,
        digits => digits.parse().unwrap_or(f64::NAN),
    }
}

/// RFC 4733 events of `play_dtmf` and of a capture, decoded by the other side.
#[test]
fn digits_played_are_decoded_into_a_variable() {
    let call = MediaCall::new("dtmf").file("five.pcap", &sample_capture("dtmf_2833_5.pcap"));
    let during = exec("play_dtmf=\"15*#A,80\"", 1700) + &exec("play_pcap_audio=\"five.pcap\"", 400);
    let options = format!("-mp {}", port());
    let calling = Side { media: AUDIO.into(), during, options, ..Side::default() };
    let options = format!("-mp {}", port());
    let called = Side { media: AUDIO.into(), at_end: log_stats("dtmf"), options, ..Side::default() };
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    assert_eq!(logged(&uas.logged, "dtmf"), "15*#A5", "{}", uas.logged);
    assert_eq!(uas.figure("digits"), 6.0);
}

/// INFO with both bodies that gateways send.
#[test]
fn digits_of_info_requests_are_decoded_into_a_variable() {
    let info = |cseq: u32, kind: &str, body: &str| {
        format!(
            "<send retrans=\"500\"><![CDATA[\nINFO [next_url] SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nFrom: <sip:a@test>;tag=a[call_number]\n\
             To: <sip:b@test>[peer_tag_param]\nCall-ID: [call_id]\nCSeq: {cseq} INFO\nMax-Forwards: 70\n\
             Content-Type: {kind}\nContent-Length: [len]\n\n{body}\n]]></send><recv response=\"200\"/>\n"
        )
    };
    let answer = "<recv request=\"INFO\"/><send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n\
                  [last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n]]></send>\n";
    let during =
        info(2, "application/dtmf-relay", "Signal=7\nDuration=160") + &info(3, "application/dtmf", "#");
    let calling = Side { media: AUDIO.into(), during, ..Side::default() };
    let at_end = log_stats("dtmf_info,dtmf");
    let called = Side { media: AUDIO.into(), during: answer.repeat(2), at_end, ..Side::default() };
    let (uac, uas) = MediaCall::new("info").run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    assert_eq!((logged(&uas.logged, "dtmf_info"), logged(&uas.logged, "dtmf")), ("7#".into(), String::new()));
}

/// Several calls at once, each with a port of its own: every one knows what it heard, and the run knows all.
#[test]
fn every_call_is_measured_for_itself() {
    let file = samples(1000);
    let stats = log_stats("packets,lost,loss,jitter,codec,mos,one_way,first_delay,sent");
    let side = |port: u16| Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", 1300),
        at_end: stats.clone(),
        options: format!("-mp {port}"),
    };
    let call = MediaCall::new("each").file("f.raw", &file).times(5);
    let (uac, uas) =
        call.run(&side(port()), &Side { during: exec("rtp_stream=\"f.raw,1,8\"", 900), ..side(port()) });
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    for end in [&uac, &uas] {
        let lines: Vec<&str> = end.logged.lines().filter(|line| line.contains("packets=")).collect();
        assert_eq!(lines.len(), 5, "{}", end.logged);
        for line in lines {
            assert_eq!((number(line, "packets"), number(line, "sent")), (50.0, 50.0), "{line}");
            assert_eq!((number(line, "loss"), number(line, "one_way")), (0.0, 0.0), "{line}");
            assert_eq!(logged(line, "codec"), "PCMA");
            assert!(number(line, "mos") > 4.0 && number(line, "first_delay") < 1000.0, "{line}");
        }
        assert_eq!((end.figure("both_ways"), end.figure("streams"), end.figure("lost")), (5.0, 5.0, 0.0));
    }
}

/// `-threads`: each thread has its part of the ports, and the figures are those of all together.
#[test]
fn threads_share_ports_and_add_their_figures() {
    let side = |options: String, pause| Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", pause),
        at_end: log_stats("packets,one_way"),
        options: format!("-threads 2 {options}"),
    };
    // Two threads, each with the pair of ports of a player and a pair for each of two calls.
    let first = port();
    let calling = side(format!("-min_rtp_port {first} -max_rtp_port {}", first + 15), 2000);
    let called = side(format!("-min_rtp_port {}", port()), 1600);
    let call = MediaCall::new("threads").file("f.raw", &samples(600)).times(4);
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    for end in [&uac, &uas] {
        assert_eq!(end.logged.matches("packets=30.000000").count(), 4, "{}", end.logged);
        let figures = ["sent_packets", "both_ways", "streams", "lost"].map(|name| end.figure(name));
        assert_eq!(figures, [120.0, 4.0, 4.0, 0.0], "{}", end.report);
    }
}

/// `<rtp_echo value="0"/>` of one call ends the echo of all threads' media ports.
#[test]
fn an_echo_that_is_stopped_is_stopped_on_all_threads() {
    let first = port();
    let call = MediaCall::new("echoes");
    let stop = "<nop><action><rtp_echo value=\"0\"/></action></nop>";
    let called = Side {
        media: AUDIO.into(),
        during: format!("<pause milliseconds=\"700\"/>{stop}<pause milliseconds=\"1500\"/>"),
        options: format!("-threads 2 -rtp_echo -min_rtp_port {first} -max_rtp_port {}", first + 15),
        ..Side::default()
    };
    let calling = Side {
        media: AUDIO.into(),
        during: "<pause milliseconds=\"3500\"/>".into(),
        options: format!("-mp {}", port()),
        ..Side::default()
    };
    let is_over = AtomicBool::new(false);
    // Datagrams to each thread's audio port, one after the other; whether each came back.
    let probe = |port: u16| -> Vec<bool> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(30))).expect("allowed");
        let mut came = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            // Refused as long as nobody listens.
            let _ = socket.send_to(b"echo", (Ipv4Addr::LOCALHOST, port));
            came.push(socket.recv(&mut [0; 100]).is_ok());
            // Else the echoes would take all of the machine.
            std::thread::sleep(Duration::from_millis(5));
        }
        came
    };
    std::thread::scope(|scope| {
        let probes = [first, first + 8].map(|port| scope.spawn(move || probe(port)));
        let (uac, uas) = call.run(&calling, &called);
        is_over.store(true, Ordering::Relaxed);
        assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
        for probe in probes {
            let came = probe.join().expect("it does not panic");
            let last = came.iter().rposition(|came| *came).expect("an echo before it is stopped");
            // A second and a half of probes, of which each waits 30 ms.
            assert!(came.len() - last > 20, "the last echo is {last} of {}", came.len());
        }
    });
}

/// A side that hears nothing says so, and `-fail-if` makes it the verdict.
#[test]
fn a_one_way_call_is_told_and_fails_the_run_when_asked() {
    let call = MediaCall::new("oneway").file("f.raw", &samples(400));
    let calling = Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", 600),
        at_end: log_stats("one_way,packets,mos"),
        options: format!("-mp {} -fail-if one_way>0 -fail-if loss>1%", port()),
    };
    let called = Side {
        media: OWN_AUDIO.into(),
        options: format!("-mp {}", port()),
        at_end: log_stats("one_way"),
        ..Side::default()
    };
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((number(&uac.logged, "one_way"), logged(&uac.logged, "mos")), (1.0, String::new()));
    assert_eq!((uac.figure("only_sent"), uas.figure("only_heard")), (1.0, 1.0));
    assert_eq!((uac.exit, uas.exit), (Some(1), Some(0)), "{}", uac.errors);
    assert!(uac.errors.contains("one_way>0") && !uac.errors.contains("loss>1%"), "{}", uac.errors);
}

/// rtpcheck: packets that come back as they were, and a peer that returns nothing (exit code 253).
#[test]
fn patterns_are_checked_against_what_comes_back() {
    let pattern = |more: &str| Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"apattern,3,8,PCMA/8000\"", 1200),
        options: format!("-mp {} -rtpcheck_debug {more}", port()),
        ..Side::default()
    };
    let called = |during: &str| Side {
        media: OWN_AUDIO.into(),
        during: during.into(),
        at_end: log_stats("packets"),
        options: format!("-mp {}", port()),
    };
    let echo = "<nop><action><exec rtp_echo=\"startaudio,8,PCMA/8000\"/></action></nop>";
    let call = MediaCall::new("check-good");
    let (uac, uas) = call.run(&pattern("-audiotolerance 0.1"), &called(echo));
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, call.written("debugafile"));
    assert!(call.written("debugafile").contains("passed"), "{}", call.written("debugafile"));
    assert!(number(&uas.logged, "packets") > 40.0);
    let call = MediaCall::new("check-bad");
    let (uac, uas) = call.run(&pattern(""), &called(""));
    assert_eq!((uac.exit, uas.exit), (Some(253), Some(0)), "{}", uac.errors);
    assert!(call.written("debugafile").contains("0 came back the same"), "{}", call.written("debugafile"));
    assert_eq!(uac.figure("failed_rtp_checks"), 1.0);
}

/// The same for video, which has a tolerance of its own and may pause.
#[test]
fn patterns_of_video_are_checked_too() {
    let media = "m=video [rtpstream_video_port] RTP/AVP 96\na=rtpmap:96 H264/90000";
    let during = exec("rtp_stream=\"vpattern,6,96,H264/90000\"", 900)
        + &exec("rtp_stream=\"pausevpattern\"", 500)
        + &exec("rtp_stream=\"resumevpattern\"", 700);
    let calling = |tolerance: &str| Side {
        media: media.into(),
        during: during.clone(),
        options: format!("-mp {} -rtpcheck_debug -audiotolerance 0 -videotolerance {tolerance}", port()),
        ..Side::default()
    };
    let called = |during: &str| Side {
        media: media.into(),
        during: during.into(),
        at_end: log_stats("video_packets"),
        options: format!("-mp {}", port()),
    };
    let echo = "<nop><action><exec rtp_echo=\"startvideo,96,H264/90000\"/></action></nop>";
    for (tolerance, echo, exit) in [("0.3", echo, 0), ("0.3", "", 253)] {
        let call = MediaCall::new(&format!("video{exit}"));
        let (uac, uas) = call.run(&calling(tolerance), &called(echo));
        let found = call.written("debugvfile");
        assert_eq!((uac.exit, uas.exit), (Some(exit), Some(0)), "{}{found}", uac.errors);
        // One each 160 ms, and none for half a second.
        let sent = number(&uas.logged, "video_packets");
        assert!((6.0..=12.0).contains(&sent), "{}", uas.logged);
        assert!(found.contains(if exit == 0 { "passed" } else { "failed" }), "{found}");
    }
}

/// Loss and jitter of a bad line: within half a point and two milliseconds of what the line did.
#[test]
fn loss_and_jitter_of_a_bad_line_are_measured() {
    let own = port();
    let relay = RtpRelay::start(own, Weather { loss: 0.05, delay: Duration::from_millis(16) });
    let call = MediaCall::new("relay").file("f.raw", &samples(12_000));
    let calling = Side {
        media: AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", 12_300),
        options: format!("-mp {}", port()),
        ..Side::default()
    };
    let called = Side {
        media: AUDIO.replace("[media_port]", &relay.port().to_string()),
        at_end: log_stats("packets,loss,jitter,reordered,mos"),
        options: format!("-mp {own}"),
        ..Side::default()
    };
    // The called side hears the relay, which stands where it told the peer to send.
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    let truth = relay.truth();
    let true_loss = truth.lost as f64 * 100.0 / truth.taken as f64;
    let (loss, jitter) = (uas.figure("loss_percent"), uas.figure("worst_jitter_ms"));
    assert!((3.0..7.0).contains(&true_loss) && truth.jitter_ms > 3.0, "{truth:?}");
    assert!((loss - true_loss).abs() <= 0.5, "{loss} % reported, {true_loss} % lost");
    assert!((jitter - truth.jitter_ms).abs() <= 2.0, "{jitter} ms reported, {truth:?}");
    assert!(uas.figure("mean_mos") < 4.2, "{}", uas.report);
}

/// RFC 3550 6.4: both sides send reports and read those of the other.
#[test]
fn reports_go_both_ways() {
    let call = MediaCall::new("rtcp").file("f.raw", &samples(1500));
    let side = |pause| Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", pause),
        at_end: log_stats("peer_loss,rtt,peer_jitter"),
        options: format!("-mp {} -rtcp 200ms", port()),
    };
    let (uac, uas) = call.run(&side(1800), &side(1000));
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    for end in [&uac, &uas] {
        assert_eq!(number(&end.logged, "peer_loss"), 0.0, "{}", end.logged);
        assert!(number(&end.logged, "rtt") < 200.0, "{}", end.logged);
        let rtcp = end.report.split("\"rtcp\"").nth(1).unwrap_or_default();
        assert!(!rtcp.contains("\"received\": 0,"), "{rtcp}");
    }
}

/// Audio and video of one call at once, each on its own ports, both ways.
#[test]
fn audio_and_video_go_together() {
    let call =
        MediaCall::new("both").file("f.raw", &samples(800)).file("v.pcap", &sample_capture("h264.pcap"));
    let media = "m=audio [media_port] RTP/AVP 8\nm=video [media_port+2] RTP/AVP 96\na=rtpmap:96 H264/90000";
    let play =
        "<nop><action><exec rtp_stream=\"f.raw,1,8\"/><exec play_pcap_video=\"v.pcap\"/></action></nop>";
    let side = |pause: u32| Side {
        media: media.into(),
        during: format!("{play}<pause milliseconds=\"{pause}\"/>"),
        at_end: log_stats("packets,codec,video_packets,video_codec,video_lost"),
        options: format!("-mp {}", port()),
    };
    let (uac, uas) = call.run(&side(4500), &side(4200));
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    for end in [&uac, &uas] {
        assert_eq!((number(&end.logged, "packets"), logged(&end.logged, "codec")), (40.0, "PCMA".into()));
        assert_eq!(logged(&end.logged, "video_codec"), "H264", "{}", end.logged);
        assert!(number(&end.logged, "video_packets") > 100.0, "{}", end.logged);
        assert_eq!(number(&end.logged, "video_lost"), 0.0);
    }
}

/// A two-way media call through our proxy, routed by its Record-Route.
#[test]
fn a_media_call_goes_through_the_proxy() {
    let proxy_port = port();
    let call = MediaCall::new("proxy").file("f.raw", &samples(600)).via(proxy_port);
    let config = format!(
        "#!KAMAILIO\nlisten=udp:127.0.0.1:{proxy_port}\nloadmodule \"tm.so\"\nloadmodule \"sl.so\"\n\
         loadmodule \"rr.so\"\nloadmodule \"pv.so\"\nloadmodule \"siputils.so\"\nrequest_route {{\n\
         if (has_totag()) {{ loose_route(); t_relay(); exit; }}\nrecord_route();\n\
         $du = \"sip:127.0.0.1:{}\";\nt_relay();\n}}\n",
        call.called_port()
    );
    fs::write(call.folder.join("kamailio.cfg"), config).expect("writable");
    let proxy = programs::locate("sip-proxy").expect("ours is built");
    let args = ["-f", "kamailio.cfg", "-DD", "-E"].map(String::from);
    let mut proxy = Running::start(&proxy, &args, &call.folder, "proxy").expect("starts");
    let ready = proxy.wait_until(Duration::from_secs(20), || ports::is_bound("udp", proxy_port));
    ready.unwrap_or_else(|error| panic!("{error}: {}", proxy.output("err")));
    let side = |pause| Side {
        media: OWN_AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", pause),
        at_end: log_stats("packets,lost,one_way"),
        options: format!("-mp {}", port()),
    };
    let (uac, uas) = call.run(&side(900), &side(500));
    assert_eq!(
        (uac.exit, uas.exit),
        (Some(0), Some(0)),
        "{}{}{}",
        uac.errors,
        uas.errors,
        proxy.output("err")
    );
    for end in [&uac, &uas] {
        assert_eq!(
            (number(&end.logged, "packets"), number(&end.logged, "lost")),
            (30.0, 0.0),
            "{}",
            end.logged
        );
    }
}

/// What tshark records of a call it recognises as streams without gaps, in the words of its own analysis.
#[test]
fn a_capture_of_tshark_shows_the_streams() {
    let path = match programs::locate("tshark") {
        Ok(path) => path,
        Err(programs::Missing::Original(_)) if std::env::var_os("CI").is_none() => return,
        Err(error) => panic!("{error:?}"),
    };
    let (near, far) = (port(), port());
    let call = MediaCall::new("tshark").file("f.raw", &samples(800));
    let filter = format!("udp port {near} or udp port {far}");
    let args = ["-i", "lo", "-w", "media.pcapng", "-f", &filter].map(String::from);
    let mut recorder = Running::start(&path, &args, &call.folder, "tshark").expect("starts");
    let started = recorder.wait_until(Duration::from_secs(20), || {
        fs::metadata(call.folder.join("media.pcapng")).is_ok_and(|about| about.len() > 0)
    });
    if started.is_err() && std::env::var_os("CI").is_none() {
        // Only an administrator may record.
        return;
    }
    let side = |own: u16, pause| Side {
        media: AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", pause),
        options: format!("-mp {own}"),
        ..Side::default()
    };
    let (uac, uas) = call.run(&side(near, 1300), &side(far, 1000));
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    recorder.end();
    let decode = [format!("udp.port=={near},rtp"), format!("udp.port=={far},rtp")];
    let args = ["-r", "media.pcapng", "-d", &decode[0], "-d", &decode[1], "-q", "-z", "rtp,streams"]
        .map(String::from);
    let mut analysis = Running::start(&path, &args, &call.folder, "streams").expect("starts");
    analysis.wait(Duration::from_secs(30)).expect("ends");
    let streams = analysis.output("out");
    let lines: Vec<&str> = streams.lines().filter(|line| line.contains("g711A")).collect();
    assert_eq!(lines.len(), 2, "{streams}");
    assert!(lines.iter().all(|line| line.contains(" 40 ") && line.contains("0 (0.0%)")), "{streams}");
}
