//! Media on the wire: ours sends the packets the packaged SIPp sends, and what is sent is received. With `MEDIA_IDLE`
//! set, on a machine that does nothing else, times between our packets must be those of the plan within a millisecond,
//! for 99 of 100.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use e2e::ports;
use e2e::programs::{self, Missing, Running};
use sip::net::{RecvRing, UdpOptions};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One received packet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packet {
    /// Microseconds since the first packet.
    at_us: u64,
    /// Which of the listening ports, from 0.
    port: usize,
    /// Source port minus the sender's media port.
    source_shift: i32,
    bytes: Vec<u8>,
}

/// Sockets on consecutive ports of loopback, where the called side wants its media. The kernel says when a packet
/// came: on a busy machine it is read later.
struct Ear {
    sockets: Vec<sip::net::UdpSocket>,
    ring: RecvRing,
    first_port: u16,
}

impl Ear {
    fn open(count: u16) -> Ear {
        for _ in 0..200 {
            let first_port = ports::free().expect("a free port");
            let bind = |step| {
                let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, first_port + step));
                let socket = sip::net::UdpSocket::bind(addr, &UdpOptions::default()).ok()?;
                socket.tell_arrivals().expect("every kernel can");
                Some(socket)
            };
            if let Some(sockets) = (0..count).map(bind).collect() {
                return Ear { sockets, ring: RecvRing::new(64), first_port };
            }
        }
        panic!("no consecutive free ports");
    }

    /// What arrives until `is_over`, sent from around `media_port`.
    fn listen(mut self, media_port: u16, mut is_over: impl FnMut() -> bool) -> Vec<Packet> {
        let mut came: Vec<(Duration, Packet)> = Vec::new();
        loop {
            // Asked before reading, so that nothing sent before the end is missed.
            let over = is_over();
            for (port, socket) in self.sockets.iter_mut().enumerate() {
                self.ring.clear();
                socket.receive(&mut self.ring).expect("readable");
                for index in 0..self.ring.len() {
                    let (bytes, from) = self.ring.get(index).expect("one per datagram");
                    let source_shift = i32::from(from.port()) - i32::from(media_port);
                    let packet = Packet { at_us: 0, port, source_shift, bytes: bytes.to_vec() };
                    came.push((self.ring.arrival(index).expect("stamped"), packet));
                }
            }
            if over {
                break;
            }
            // The kernel stamps what comes in; looking seldom changes no time.
            std::thread::sleep(Duration::from_micros(300));
        }
        came.sort_by_key(|(at, _)| *at);
        let first = came.first().map_or(Duration::ZERO, |(at, _)| *at);
        let since_first =
            |(at, packet): (Duration, Packet)| Packet { at_us: (at - first).as_micros() as u64, ..packet };
        came.into_iter().map(since_first).collect()
    }
}

/// The media line that an action plays to.
fn kind_of(action: &str) -> &'static str {
    ["video", "image"].into_iter().find(|kind| action.contains(&format!("_{kind}="))).unwrap_or("audio")
}

/// The calling side plays `action`, waits `pause_ms` and ends; the called side wants its media at the ear.
fn scenarios(folder: &Path, action: &str, pause_ms: u32, media_port: u16) {
    let head = |first: &str, tag: &str, cseq: &str| {
        format!(
            "{first}\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nFrom: <sip:a@test>;tag=a\n\
             To: <sip:b@test>{tag}\nCall-ID: [call_id]\nCSeq: {cseq}\nContact: <sip:[local_ip]:[local_port]>\n"
        )
    };
    let kind = kind_of(action);
    let sdp = |port: &str| {
        format!(
            "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\n\
             c=IN IP4 127.0.0.1\nt=0 0\nm={kind} {port} RTP/AVP 8\n"
        )
    };
    let send = |text: String| format!("<send><![CDATA[\n{text}\n]]></send>\n");
    let target = "sip:b@[remote_ip]:[remote_port] SIP/2.0";
    let uac = [
        send(head(&format!("INVITE {target}"), "", "1 INVITE") + &sdp("[media_port]")),
        "<recv response=\"200\"/>\n".into(),
        send(head(&format!("ACK {target}"), ";tag=b", "1 ACK") + "Content-Length: 0\n"),
        format!("<nop><action><exec {action}/></action></nop><pause milliseconds=\"{pause_ms}\"/>\n"),
        send(head(&format!("BYE {target}"), ";tag=b", "2 BYE") + "Content-Length: 0\n"),
        "<recv response=\"200\"/>\n".into(),
    ]
    .concat();
    let answer = |tag: &str, rest: String| {
        send(format!(
            "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n\
             Contact: <sip:[local_ip]:[local_port]>\n{rest}"
        ))
    };
    let uas = [
        "<recv request=\"INVITE\"/>\n".into(),
        answer(";tag=b", sdp(&media_port.to_string())),
        "<recv request=\"ACK\"/><recv request=\"BYE\"/>\n".into(),
        answer("", "Content-Length: 0\n".into()),
    ]
    .concat();
    for (name, text) in [("uac", uac), ("uas", uas)] {
        let text = format!("<?xml version=\"1.0\"?>\n<scenario name=\"{name}\">\n{text}</scenario>\n");
        fs::write(folder.join(format!("{name}.xml")), text).expect("writable");
    }
}

/// What a program is to play.
#[derive(Clone, Copy, Default)]
struct Playing<'a> {
    /// The attribute of `exec`.
    action: &'a str,
    pause_ms: u32,
    /// A file it plays.
    file: Option<(&'a str, &'a [u8])>,
    options: &'a str,
}

/// Lets `program` play and gives what the ear heard. `None`: the program is not installed.
fn play(program: &str, playing: Playing<'_>) -> Option<Vec<Packet>> {
    let Playing { action, pause_ms, file, options } = playing;
    let path = match programs::locate(program) {
        Ok(path) => path,
        Err(Missing::Original(_)) => return None,
        Err(Missing::Broken(what)) => panic!("{what}"),
    };
    let folder = scratch(program);
    if let Some((name, bytes)) = file {
        fs::write(folder.join(name), bytes).expect("writable");
    }
    let ear = Ear::open(3);
    scenarios(&folder, action, pause_ms, ear.first_port);
    let (uas_port, uac_port, media_port) = (free(), free(), free());
    let called = programs::locate("sipp").expect("ours is built");
    let args = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let uas = format!("-sf uas.xml -i 127.0.0.1 -p {uas_port} -m 1 -nostdin");
    let mut uas = Running::start(&called, &args(uas), &folder, "uas").expect("starts");
    uas.wait_until(LIMIT, || ports::is_bound("udp", uas_port)).expect("listens");
    let uac = format!(
        "-sf uac.xml 127.0.0.1:{uas_port} -i 127.0.0.1 -p {uac_port} -mp {media_port} -m 1 -nostdin -timeout 20 {options}"
    );
    let mut uac = Running::start(&path, &args(uac), &folder, "uac").expect("starts");
    let packets = ear.listen(media_port, || uac.wait(Duration::ZERO).is_ok());
    let exit = uac.wait(LIMIT).expect("ends").code();
    assert_eq!(exit, Some(0), "{program}: {}", uac.output("err"));
    uas.wait(LIMIT).expect("ends");
    let _ = fs::remove_dir_all(&folder);
    Some(packets)
}

fn free() -> u16 {
    ports::free().expect("a free port")
}

fn scratch(name: &str) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("media-{}-{name}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("writable");
    folder
}

/// Same packets, order, ports.
fn assert_same_packets(original: &[Packet], ours: &[Packet]) {
    let what = |packets: &[Packet]| -> Vec<(usize, i32, Vec<u8>)> {
        packets.iter().map(|packet| (packet.port, packet.source_shift, packet.bytes.clone())).collect()
    };
    assert_eq!(what(original), what(ours));
}

/// The same on the same schedule, to within what a busy machine allows. `gaps`: microseconds that are to lie between
/// two packets, by the number of the second one. Gives how far off they were with each program.
fn assert_same(original: &[Packet], ours: &[Packet], gaps: impl Fn(usize) -> u64) -> [Vec<u64>; 2] {
    assert_same_packets(original, ours);
    // On a busy machine the first packet may itself have been late: the one in the middle counts.
    let mut apart: Vec<i64> =
        original.iter().zip(ours).map(|(a, b)| a.at_us as i64 - b.at_us as i64).collect();
    apart.sort_unstable();
    let middle = apart[apart.len() / 2];
    let far = apart.iter().filter(|apart| apart.abs_diff(middle) > 40_000).count();
    assert!(far * 4 <= ours.len(), "{far} of {} packets far from their moment", ours.len());
    let off = |packets: &[Packet]| -> Vec<u64> {
        let pairs = packets.windows(2).enumerate();
        pairs.map(|(at, pair)| (pair[1].at_us - pair[0].at_us).abs_diff(gaps(at + 1))).collect()
    };
    [off(original), off(ours)]
}

/// How far the times between packets were from the plan, of SIPp's and of ours, for 99 of 100. Told, and on an idle
/// machine asserted: on a busy one both sides wait for their turn. Seen with --nocapture.
fn assert_on_time(mut off: [Vec<u64>; 2]) {
    off.iter_mut().for_each(|off| off.sort_unstable());
    let [theirs, ours] = off.map(|off| off.get(off.len() * 99 / 100).copied().unwrap_or_default());
    let told = format!("times between packets are {ours} us off the plan, SIPp's {theirs} us");
    let _ = writeln!(std::io::stderr(), "{told}");
    if std::env::var_os("MEDIA_IDLE").is_some() {
        assert!(ours <= 1000, "{told}");
    }
}

/// What several runs of both programs showed, together.
fn joined(runs: Vec<[Vec<u64>; 2]>) -> [Vec<u64>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for run in runs {
        all.iter_mut().zip(run).for_each(|(all, run)| all.extend(run));
    }
    all
}

/// What lies between two packets of [`capture`], in microseconds.
fn captured_gap(packet: usize) -> u64 {
    5_000 + (packet as u64 - 1) % 4 * 5_000
}

/// A capture to ports 4000 to 4002, of which the middle one is RTCP-like: 60 packets, uneven spacing.
fn capture() -> Vec<u8> {
    let mut file = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
    let mut micros = 0u32;
    for packet in 0..60u16 {
        let payload: Vec<u8> = (0..40 + packet).map(|at| (at * 3 + packet) as u8).collect();
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x0f, 0xa0]);
        frame.extend((4000 + packet % 3).to_be_bytes());
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        for word in [7, micros, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
        micros += captured_gap(usize::from(packet) + 1) as u32;
    }
    file
}

#[test]
fn a_capture_is_replayed_as_sipp_replays_it() {
    let file = capture();
    let mut runs = Vec::new();
    for action in ["play_pcap_audio", "play_pcap_video", "play_pcap_image"] {
        let action = format!("{action}=\"c.pcap\"");
        let playing =
            Playing { action: &action, pause_ms: 1200, file: Some(("c.pcap", &file)), ..Playing::default() };
        let run = |program| play(program, playing);
        let ours = run("sipp").expect("ours is built");
        assert_eq!(ours.len(), 60, "{action}");
        if let Some(original) = run("packaged-sipp") {
            runs.push(assert_same(&original, &ours, captured_gap));
        }
    }
    assert_on_time(joined(runs));
}

/// The plan of `1#,100`: 20 fillers of which the first two leave together, and for each digit five packets of the tone
/// and three of its end (measured on SIPp 3.6.1).
fn event_gap(packet: usize) -> u64 {
    match packet {
        1 => 0,
        2..=19 => 20_000,
        20 => 220_000,
        // The second digit begins 200 ms after the first one.
        28 => 98_000,
        _ => match (packet - 20) % 8 {
            1..=5 => 20_000,
            _ => 1_000,
        },
    }
}

#[test]
fn telephone_events_are_those_of_sipp() {
    let playing = Playing { action: "play_dtmf=\"1#,100\"", pause_ms: 1300, ..Playing::default() };
    let run = |program| play(program, playing);
    let masked = |packets: Vec<Packet>| -> Vec<Packet> {
        let mask = |mut packet: Packet| {
            // The SSRC is new each time, and SIPp's reserved bit is random.
            packet.bytes[8..12].fill(0);
            packet.bytes[13] &= 0xbf;
            packet
        };
        packets.into_iter().map(mask).collect()
    };
    let ours = masked(run("sipp").expect("ours is built"));
    assert_eq!(ours.len(), 36);
    if let Some(original) = run("packaged-sipp") {
        assert_on_time(assert_same(&masked(original), &ours, event_gap));
    }
}

/// Time stamps begin with the age of the process: only their steps can be compared.
fn stamps_from_zero(mut packets: Vec<Packet>) -> Vec<Packet> {
    let base = packets.first().map_or(0, stamp);
    for packet in &mut packets {
        let since = stamp(packet).wrapping_sub(base);
        packet.bytes[4..8].copy_from_slice(&since.to_be_bytes());
    }
    packets
}

fn stamp(packet: &Packet) -> u32 {
    u32::from_be_bytes(packet.bytes[4..8].try_into().expect("four bytes"))
}

/// PCMA twice, PCMU, G.722, G.729, SIPp's iLBC, and what `-rtp_payload` says.
#[test]
fn a_file_is_streamed_as_sipp_streams_it() {
    let file: Vec<u8> = (0..868u32).map(|at| (at % 251) as u8).collect();
    let rows = [
        (",2,8", 11, ""),
        (",1,0", 6, ""),
        (",1,9", 6, ""),
        (",1,18", 44, ""),
        (",1,98", 18, ""),
        ("", 6, "-rtp_payload 0"),
    ];
    let mut runs = Vec::new();
    for (arguments, packets, options) in rows {
        let action = format!("rtp_stream=\"f.raw{arguments}\"");
        let file = Some(("f.raw", &*file));
        let gap = if arguments == ",1,98" { 30_000 } else { 20_000 };
        let run = |program| play(program, Playing { action: &action, pause_ms: 1200, file, options });
        let ours = stamps_from_zero(run("sipp").expect("ours is built"));
        assert_eq!(ours.len(), packets, "{action}");
        if let Some(original) = run("packaged-sipp") {
            runs.push(assert_same(&stamps_from_zero(original), &ours, |_| gap));
        }
    }
    assert_on_time(joined(runs));
}

/// After `pause` and `resume` the file and its sequence go on, and the time stamp has gone on with the clock.
#[test]
fn a_stream_pauses_as_that_of_sipp() {
    let file: Vec<u8> = (0..4800u32).map(|at| (at % 251) as u8).collect();
    let step = |action: &str, ms| {
        format!("rtp_stream=\"{action}\"/></action></nop><pause milliseconds=\"{ms}\"/><nop><action><exec ")
    };
    let actions = step("f.raw,1,8", 70) + &step("pause", 300) + "rtp_stream=\"resume\"";
    let file = Some(("f.raw", &*file));
    let playing = Playing { action: &actions, pause_ms: 1200, file, ..Playing::default() };
    let run = |program| play(program, playing);
    let jumps = |packets: &[Packet]| -> Vec<u32> {
        let steps = packets.windows(2).map(|pair| stamp(&pair[1]).wrapping_sub(stamp(&pair[0])));
        steps.filter(|step| *step != 160).collect()
    };
    let unstamped = |mut packets: Vec<Packet>| {
        packets.iter_mut().for_each(|packet| packet.bytes[4..8].fill(0));
        packets
    };
    let ours = run("sipp").expect("ours is built");
    // 300 ms at 8 kHz, and the packet itself; a busy machine pauses longer.
    assert!(ours.len() == 30 && matches!(*jumps(&ours), [2400..8000]), "{:?}", jumps(&ours));
    // On a busy machine the original's stream may begin when the pause is already over.
    let mut runs = (0..4).map_while(|_| run("packaged-sipp"));
    if let Some(original) = runs.find(|packets| !jumps(packets).is_empty()) {
        assert!(matches!(*jumps(&original), [2300..8000]), "{:?}", jumps(&original));
        assert_same_packets(&unstamped(original), &unstamped(ours));
    }
}

/// `-rtp_echo` returns any datagram of the audio port and the one two above, from where it came to.
#[test]
fn media_ports_echo_as_those_of_sipp() {
    let returned = |program| -> Option<Vec<Vec<u8>>> {
        let path = match programs::locate(program) {
            Ok(path) => path,
            Err(Missing::Original(_)) => return None,
            Err(Missing::Broken(what)) => panic!("{what}"),
        };
        let folder = scratch(program);
        let (sip, media) = (free(), free());
        let args = format!("-sn uas -i 127.0.0.1 -p {sip} -mp {media} -rtp_echo -nostdin");
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let mut uas = Running::start(&path, &args, &folder, "uas").expect("starts");
        uas.wait_until(LIMIT, || ports::is_bound("udp", sip) && ports::is_bound("udp", media))
            .expect("listens");
        let mut heard = Vec::new();
        for shift in [0, 1, 2] {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let wait = if shift == 1 { Duration::from_millis(400) } else { LIMIT };
            socket.set_read_timeout(Some(wait)).expect("allowed");
            for datagram in [&b"no RTP at all"[..], &[0x80; 172]] {
                socket.send_to(datagram, (Ipv4Addr::LOCALHOST, media + shift)).expect("sent");
                let mut buffer = [0; 2048];
                let came =
                    socket.recv_from(&mut buffer).ok().filter(|(_, from)| from.port() == media + shift);
                heard.push(came.map_or(Vec::new(), |(len, _)| buffer[..len].to_vec()));
            }
        }
        uas.end();
        let _ = fs::remove_dir_all(&folder);
        Some(heard)
    };
    let ours = returned("sipp").expect("ours is built");
    assert_eq!(ours.iter().map(Vec::len).collect::<Vec<_>>(), [13, 172, 0, 0, 13, 172]);
    if let Some(original) = returned("packaged-sipp") {
        assert_eq!(original, ours);
    }
}

#[test]
fn a_missing_capture_is_an_error_before_the_first_call() {
    let folder = scratch("missing");
    scenarios(&folder, "play_pcap_audio=\"nowhere.pcap\"", 1, 4000);
    let path = programs::locate("sipp").expect("ours is built");
    let args = ["-sf", "uac.xml", "127.0.0.1", "-i", "127.0.0.1", "-m", "1", "-nostdin"].map(String::from);
    let mut run = Running::start(&path, &args, &folder, "uac").expect("starts");
    let exit = run.wait(LIMIT).expect("ends").code();
    let error = run.output("err");
    assert_eq!(exit, Some(1), "{error}");
    assert!(error.contains("uac.xml:") && error.contains("nowhere.pcap"), "{error}");
    let _ = fs::remove_dir_all(&folder);
}

/// A call that streams audio and replays video at once to a side that returns all of it: what comes back is
/// complete, and said so in the report.
#[test]
fn echoed_audio_and_video_come_back_complete() {
    let folder = scratch("echo");
    fs::write(folder.join("f.raw"), vec![0xd5; 8000]).expect("writable");
    let video = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcap/dtmf_2833_5.pcap");
    fs::copy(video, folder.join("v.pcap")).expect("the sample is there");
    let (uas_port, uac_port) = (free(), free());
    let (near, far) = (free(), free());
    let actions = "rtp_stream=\"f.raw,1,8\"/><exec play_pcap_video=\"v.pcap\"";
    scenarios(&folder, actions, 1500, far);
    for name in ["uac.xml", "uas.xml"] {
        let text = fs::read_to_string(folder.join(name)).expect("written");
        let text = text.replace(&format!("m=audio {far} "), "m=audio [media_port] ");
        let text = text.replace("RTP/AVP 8\n", "RTP/AVP 8\nm=video [media_port+2] RTP/AVP 101\n");
        fs::write(folder.join(name), text).expect("writable");
    }
    let sipp = programs::locate("sipp").expect("ours is built");
    let args = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let line = format!("-sf uas.xml -i 127.0.0.1 -p {uas_port} -mp {far} -m 1 -nostdin -rtp_echo");
    let mut uas = Running::start(&sipp, &args(line), &folder, "uas").expect("starts");
    uas.wait_until(LIMIT, || ports::is_bound("udp", uas_port)).expect("listens");
    let line = format!(
        "-sf uac.xml 127.0.0.1:{uas_port} -i 127.0.0.1 -p {uac_port} -mp {near} -m 1 -nostdin -timeout 20 -json r.json"
    );
    let mut uac = Running::start(&sipp, &args(line), &folder, "uac").expect("starts");
    let exit = uac.wait(LIMIT).expect("ends").code();
    assert_eq!(exit, Some(0), "{}", uac.output("err"));
    uas.wait(LIMIT).expect("ends");
    let report = fs::read_to_string(folder.join("r.json")).expect("the report is written");
    let number = |name: &str| -> f64 {
        let behind = report.split(&format!("\"{name}\":")).nth(1).unwrap_or_default();
        let end = behind.find([',', '\n']).unwrap_or(behind.len());
        behind[..end].trim().parse().unwrap_or(f64::NAN)
    };
    // 50 packets of audio, 11 of the replayed capture.
    assert_eq!((number("sent_packets"), number("received_packets")), (61.0, 61.0), "{report}");
    assert_eq!((number("lost"), number("streams"), number("strangers")), (0.0, 2.0, 0.0), "{report}");
    assert!(number("mean_mos") > 4.0, "{report}");
    let _ = fs::remove_dir_all(&folder);
}
