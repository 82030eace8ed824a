//! A running program with a caller and up to three called sides around it, for the cases of a suite.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::digest;
use crate::mask::Mask;
use crate::ports;
use crate::programs::{self, Running};
use crate::suite::{Case, Outcome, Outcomes, Suite, default_message, sync_message};

/// How long a program may take to start, or to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Behind each message of a case but the last: its answer may be needed for the next one.
const BETWEEN: Duration = Duration::from_millis(50);

/// How much longer than it asks for a case listens for a final reply.
const PATIENCE: Duration = Duration::from_millis(150);

/// How often the sockets are looked at.
const LOOK_AGAIN: Duration = Duration::from_micros(500);

/// The program and the sides around it.
pub(crate) struct Stage {
    program: Running,
    /// Placeholders and ports.
    ports: Vec<(&'static str, u16)>,
    caller: UdpSocket,
    called: Vec<UdpSocket>,
    mask: Mask,
    /// To tag of the last reply the caller saw.
    tag: String,
    /// Record-Route of the last reply the caller saw.
    route: String,
    /// Value of the last challenge the caller saw.
    challenge: String,
    /// Where the program runs.
    directory: PathBuf,
}

impl Stage {
    /// Starts `name` with the suite's configuration in `directory`.
    pub(crate) fn start(suite: &Suite, name: &str, path: &Path, directory: &Path) -> Result<Stage, String> {
        fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        suite.setup.iter().try_for_each(|arguments| set_up(arguments, directory))?;
        let proxy = ports::free()?;
        let caller = socket()?;
        let called = vec![socket()?, socket()?, socket()?];
        let ports = vec![
            ("{proxy}", proxy),
            ("{caller}", port(&caller)?),
            ("{called}", port(&called[0])?),
            ("{called2}", port(&called[1])?),
            ("{called3}", port(&called[2])?),
            ("{nobody}", ports::free()?),
        ];
        for (name, text) in &suite.files {
            fs::write(directory.join(name), fill(text, &ports)).map_err(|error| error.to_string())?;
        }
        fs::write(directory.join("suite.cfg"), fill(&suite.config(), &ports))
            .map_err(|error| error.to_string())?;
        let mut args: Vec<String> = ["-f", "suite.cfg", "-DD", "-E"].map(str::to_string).to_vec();
        if name == "kamailio" {
            let place = directory.display().to_string();
            args.extend(["-m", "64", "-M", "8", "-w", &place, "-Y", &place].map(str::to_string));
        }
        let mut program = Running::start(path, &args, directory, name)?;
        let ready = program.wait_until(LIMIT, || ports::is_bound("udp", proxy));
        ready.map_err(|what| format!("{what}\n{}", program.output("err")))?;
        let mask = mask(&ports)?;
        Ok(Stage {
            program,
            ports,
            caller,
            called,
            mask,
            tag: String::new(),
            route: String::new(),
            challenge: String::new(),
            directory: directory.to_owned(),
        })
    }

    /// Runs all cases of the suite, ends the program, and reads its log.
    pub(crate) fn cases(&mut self, suite: &Suite) -> Result<Outcomes, String> {
        let mut outcomes = Outcomes::new();
        for case in &suite.case {
            let others =
                suite.case.iter().map(|case| case.name.as_str()).filter(|name| *name != case.name).collect();
            let outcome = self.case(case, others).map_err(|what| format!("{}: {what}", case.name))?;
            outcomes.insert(case.name.clone(), outcome);
        }
        self.program.end();
        for (case, lines) in script_lines(&self.program.output("err")) {
            if let Some(outcome) = outcomes.get_mut(&case) {
                outcome.logs = lines.iter().map(|line| self.mask.apply(line)).collect();
            }
        }
        for (case, outcome) in &mut outcomes {
            for [file, query] in &suite.rows {
                let text = sqlite(&[file.clone(), query.replace("{name}", case)], &self.directory)?;
                outcome.rows.extend(text.lines().map(|line| self.mask.apply(line)));
            }
        }
        Ok(outcomes)
    }

    fn case(&mut self, case: &Case, others: Vec<&str>) -> Result<Outcome, String> {
        let messages = if case.messages.is_empty() {
            vec![default_message(case)]
        } else {
            case.messages.iter().map(|message| message.trim_start().to_string()).collect()
        };
        let mut seen = Seen {
            case,
            others,
            replies: Vec::new(),
            forwarded: vec![Vec::new(); self.called.len()],
            is_answered: false,
        };
        let last = messages.len() - 1;
        for (number, message) in messages.iter().enumerate() {
            self.send(message)?;
            let pause = if number == last { Duration::ZERO } else { BETWEEN };
            seen.is_answered = false;
            self.listen(pause.max(Duration::from_millis(case.wait_ms)), &mut seen);
            // A machine with much else to do gets more time: what follows may need the answer.
            if !seen.is_answered && (number < last || case.wait_ms > 0) && !message.starts_with("ACK") {
                self.listen_for_answer(&mut seen);
            }
        }
        self.send(&sync_message(&case.name))?;
        if !self.listen(LIMIT, &mut seen) {
            return Err(format!("no answer\n{}", self.program.output("err")));
        }
        // What was forwarded before the last answer is there by now.
        self.hear_called(&mut seen);
        Ok(seen.outcome(&self.mask))
    }

    fn send(&self, message: &str) -> Result<(), String> {
        let message = fill(message, &self.ports).replace("{tag}", &self.tag).replace("{route}", &self.route);
        let message = digest::fill(&message, &self.challenge)?;
        let message = message.replace("\r\n", "\n").replace('\n', "\r\n");
        let proxy = (Ipv4Addr::LOCALHOST, self.ports[0].1);
        self.caller.send_to(message.as_bytes(), proxy).map(drop).map_err(|error| error.to_string())
    }

    /// Collects what arrives, and lets the called sides answer, until the answer to the last message of a case
    /// arrives (true) or the time is over (false).
    fn listen(&mut self, limit: Duration, seen: &mut Seen<'_>) -> bool {
        let start = Instant::now();
        loop {
            self.hear_called(seen);
            if self.hear_caller(seen) {
                return true;
            }
            if start.elapsed() >= limit {
                return false;
            }
            // A time limit of the sockets themselves would be rounded up to ten times as long.
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Listens until a final reply comes, but not for long.
    fn listen_for_answer(&mut self, seen: &mut Seen<'_>) {
        let start = Instant::now();
        while !seen.is_answered && start.elapsed() < PATIENCE {
            self.listen(Duration::from_millis(5), seen);
        }
    }

    fn hear_called(&mut self, seen: &mut Seen<'_>) {
        let mut packet = vec![0; 65_536];
        for (side, socket) in self.called.iter().enumerate() {
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let text = String::from_utf8_lossy(&packet[..length]).into_owned();
                if seen.is_of_another_case(&text) {
                    continue;
                }
                answer(socket, from, &text, seen.case.answers.get(side));
                seen.forwarded[side].push(text);
            }
        }
    }

    /// True when the answer to the last message of a case is among what arrived.
    fn hear_caller(&mut self, seen: &mut Seen<'_>) -> bool {
        let mut packet = vec![0; 65_536];
        while let Ok(length) = self.caller.recv(&mut packet) {
            let text = String::from_utf8_lossy(&packet[..length]).into_owned();
            if text.starts_with("SIP/2.0 200 Sync") {
                return true;
            }
            if seen.is_of_another_case(&text) {
                continue;
            }
            if let Some((_, tag)) = field(&text, "To").split_once(";tag=") {
                self.tag = tag.to_string();
            }
            let route = field(&text, "Record-Route");
            if !route.is_empty() {
                self.route = route.to_string();
            }
            for name in ["WWW-Authenticate", "Proxy-Authenticate"] {
                let value = field(&text, name);
                if !value.is_empty() {
                    self.challenge = value.to_string();
                }
            }
            seen.is_answered |= !text.starts_with("SIP/2.0 1");
            seen.replies.push(text);
        }
        false
    }
}

/// What arrived during one case.
struct Seen<'a> {
    case: &'a Case,
    /// Call-IDs of the other cases, whose retransmissions may still come in.
    others: Vec<&'a str>,
    replies: Vec<String>,
    forwarded: Vec<Vec<String>>,
    /// Whether a final reply to the last message has come.
    is_answered: bool,
}

impl Seen<'_> {
    fn is_of_another_case(&self, message: &str) -> bool {
        self.others.contains(&field(message, "Call-ID"))
    }

    fn outcome(&self, mask: &Mask) -> Outcome {
        let masked = |texts: &Vec<String>| {
            let mut texts: Vec<String> = texts.iter().map(|text| mask.apply(text)).collect();
            // A retransmission depends on the machine's mood.
            texts.dedup();
            texts
        };
        let forwarded = self.forwarded.iter().flat_map(masked).collect();
        Outcome { replies: masked(&self.replies), forwarded, ..Outcome::default() }
    }
}

/// Runs ours with these arguments, whichever program the suite is for.
fn set_up(arguments: &[String], directory: &Path) -> Result<(), String> {
    if let [program, arguments @ ..] = arguments
        && program == "sqlite3"
    {
        return sqlite(arguments, directory).map(drop);
    }
    let program = programs::locate("sip-proxy").map_err(|missing| format!("{missing:?}"))?;
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs the program `sqlite3`: what it prints. Errors: what went wrong.
fn sqlite(arguments: &[String], directory: &Path) -> Result<String, String> {
    let output = Command::new("sqlite3").args(arguments).current_dir(directory).output();
    let output = output.map_err(|error| format!("sqlite3: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn socket() -> Result<UdpSocket, String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    socket.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok(socket)
}

fn port(socket: &UdpSocket) -> Result<u16, String> {
    socket.local_addr().map(|addr| addr.port()).map_err(|error| error.to_string())
}

fn fill(text: &str, ports: &[(&str, u16)]) -> String {
    ports.iter().fold(text.to_string(), |text, (name, port)| text.replace(name, &port.to_string()))
}

fn mask(ports: &[(&str, u16)]) -> Result<Mask, String> {
    let mut mask = Mask::times();
    for (name, number) in ports {
        mask.number(u32::from(*number), &name.trim_matches(['{', '}']).to_uppercase());
    }
    mask.add(r"(?m)^Server: .*\r$", "SERVER")?;
    mask.add(r"(?m)^User-Agent: (?:kamailio|sip-proxy) .*\r$", "AGENT")?;
    mask.add(r"timestamp=\d+", "TIMESTAMP")?;
    mask.add(r"sip:[A-Za-z0-9+/]{31}=@", "FLOW")?;
    mask.add(r"_tag=[0-9a-f]{8,}[-.0-9a-zA-Z]*", "TAG")?;
    mask.add(r"(start|end)_time=[0-9.]+", "CALL-TIME")?;
    mask.add(r"micros=\d+", "MICROS")?;
    mask.add(r"duration=[0-9.]+", "DURATION")?;
    mask.add(r"branch=z9hG4bK[0-9a-f.]{4,}[^;,\r\n]*", "BRANCH")?;
    mask.add(r"pid=\d+", "PID")?;
    mask.add(r"(?m)^User-Agent: (kamailio|sip-proxy).*\r$", "USER-AGENT")?;
    // A second may pass between a registration and the answer that tells what is left of it.
    mask.add(r"expires=[0-9]*[90]\b", "EXPIRES")?;
    mask.add(r#"nonce="[0-9a-zA-Z+/=]{32,60}""#, "NONCE")?;
    mask.add(r";did=[0-9a-f]+\.[0-9a-f]+", "DID")?;
    mask.add(r";tag=(?:[0-9a-f]{8,}|as)[-.0-9a-zA-Z]*", "TAG")?;
    Ok(mask)
}

/// Value of the first header field of that name, empty without one.
fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(':'))
        .find(|(n, _)| *n == name)
        .map_or("", |(_, value)| value.trim())
}

/// Answers a request as the case says; CANCEL with 200, and its INVITE with 487 unless it has a final answer.
fn answer(socket: &UdpSocket, from: SocketAddr, request: &str, answers: Option<&Vec<String>>) {
    let Some(answers) = answers else { return };
    let method = request.split(' ').next().unwrap_or_default();
    let reply = |status: &str, method: &str| {
        let headers: String = request
            .lines()
            .take_while(|line| !line.is_empty())
            .filter(|line| {
                ["Via:", "Record-Route:", "From:", "Call-ID:"].iter().any(|name| line.starts_with(name))
            })
            .map(|line| format!("{line}\r\n"))
            .collect();
        let to = field(request, "To");
        let tag = if to.contains(";tag=") { "" } else { ";tag=as-called" };
        let cseq = field(request, "CSeq").split(' ').next().unwrap_or_default();
        let text = format!(
            "SIP/2.0 {status} Answer\r\n{headers}To: {to}{tag}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:called@{}>\r\nContent-Length: 0\r\n\r\n",
            socket.local_addr().map(|addr| addr.to_string()).unwrap_or_default()
        );
        let _ = socket.send_to(text.as_bytes(), from);
    };
    match method {
        "ACK" | "SIP/2.0" => {}
        "CANCEL" => {
            reply("200", "CANCEL");
            if answers.last().is_none_or(|last| last.starts_with('1')) {
                reply("487", "INVITE");
            }
        }
        "INVITE" => answers.iter().for_each(|status| reply(status, method)),
        _ => reply(answers.last().map_or("200", String::as_str), method),
    }
}

/// The script's log lines by case: `ERROR: <script>: text`, each group closed by its `sync NAME`. Records of module
/// acc are among them: they begin with `ACC: `, those of whole calls with `start_time=`.
fn script_lines(log: &str) -> Vec<(String, Vec<String>)> {
    let mut groups = Vec::new();
    let mut lines = Vec::new();
    for line in log.lines() {
        if let Some(at) = ["ACC: ", "start_time="].iter().find_map(|mark| line.find(mark)) {
            lines.push(line[at..].to_string());
            continue;
        }
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
