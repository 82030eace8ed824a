//! The process of `sip-proxy` end to end: signals, what it gives up when it runs, forms of its log.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use e2e::ports;
use e2e::programs::{self, Running};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A running proxy with a directory and a caller of its own.
struct Proxy {
    program: Running,
    folder: PathBuf,
    port: u16,
    caller: UdpSocket,
}

impl Proxy {
    /// Starts with this configuration behind a `listen` line.
    fn start(name: &str, config: &str, more: &[&str]) -> Proxy {
        let folder = std::env::temp_dir().join(format!("process-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a directory");
        let port = ports::free().expect("a free port");
        let caller = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        caller.set_read_timeout(Some(LIMIT)).expect("a socket option");
        fs::write(folder.join("proxy.cfg"), listening(port, config)).expect("a file");
        let mut args: Vec<String> = ["-f", "proxy.cfg", "-DD", "-E"].map(str::to_owned).to_vec();
        args.extend(more.iter().map(|word| (*word).to_owned()));
        let path = programs::locate("sip-proxy").expect("it is built");
        let mut program = Running::start(&path, &args, &folder, name).expect("it starts");
        // The last thing of its start.
        let errors = folder.join(format!("{name}.err"));
        let ready = program
            .wait_until(LIMIT, || fs::read_to_string(&errors).unwrap_or_default().contains("Listening"));
        ready.unwrap_or_else(|what| panic!("{what}: {}", program.output("err")));
        Proxy { program, folder, port, caller }
    }

    /// Writes another configuration and asks for it with SIGHUP; waits until standard error has `told`.
    fn reload(&mut self, config: &str, told: &str) {
        fs::write(self.folder.join("proxy.cfg"), listening(self.port, config)).expect("a file");
        let pid = self.program.pid().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
        self.wait_for(told);
    }

    /// Waits until standard error has this text.
    fn wait_for(&mut self, text: &str) {
        let errors = self.folder.join(format!("{}.err", self.program.label));
        let seen = || fs::read_to_string(&errors).unwrap_or_default().contains(text);
        let told = self.program.wait_until(LIMIT, seen);
        told.unwrap_or_else(|what| panic!("{what}: no {text:?} in {}", self.program.output("err")));
    }

    /// The first line of the reply to an OPTIONS.
    fn asked(&self) -> String {
        let from = self.caller.local_addr().expect("bound");
        let request = format!(
            "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK1\r\n\
             From: <sip:a@x>;tag=a\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let proxy: SocketAddr = ([127, 0, 0, 1], self.port).into();
        self.caller.send_to(request.as_bytes(), proxy).expect("loopback");
        let mut buffer = [0; 4096];
        let (len, _) = self.caller.recv_from(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..len]).lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.program.end();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn listening(port: u16, config: &str) -> String {
    format!(
        "listen=udp:127.0.0.1:{port}\nauto_aliases=no\nloadmodule \"sl.so\"\nloadmodule \"xlog.so\"\n{config}\n"
    )
}

fn answering(reason: &str) -> String {
    format!("request_route {{ xlog(\"L_ERR\", \"asked\\n\"); sl_send_reply(\"200\", \"{reason}\"); }}")
}

#[test]
fn sighup_takes_a_good_file_and_keeps_the_old_script_for_a_broken_one() {
    let mut proxy = Proxy::start("reload", &answering("One"), &[]);
    assert_eq!(proxy.asked(), "SIP/2.0 200 One");
    proxy.reload(&answering("Two"), "configuration loaded again");
    assert_eq!(proxy.asked(), "SIP/2.0 200 Two");
    proxy.reload("request_route { no_such_function(); }", "nothing was reloaded");
    assert!(proxy.program.output("err").contains("proxy.cfg:5:"), "it says why, with the place");
    assert_eq!(proxy.asked(), "SIP/2.0 200 Two");
}

/// A line of the log: number of the thread, process, level, text; or one JSON object.
#[test]
fn log_lines_name_thread_process_and_level() {
    let mut proxy = Proxy::start("plain", &answering("OK"), &[]);
    proxy.asked();
    let pid = proxy.program.pid();
    proxy.wait_for(&format!(" 1({pid}) ERROR: <script>: asked\n"));
    let mut proxy = Proxy::start("json", &answering("OK"), &["--log-engine", "json:M"]);
    proxy.asked();
    let pid = proxy.program.pid();
    proxy.wait_for(&format!(
        "{{ \"idx\": 1, \"pid\": {pid}, \"level\": \"ERROR\", \"logprefix\": \"\", \"message\": \"asked\" }}\n"
    ));
}

/// `-u`, and the group of that user; only root can become somebody else.
#[test]
fn it_becomes_the_user_it_is_told_to_be() {
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let is_root = status(std::process::id()).contains("Uid:\t0\t");
    if !is_root {
        return;
    }
    let proxy = Proxy::start("user", &answering("OK"), &["-u", "65534"]);
    assert_eq!(proxy.asked(), "SIP/2.0 200 OK");
    let pid = proxy.program.pid();
    assert!(status(pid).contains("Uid:\t65534\t65534\t65534\t65534"), "{}", status(pid));
}

/// The kernel may have SCTP or not: either it listens, or the start fails and names the reason.
#[test]
fn sctp_works_or_is_refused_with_the_reason() {
    let folder = std::env::temp_dir().join(format!("process-{}-sctp", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory");
    let port = ports::free().expect("a free port");
    let config = format!("listen=sctp:127.0.0.1:{port}\nrequest_route {{ exit; }}\n");
    fs::write(folder.join("proxy.cfg"), config).expect("a file");
    let path = programs::locate("sip-proxy").expect("it is built");
    let args = ["-f", "proxy.cfg", "-DD", "-E"].map(str::to_owned);
    let mut program = Running::start(&path, &args, &folder, "sctp").expect("it starts");
    let is_told = |text: &str| {
        text.contains("the kernel of this machine gives no SCTP") || text.contains("Listening on sctp")
    };
    let errors = folder.join("sctp.err");
    let _ = program.wait_until(LIMIT, || is_told(&fs::read_to_string(&errors).unwrap_or_default()));
    let text = program.output("err");
    assert!(is_told(&text), "{text}");
    if text.contains("gives no SCTP") {
        assert_eq!(program.wait(LIMIT).expect("it has ended").code(), Some(255), "{text}");
    }
    program.end();
    let _ = fs::remove_dir_all(&folder);
}
