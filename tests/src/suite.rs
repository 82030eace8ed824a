//! Routes of a configuration, run by the packaged Kamailio and by ours on the same messages: replies, forwarded
//! messages and log lines must be the same.
//!
//! A suite is one TOML file; all its cases share one start of each program. A case is the body of a route that
//! runs for messages to its user; a message to `sync` behind it tells when everything before was worked off.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::mask::Mask;
use crate::ports;
use crate::programs::{self, Missing, Running};

/// One TOML file below `cases/language/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What the suite shows, one sentence.
    pub about: String,
    /// Modules loaded besides sl, pv and xlog.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Configuration text behind the modules: parameters, further routes.
    #[serde(default)]
    pub head: String,
    /// The cases.
    pub case: Vec<Case>,
}

/// One route body and the messages it sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Lower-case letters, digits, `_`; the user of the request URI.
    pub name: String,
    /// Body of the route.
    pub route: String,
    /// Method of the default message.
    #[serde(default = "options")]
    pub method: String,
    /// More header lines of the default message.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Whole messages instead of the default one; `{caller}`, `{called}`, `{proxy}` stand for ports.
    #[serde(default)]
    pub messages: Vec<String>,
    /// How long to listen on after the messages, for what timers bring, in milliseconds.
    #[serde(default)]
    pub wait_ms: u64,
    /// Why ours differs on purpose, and what it does instead: log lines ours writes.
    pub ours_logs: Option<Vec<String>>,
}

fn options() -> String {
    "OPTIONS".to_string()
}

/// What came out of one case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Messages that came back to the caller.
    pub replies: Vec<String>,
    /// Messages that went to the called side.
    pub forwarded: Vec<String>,
    /// Texts logged by the script.
    pub logs: Vec<String>,
}

/// All cases of a suite, by name.
pub type Outcomes = BTreeMap<String, Outcome>;

const LIMIT: Duration = Duration::from_secs(20);

impl Suite {
    /// Reads a suite. Errors: the file and what is wrong in it.
    pub fn load(path: &Path) -> Result<Suite, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Runs all cases with `program` (`kamailio` or `sip-proxy`). Errors: `Err(Missing)` when it is not there.
    pub fn run(&self, program: &str, directory: &Path) -> Result<Outcomes, Missing> {
        let path = programs::locate(program)?;
        Bench::start(self, program, &path, directory)
            .and_then(|mut bench| bench.cases(self))
            .map_err(Missing::Broken)
    }

    fn config(&self, proxy: u16) -> String {
        let mut text = format!(
            "#!KAMAILIO\ndebug=1\nlog_stderror=yes\nchildren=1\nauto_aliases=no\nlisten=udp:127.0.0.1:{proxy}\n"
        );
        let modules = ["sl", "pv", "xlog"].into_iter().chain(self.modules.iter().map(String::as_str));
        text.extend(modules.map(|module| format!("loadmodule \"{module}.so\"\n")));
        text.push_str(&self.head);
        text.push_str("\nrequest_route {\n\tif ($rU == \"sync\") {\n\t\txlog(\"L_ERR\", \"sync $ci\\n\");\n");
        text.push_str("\t\tsl_send_reply(\"200\", \"Sync\");\n\t\texit;\n\t}\n");
        for case in &self.case {
            text.push_str(&format!(
                "\tif ($rU == \"{0}\") {{\n\t\troute(CASE_{0});\n\t\texit;\n\t}}\n",
                case.name
            ));
        }
        text.push_str("}\n");
        for case in &self.case {
            text.push_str(&format!("route[CASE_{}] {{\n{}\n}}\n", case.name, case.route));
        }
        text
    }
}

/// A running program with a caller and a called side around it.
struct Bench {
    program: Running,
    proxy: u16,
    caller: UdpSocket,
    called: UdpSocket,
    mask: Mask,
}

impl Bench {
    fn start(suite: &Suite, name: &str, path: &Path, directory: &Path) -> Result<Bench, String> {
        fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let proxy = ports::free()?;
        let socket = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
            socket.set_read_timeout(Some(Duration::from_millis(2))).map_err(|error| error.to_string())?;
            Ok::<_, String>(socket)
        };
        let (caller, called) = (socket()?, socket()?);
        let port =
            |socket: &UdpSocket| socket.local_addr().map(|addr| addr.port()).map_err(|e| e.to_string());
        let mut mask = Mask::times();
        for (number, word) in [(proxy, "PROXY"), (port(&caller)?, "CALLER"), (port(&called)?, "CALLED")] {
            mask.number(u32::from(number), word);
        }
        mask.add(r"(?m)^Server: .*\r$", "SERVER")?;
        mask.add(r"branch=z9hG4bK[0-9a-f.]{4,}[^;,\r\n]*", "BRANCH")?;
        mask.add(r";tag=(?:[0-9a-f]{8,}|as)[-.0-9a-zA-Z]*", "TAG")?;
        let config = suite
            .config(proxy)
            .replace("{caller}", &port(&caller)?.to_string())
            .replace("{called}", &port(&called)?.to_string())
            .replace("{proxy}", &proxy.to_string());
        fs::write(directory.join("suite.cfg"), config).map_err(|error| error.to_string())?;
        let mut args: Vec<String> = ["-f", "suite.cfg", "-DD", "-E"].map(str::to_string).to_vec();
        if name == "kamailio" {
            let place = directory.display().to_string();
            args.extend(["-m", "64", "-M", "8", "-w", &place, "-Y", &place].map(str::to_string));
        }
        let mut program = Running::start(path, &args, directory, name)?;
        let ready = program.wait_until(LIMIT, || ports::is_bound("udp", proxy));
        ready.map_err(|what| format!("{what}\n{}", program.output("err")))?;
        Ok(Bench { program, proxy, caller, called, mask })
    }

    fn cases(&mut self, suite: &Suite) -> Result<Outcomes, String> {
        let mut outcomes = Outcomes::new();
        for case in &suite.case {
            let outcome = self.case(case).map_err(|what| format!("{}: {what}", case.name))?;
            outcomes.insert(case.name.clone(), outcome);
        }
        self.program.end();
        for (case, lines) in script_lines(&self.program.output("err")) {
            if let Some(outcome) = outcomes.get_mut(&case) {
                outcome.logs = lines.iter().map(|line| self.mask.apply(line)).collect();
            }
        }
        Ok(outcomes)
    }

    fn case(&mut self, case: &Case) -> Result<Outcome, String> {
        let messages = if case.messages.is_empty() {
            vec![default_message(case)]
        } else {
            case.messages.iter().map(|message| message.trim_start().to_string()).collect()
        };
        for message in messages {
            self.send(&message)?;
        }
        let mut outcome = Outcome::default();
        self.listen(Duration::from_millis(case.wait_ms), &mut outcome, |_| false);
        self.send(&sync_message(&case.name))?;
        if !self.listen(LIMIT, &mut outcome, |reply| reply.starts_with("SIP/2.0 200 Sync")) {
            return Err(format!("no answer\n{}", self.program.output("err")));
        }
        outcome.replies.retain(|reply| !reply.starts_with("SIP/2.0 200 Sync"));
        Ok(outcome)
    }

    fn send(&self, message: &str) -> Result<(), String> {
        let port = |socket: &UdpSocket| socket.local_addr().map(|addr| addr.port().to_string());
        let message = message
            .replace("{proxy}", &self.proxy.to_string())
            .replace("{caller}", &port(&self.caller).map_err(|error| error.to_string())?)
            .replace("{called}", &port(&self.called).map_err(|error| error.to_string())?)
            .replace("\r\n", "\n")
            .replace('\n', "\r\n");
        self.caller
            .send_to(message.as_bytes(), (Ipv4Addr::LOCALHOST, self.proxy))
            .map_err(|e| e.to_string())?;
        Ok(())
    }

    /// Collects what arrives until `is_last` says so (true) or the time is over (false).
    fn listen(&self, limit: Duration, outcome: &mut Outcome, is_last: impl Fn(&str) -> bool) -> bool {
        let start = Instant::now();
        let mut packet = vec![0; 65_536];
        loop {
            while let Ok(length) = self.called.recv(&mut packet) {
                outcome.forwarded.push(self.mask.apply(&String::from_utf8_lossy(&packet[..length])));
            }
            while let Ok(length) = self.caller.recv(&mut packet) {
                let text = self.mask.apply(&String::from_utf8_lossy(&packet[..length]));
                let ends = is_last(&text);
                outcome.replies.push(text);
                if ends {
                    return true;
                }
            }
            if start.elapsed() >= limit {
                return false;
            }
        }
    }
}

fn default_message(case: &Case) -> String {
    let (method, name) = (&case.method, &case.name);
    let headers: String = case.headers.iter().map(|line| format!("{line}\n")).collect();
    format!(
        "{method} sip:{name}@127.0.0.1:{{proxy}} SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.1:{{caller}};branch=z9hG4bK-{name}\n\
         From: \"Alice A\" <sip:alice@atlanta.example;x=1>;tag=a1\n\
         To: Bob <sip:bob@biloxi.example>\n\
         Call-ID: {name}\nCSeq: 7 {method}\nContact: <sip:alice@127.0.0.1:{{caller}}>\n\
         Max-Forwards: 70\nUser-Agent: suite\n{headers}Content-Length: 0\n\n"
    )
}

fn sync_message(case: &str) -> String {
    format!(
        "OPTIONS sip:sync@127.0.0.1:{{proxy}} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{{caller}};branch=z9hG4bKsync{case}\n\
         From: <sip:sync@a.example>;tag=1\nTo: <sip:sync@b.example>\nCall-ID: {case}\nCSeq: 1 OPTIONS\n\
         Content-Length: 0\n\n"
    )
}

/// The script's log lines by case: `ERROR: <script>: text`, each group closed by its `sync NAME`.
fn script_lines(log: &str) -> Vec<(String, Vec<String>)> {
    let mut groups = Vec::new();
    let mut lines = Vec::new();
    for line in log.lines() {
        let Some((_, text)) = line.split_once("<script>: ") else { continue };
        match text.strip_prefix("sync ") {
            Some(case) => groups.push((case.trim().to_string(), std::mem::take(&mut lines))),
            None => lines.push(text.to_string()),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::script_lines;

    #[test]
    fn lines_belong_to_the_case_whose_sync_follows() {
        let log = " 0(1) ERROR: <script>: a=1\n 0(1) INFO: core: x\n 0(1) ERROR: <script>: sync one\n\
                   0(1) ERROR: <script>: sync two\n";
        let expected = vec![("one".to_string(), vec!["a=1".to_string()]), ("two".to_string(), vec![])];
        assert_eq!(script_lines(log), expected);
    }
}
