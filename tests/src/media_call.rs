//! One media call between two runs of our own sipp: scenarios made from the parts that differ, both run to their
//! end, what they logged and reported handed back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ports;
use crate::programs::{self, Running};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(40);

/// One side of a call.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its session description from the first `m=` line on.
    pub media: String,
    /// What it does between ACK and BYE: elements of a scenario.
    pub during: String,
    /// Actions of its last received message.
    pub at_end: String,
    /// Further options.
    pub options: String,
}

/// A call that is set up but not started.
#[derive(Debug)]
pub struct MediaCall {
    /// Where both run; files that scenarios play are put here.
    pub folder: PathBuf,
    calls: u32,
    via: Option<u16>,
    called_port: u16,
}

/// How one side ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code.
    pub exit: Option<i32>,
    /// Texts of `log` actions.
    pub logged: String,
    /// The report of `-json`.
    pub report: String,
    /// Standard error.
    pub errors: String,
}

impl Ended {
    /// The first figure of that name in the report; NaN when it is null or absent.
    pub fn figure(&self, name: &str) -> f64 {
        let behind = self.report.split(&format!("\"{name}\":")).nth(1).unwrap_or_default();
        let end = behind.find([',', '\n']).unwrap_or(behind.len());
        behind[..end].trim().parse().unwrap_or(f64::NAN)
    }
}

impl MediaCall {
    /// A call in a directory of its own.
    pub fn new(name: &str) -> MediaCall {
        let folder = std::env::temp_dir().join(format!("media-call-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary directory is writable");
        MediaCall { folder, calls: 1, via: None, called_port: port() }
    }

    /// The same, several times at once.
    pub fn times(mut self, calls: u32) -> MediaCall {
        self.calls = calls;
        self
    }

    /// The same through a proxy on that port; the calling side sends there.
    pub fn via(mut self, proxy: u16) -> MediaCall {
        self.via = Some(proxy);
        self
    }

    /// The port of the called side.
    pub fn called_port(&self) -> u16 {
        self.called_port
    }

    /// A file that a scenario plays.
    pub fn file(self, name: &str, bytes: &[u8]) -> MediaCall {
        fs::write(self.folder.join(name), bytes).expect("writable");
        self
    }

    /// Runs both sides until they end: first the calling one.
    pub fn run(&self, calling: &Side, called: &Side) -> (Ended, Ended) {
        fs::write(self.folder.join("uac.xml"), uac(calling)).expect("writable");
        fs::write(self.folder.join("uas.xml"), uas(called)).expect("writable");
        let calls = self.calls;
        let line = format!("-sf uas.xml -p {} -m {calls} {}", self.called_port, called.options);
        let mut uas = self.start("uas", &line);
        uas.wait_until(LIMIT, || ports::is_bound("udp", self.called_port)).expect("listens");
        let to = self.via.unwrap_or(self.called_port);
        let line = format!("-sf uac.xml 127.0.0.1:{to} -p {} -r 100 -m {calls} {}", port(), calling.options);
        let mut uac = self.start("uac", &line);
        let first = self.end("uac", &mut uac);
        (first, self.end("uas", &mut uas))
    }

    fn start(&self, name: &str, line: &str) -> Running {
        let sipp = programs::locate("sipp").expect("ours is built");
        let common = format!(
            "-i 127.0.0.1 -nostdin -timeout 30 -trace_logs -log_file {name}.log -json {name}.json {line}"
        );
        let args: Vec<String> = common.split_whitespace().map(str::to_owned).collect();
        Running::start(&sipp, &args, &self.folder, name).expect("starts")
    }

    fn end(&self, name: &str, program: &mut Running) -> Ended {
        let exit = program.wait(LIMIT).expect("ends").code();
        let read = |ending: &str| {
            fs::read_to_string(self.folder.join(format!("{name}.{ending}"))).unwrap_or_default()
        };
        Ended { exit, logged: read("log"), report: read("json"), errors: program.output("err") }
    }

    /// A file that a run wrote.
    pub fn written(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }
}

impl Drop for MediaCall {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A free even port that leaves room for those above it.
pub fn port() -> u16 {
    ports::free().expect("a free port")
}

/// Bytes that sound like nothing: G.711 of `ms` milliseconds.
pub fn samples(ms: usize) -> Vec<u8> {
    (0..ms * 8).map(|at| (at % 251) as u8).collect()
}

/// Our sample captures.
pub fn sample_capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcap").join(name);
    fs::read(path).expect("the sample is there")
}

fn uac(side: &Side) -> String {
    let request = |method: &str, target: &str, tag: &str, cseq: u32, body: &str| {
        format!(
            "<send retrans=\"500\"><![CDATA[\n{method} {target} SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
             From: <sip:a@test>;tag=a[call_number]\nTo: <sip:b@test>{tag}\n[routes]\nCall-ID: [call_id]\n\
             CSeq: {cseq} {method}\nContact: <sip:a@[local_ip]:[local_port]>\nMax-Forwards: 70\n{body}\n]]></send>\n"
        )
    };
    let target = "sip:b@[remote_ip]:[remote_port]";
    let text = [
        request("INVITE", target, "", 1, &description(&side.media)),
        "<recv response=\"100\" optional=\"true\"/><recv response=\"200\" rrs=\"true\"/>\n".into(),
        request("ACK", "[next_url]", "[peer_tag_param]", 1, "Content-Length: 0\n")
            .replace(" retrans=\"500\"", ""),
        side.during.clone(),
        request("BYE", "[next_url]", "[peer_tag_param]", 2, "Content-Length: 0\n"),
        format!("<recv response=\"200\"><action>{}</action></recv>\n", side.at_end),
    ];
    document("uac", &text.concat())
}

fn uas(side: &Side) -> String {
    let answer = |rest: &str, tag: &str| {
        format!(
            "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Record-Route:]\n\
             [last_Call-ID:]\n[last_CSeq:]\nContact: <sip:b@[local_ip]:[local_port]>\n{rest}\n]]></send>\n"
        )
    };
    let text = [
        "<recv request=\"INVITE\"/>\n".into(),
        answer(&description(&side.media), ";tag=b[call_number]"),
        "<recv request=\"ACK\"/>\n".into(),
        side.during.clone(),
        format!("<recv request=\"BYE\"><action>{}</action></recv>\n", side.at_end),
        answer("Content-Length: 0\n", ""),
    ];
    document("uas", &text.concat())
}

fn document(name: &str, text: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<scenario name=\"{name}\">\n{text}</scenario>\n")
}

fn description(media: &str) -> String {
    format!(
        "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\n\
         c=IN IP4 127.0.0.1\nt=0 0\n{media}\n"
    )
}
