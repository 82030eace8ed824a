//! Media that is wrong: files that cannot be played, descriptions without use, ports that are taken, packets of
//! strangers. Each is told with file or call, and no other call suffers.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use e2e::media_call::{MediaCall, Side, port, sample_capture, samples};
use e2e::programs::{self, Running};

const AUDIO: &str = "m=audio [media_port] RTP/AVP 8";

fn exec(action: &str, pause_ms: u32) -> String {
    format!("<nop><action><exec {action}/></action></nop><pause milliseconds=\"{pause_ms}\"/>\n")
}

/// Runs one side alone, which is refused before its first call; gives the exit code and what it said.
fn refused(call: &MediaCall, action: &str) -> (Option<i32>, String) {
    let text = format!("<?xml version=\"1.0\"?>\n<scenario name=\"x\">\n{}</scenario>\n", exec(action, 1));
    fs::write(call.folder.join("x.xml"), text).expect("writable");
    let sipp = programs::locate("sipp").expect("ours is built");
    let args = ["-sf", "x.xml", "127.0.0.1:9", "-i", "127.0.0.1", "-m", "1", "-nostdin"].map(String::from);
    let mut run = Running::start(&sipp, &args, &call.folder, "x").expect("starts");
    (run.wait(Duration::from_secs(30)).expect("ends").code(), run.output("err"))
}

#[test]
fn files_that_cannot_be_played_are_named_with_the_reason() {
    let good = sample_capture("dtmf_2833_1.pcap");
    let mut hostile = good.clone();
    // A packet that claims to be 4 GiB long.
    hostile[32..36].fill(0xff);
    let mut arp = good[..24].to_vec();
    arp.extend([0, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 42, 0, 0, 0]);
    arp.extend([&[0xff; 12][..], &[8, 6], &[0; 28]].concat());
    let mut wav =
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data\x04\0\0\0"
            .to_vec();
    wav.extend([1, 2, 3, 4]);
    let call = MediaCall::new("files")
        .file("empty.pcap", b"")
        .file("text.pcap", b"this is no capture at all, it only says so")
        .file("cut.pcap", &good[..good.len() - 7])
        .file("hostile.pcap", &hostile)
        .file("arp.pcap", &arp)
        .file("linear.wav", &wav)
        .file("empty.raw", b"");
    File::create(call.folder.join("huge.pcap"))
        .and_then(|file| file.set_len(2 << 30))
        .expect("a sparse file");
    let rows = [
        ("play_pcap_audio=\"empty.pcap\"", "empty.pcap", "neither a pcap"),
        ("play_pcap_audio=\"text.pcap\"", "text.pcap", "neither a pcap"),
        ("play_pcap_video=\"cut.pcap\"", "cut.pcap", "damaged in packet 11"),
        ("play_pcap_audio=\"hostile.pcap\"", "hostile.pcap", "damaged in packet 1"),
        ("play_pcap_image=\"arp.pcap\"", "arp.pcap", "no UDP packet"),
        ("play_pcap_audio=\"huge.pcap\"", "huge.pcap", "larger than 512 MiB"),
        ("rtp_stream=\"linear.wav,1,8\"", "linear.wav", "linear PCM with 2 channel(s) at 44100 Hz"),
        ("rtp_stream=\"empty.raw,1,8\"", "empty.raw", "it is empty"),
        ("rtp_stream=\"missing.raw,1,8\"", "missing.raw", "not found"),
    ];
    for (action, file, reason) in rows {
        let (exit, said) = refused(&call, action);
        assert_eq!(exit, Some(1), "{action}: {said}");
        assert!(
            said.contains("x.xml:3:") && said.contains(file) && said.contains(reason),
            "{action}: {said}"
        );
    }
}

/// A capture of something else than RTP is played as it is, as SIPp does.
#[test]
fn a_capture_of_other_datagrams_is_played_all_the_same() {
    let mut capture = sample_capture("dtmf_2833_1.pcap");
    let at = capture.len() - 16;
    capture[at..].fill(b'x');
    let call = MediaCall::new("other").file("c.pcap", &capture);
    let side =
        |during| Side { media: AUDIO.into(), during, options: format!("-mp {}", port()), ..Side::default() };
    let (uac, _) = call.run(
        &side(exec("play_pcap_audio=\"c.pcap\"", 400)),
        &Side { media: AUDIO.into(), ..Side::default() },
    );
    assert_eq!((uac.exit, uac.figure("sent_packets")), (Some(0), 11.0), "{}", uac.errors);
}

/// Descriptions that say nothing of use: the call goes on, and a warning names it where something was to be played.
#[test]
fn descriptions_without_use_leave_the_call_alive() {
    let rows = [
        ("no media at all", "a=tool:none", "no received session description"),
        ("port 0", "m=audio 0 RTP/AVP 8", "no received session description"),
        ("held", "m=audio 4000 RTP/AVP 8\nc=IN IP4 0.0.0.0", "no received session description"),
        ("a host name", "m=audio 4000 RTP/AVP 8\nc=IN IP4 media.example.com", "'media.example.com'"),
        ("IPv6 to IPv4", "m=audio 4000 RTP/AVP 8\nc=IN IP6 ::1", "no received session description"),
        ("nonsense", "m=audio many RTP/AVP 8", "no received session description"),
    ];
    for (number, (name, media, warning)) in rows.into_iter().enumerate() {
        let call = MediaCall::new(&format!("sdp{number}")).file("f.raw", &samples(100)).times(2);
        let calling = Side {
            media: AUDIO.into(),
            during: exec("rtp_stream=\"f.raw,1,8\"", 100),
            options: format!("-mp {} -trace_err -error_file errors.log", port()),
            ..Side::default()
        };
        let (uac, _) = call.run(&calling, &Side { media: media.into(), ..Side::default() });
        assert_eq!(uac.exit, Some(0), "{name}: {}", uac.errors);
        let errors = call.written("errors.log");
        let told = errors.lines().filter(|line| line.contains("Call-Id: ") && line.contains(warning)).count();
        assert!(told >= 2, "{name}: {errors}");
        assert!(
            uac.figure("successful") == 2.0 && uac.figure("sent_packets") == 0.0,
            "{name}: {}",
            uac.report
        );
    }
}

/// More open calls than ports: the one too many is named, shares a port, and all succeed.
#[test]
fn too_few_ports_are_told_with_the_call() {
    let first = port();
    let call = MediaCall::new("ports").file("f.raw", &samples(200)).times(4);
    let side = |options: String| Side {
        media: "m=audio [rtpstream_audio_port] RTP/AVP 8".into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", 500),
        options,
        ..Side::default()
    };
    // The pair of the program, and three for calls.
    let options =
        format!("-min_rtp_port {first} -max_rtp_port {} -trace_err -error_file errors.log", first + 9);
    let (uac, _) = call.run(&side(options), &side(format!("-mp {}", port())));
    assert_eq!((uac.exit, uac.figure("successful")), (Some(0), 4.0), "{}", uac.errors);
    let errors = call.written("errors.log");
    assert!(errors.contains("Call-Id: 4-") && errors.contains("are in use"), "{errors}");
    assert!(!errors.contains("Call-Id: 3-"), "{errors}");
}

/// Datagrams of others to the port of a call: counted as strangers, and the call's own figures stay true.
#[test]
fn strangers_do_not_change_what_a_call_heard() {
    let (near, far) = (port(), port());
    let call = MediaCall::new("strangers").file("f.raw", &samples(1000));
    let stats = "<exec rtp_stats=\"packets,lost,strangers\" assign_to=\"p,l,s\"/>\
                 <log message=\"packets=[$p] lost=[$l] strangers=[$s]\"/>";
    let side = |own: u16, pause| Side {
        media: AUDIO.into(),
        during: exec("rtp_stream=\"f.raw,1,8\"", pause),
        at_end: stats.into(),
        options: format!("-mp {own}"),
    };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (uac, uas) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let rtp = [&[0x80, 8, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9][..], &[0xd5; 160]].concat();
            let datagrams = [&rtp[..], b"hello", &[0x80, 200, 0, 6], &[], &[0xff; 1400]];
            for datagram in datagrams.iter().cycle() {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let _ = socket.send_to(datagram, (Ipv4Addr::LOCALHOST, near));
                // Not more than the port's buffer takes beside the stream of the call.
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let ends = call.run(&side(near, 1300), &side(far, 1000));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        ends
    });
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, uas.errors);
    assert!(uac.logged.contains("packets=50.000000 lost= strangers="), "{}", uac.logged);
    assert!(uac.figure("strangers") > 50.0, "{}", uac.report);
    assert!(uas.logged.contains("packets=50.000000 lost= strangers="), "{}", uas.logged);
}
