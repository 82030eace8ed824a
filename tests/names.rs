//! Names end to end: the resolver and both programs against a name server of our own.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::dns::NameServer;
use e2e::programs;
use sip::locate::{CacheLimits, NaptrRanking, Query, ResolvConf, Rules, Security, SrvRanking};
use sip::net::{DnsOptions, Resolver};

const ZONE: &str = "\
example.com NAPTR 10 50 s SIP+D2T _sip._tcp.example.com
example.com NAPTR 20 50 s SIP+D2U _sip._udp.example.com
_sip._tcp.example.com SRV 0 1 5060 one.example.com
_sip._udp.example.com SRV 0 1 5070 one.example.com
_sip._udp.example.com SRV 1 1 5080 two.example.com
one.example.com A 192.0.2.1
one.example.com AAAA 2001:db8::1
two.example.com A 192.0.2.2";

fn options(server: &NameServer) -> DnsOptions {
    let conf =
        ResolvConf { servers: vec![server.addr()], timeout: Duration::from_secs(2), ..ResolvConf::default() };
    DnsOptions { conf, ..DnsOptions::default() }
}

fn query(host: &str) -> Query {
    Query { host: host.into(), port: None, transport: None, security: Security::Any }
}

fn located(resolver: &Resolver, host: &str) -> String {
    let places = resolver.locate_and_wait(query(host));
    places.iter().map(|place| place.peer().to_string()).collect::<Vec<_>>().join(" ")
}

/// RFC 3263 4.1: NAPTR, SRV and addresses over the wire; what was asked once is not asked again.
#[test]
fn services_are_found_over_the_wire_and_remembered() {
    let server = NameServer::start(ZONE, 60);
    let rules = Rules { naptr: NaptrRanking::ByOrder, srv: SrvRanking::ByWeight, ..Rules::default() };
    let resolver = Resolver::start(DnsOptions { rules, ..options(&server) }).expect("a thread");
    assert_eq!(resolver.recall(&query("example.com")), None);
    let expected = "tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 udp:192.0.2.1:5070 udp:[2001:db8::1]:5070 \
                    udp:192.0.2.2:5080";
    assert_eq!(located(&resolver, "example.com"), expected);
    let asked = server.asked().len();
    assert_eq!(asked, 7, "{:?}", server.asked());
    assert_eq!(located(&resolver, "example.com"), expected);
    assert_eq!(server.asked().len(), asked, "the second search asks nobody");
    assert!(resolver.recall(&query("example.com")).is_some());
}

/// Names that do not exist are remembered too; without a cache everything is asked again.
#[test]
fn names_that_do_not_exist_are_remembered() {
    let server = NameServer::start(ZONE, 60);
    let resolver = Resolver::start(options(&server)).expect("a thread");
    assert_eq!(located(&resolver, "nobody.example.com"), "");
    assert_eq!(server.asked().len(), 3, "SRV, A and AAAA: {:?}", server.asked());
    assert_eq!(resolver.recall(&query("nobody.example.com")), Some(Vec::new()));
    let limits = CacheLimits { entries: 0, ..CacheLimits::default() };
    let forgetful = Resolver::start(DnsOptions { limits, ..options(&server) }).expect("a thread");
    assert_eq!(located(&forgetful, "two.example.com"), "udp:192.0.2.2:5060");
    assert_eq!(located(&forgetful, "two.example.com"), "udp:192.0.2.2:5060");
    assert_eq!(server.asked().len(), 9);
}

/// resolv.conf(5): a short name is completed.
#[test]
fn short_names_are_completed_with_the_search_list() {
    let server = NameServer::start(ZONE, 60);
    let mut options = options(&server);
    options.conf.search = vec!["example.com".into()];
    let resolver = Resolver::start(options).expect("a thread");
    assert_eq!(located(&resolver, "two"), "udp:192.0.2.2:5060");
}

/// A directory with a configuration, a `resolv.conf` and a `hosts` file, and the program that runs them.
struct Proxy {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Proxy {
    fn start(name: &str, server: &NameServer, config: &str) -> Proxy {
        let program = programs::locate("sip-proxy").expect("cargo build --workspace --bins");
        let directory = std::env::temp_dir().join(format!("names-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let port = free_port();
        let write = |file: &str, text: String| {
            let path = directory.join(file);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let conf =
            write("resolv.conf", format!("nameserver {}\noptions timeout:1 attempts:1\n", server.addr()));
        let hosts = write("hosts", "127.0.0.1 callee.hosts\n".into());
        let config = write("proxy.cfg", format!("listen=udp:127.0.0.1:{port}\nlog_stderror=yes\n{config}"));
        let errors = std::fs::File::create(directory.join("proxy.err")).expect("a file");
        let child = Command::new(program)
            .args(["-f", &config.display().to_string(), "-DD", "-E"])
            .env("SIP_RESOLV_CONF", conf)
            .env("SIP_HOSTS", hosts)
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("the program starts");
        Proxy { child, directory, port }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.directory).expect("it is ours");
        }
    }
}

/// A port that was free a moment ago: the program binds it itself.
fn free_port() -> u16 {
    socket().local_addr().expect("bound").port()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket option");
    socket
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("bound").port()
}

/// Sends a request until `callee` has it (the program may still be starting), and gives what it got.
fn relayed(proxy: &Proxy, caller: &UdpSocket, callee: &UdpSocket, uri: &str) -> String {
    for attempt in 0..40 {
        request(proxy, caller, uri, attempt);
        if let Some(text) = next(callee) {
            return text;
        }
    }
    let errors = std::fs::read_to_string(proxy.directory.join("proxy.err")).unwrap_or_default();
    panic!("nothing came for {uri}: {errors}");
}

fn request(proxy: &Proxy, caller: &UdpSocket, uri: &str, number: usize) {
    let text = format!(
        "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bK{number}\r\nFrom: <sip:a@x>;tag=a\r\n\
         To: <sip:b@x>\r\nCall-ID: c{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        port(caller)
    );
    caller.send_to(text.as_bytes(), ("127.0.0.1", proxy.port)).expect("loopback takes it");
}

fn next(socket: &UdpSocket) -> Option<String> {
    let mut buffer = [0; 65_535];
    let (len, _) = socket.recv_from(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
}

fn answer(callee: &UdpSocket, proxy: &Proxy, request: &str, status: &str) {
    let copied = request.lines().filter(|line| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name))
    });
    let lines: Vec<&str> = copied.collect();
    let text = format!("SIP/2.0 {status}\r\n{}\r\nContent-Length: 0\r\n\r\n", lines.join("\r\n"));
    callee.send_to(text.as_bytes(), ("127.0.0.1", proxy.port)).expect("loopback takes it");
}

/// A zone with a service at these ports of this machine, in order of priority.
fn service(ports: &[u16]) -> String {
    let rows = ports.iter().zip(0..).map(|(port, priority)| {
        format!("_sip._udp.service.test SRV {priority} 1 {port} host{priority}.test\nhost{priority}.test A 127.0.0.1\n")
    });
    rows.collect::<String>().trim_end().to_owned()
}

#[test]
fn the_proxy_relays_and_forwards_to_names() {
    for (case, routing) in [("relay", "t_relay();"), ("forward", "forward();")] {
        let (caller, callee) = (socket(), socket());
        let server = NameServer::start(&service(&[port(&callee)]), 60);
        let config = format!("loadmodule \"tm.so\"\nrequest_route {{ {routing} }}");
        let proxy = Proxy::start(case, &server, &config);
        let request = relayed(&proxy, &caller, &callee, "sip:bob@service.test");
        assert!(
            request.starts_with("OPTIONS sip:bob@service.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:"),
            "{request}"
        );
        let of_hosts = format!("sip:bob@callee.hosts:{}", port(&callee));
        assert!(relayed(&proxy, &caller, &callee, &of_hosts).contains("callee.hosts"));
        assert!(!server.asked().iter().any(|asked| asked.contains("callee.hosts")), "{:?}", server.asked());
    }
}

/// RFC 3263 4.3: who answers 503 or is silent is passed over; one transaction, several branches.
#[test]
fn the_next_place_is_tried_when_one_fails() {
    let (caller, busy, silent, callee) = (socket(), socket(), socket(), socket());
    let server = NameServer::start(&service(&[port(&busy), port(&silent), port(&callee)]), 60);
    let config = "use_dns_failover=yes\nloadmodule \"tm.so\"\nmodparam(\"tm\", \"fr_timer\", 300)\n\
                  request_route { t_relay(); }";
    let proxy = Proxy::start("failover", &server, config);
    let first = relayed(&proxy, &caller, &busy, "sip:bob@service.test");
    answer(&busy, &proxy, &first, "503 Service Unavailable");
    let second = next(&silent).expect("the second place is tried at once");
    let third = (0..10).find_map(|_| next(&callee)).expect("the third place after the timeout of the second");
    let branch = |text: &str| {
        text.split("branch=").nth(1).and_then(|it| it.split([';', '\r']).next()).map(str::to_owned)
    };
    assert_ne!(branch(&first), branch(&second));
    assert_ne!(branch(&second), branch(&third));
    answer(&callee, &proxy, &third, "200 OK");
    let reply = (0..10).find_map(|_| next(&caller)).expect("the answer");
    assert!(reply.starts_with("SIP/2.0 200 OK"), "{reply}");
}

/// A place that was silent is left alone for a while.
#[test]
fn a_blocked_place_is_passed_over() {
    let (caller, silent, callee) = (socket(), socket(), socket());
    let server = NameServer::start(&service(&[port(&silent), port(&callee)]), 60);
    let config = "use_dns_failover=yes\nuse_dst_blocklist=yes\ndst_blocklist_expire=60\nloadmodule \"tm.so\"\n\
                  modparam(\"tm\", \"fr_timer\", 300)\nmodparam(\"tm\", \"blst_methods_add\", 512)\n\
                  request_route { t_relay(); }";
    let proxy = Proxy::start("blocklist", &server, config);
    relayed(&proxy, &caller, &silent, "sip:bob@service.test");
    (0..10).find_map(|_| next(&callee)).expect("the second place after the timeout of the first");
    while next(&silent).is_some() {}
    request(&proxy, &caller, "sip:eve@service.test", 77);
    let direct = (0..10).find_map(|_| next(&callee).filter(|text| text.contains("sip:eve@")));
    direct.expect("the place that answers is taken at once");
    assert_eq!(next(&silent), None);
}

/// `sipp` finds the host it calls in the same room.
#[test]
fn the_test_tool_calls_names() {
    let callee = socket();
    let server = NameServer::start("callee.test A 127.0.0.1", 60);
    let program = programs::locate("sipp").expect("cargo build --workspace --bins");
    let conf = std::env::temp_dir().join(format!("names-{}-resolv.conf", std::process::id()));
    std::fs::write(&conf, format!("nameserver {}\n", server.addr())).expect("a file");
    let mut child = Command::new(program)
        .args(["-sn", "uac", "-m", "1", "-nostdin", &format!("callee.test:{}", port(&callee))])
        .env("SIP_RESOLV_CONF", &conf)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let invite = (0..50).find_map(|_| next(&callee));
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    std::fs::remove_file(conf).expect("it is ours");
    assert!(invite.expect("the call").starts_with("INVITE sip:service@127.0.0.1:"));
    assert!(server.asked().contains(&"A callee.test".to_owned()), "{:?}", server.asked());
}

/// What cannot be found is answered, as Kamailio does.
#[test]
fn an_unknown_name_is_answered_478() {
    let caller = socket();
    let server = NameServer::start("test A 127.0.0.1", 60);
    let proxy = Proxy::start("unknown", &server, "loadmodule \"tm.so\"\nrequest_route { t_relay(); }");
    let reply = relayed(&proxy, &caller, &caller, "sip:bob@nowhere.test");
    assert!(reply.starts_with("SIP/2.0 478 Unresolvable destination (478/TM)\r\n"), "{reply}");
}
