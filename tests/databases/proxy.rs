//! The database of a test with its tables, and a proxy that registers and looks up on it.

use std::net::UdpSocket;
use std::time::Duration;

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::programs::{Missing, Running};
use e2e::server::Server;

/// The database, with its tables; `None` without its package (a failure where `CI=true`).
pub(crate) fn database(kind: Kind, folder: &Folder) -> Option<Database> {
    match Database::start(kind, &folder.path().join("database")) {
        Ok(database) => {
            database.tool(&["create"]).expect("tables can be made");
            Some(database)
        }
        Err(Missing::Original(_)) if std::env::var("CI").as_deref() != Ok("true") => None,
        Err(missing) => panic!("{missing:?}"),
    }
}

/// A proxy that registers and looks up.
pub(crate) struct Proxy {
    pub(crate) program: Running,
    pub(crate) port: u16,
}

pub(crate) fn config(port: u16, database: &Database, mode: u8) -> String {
    format!(
        r#"
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_{driver}.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_url", "{url}")
modparam("usrloc", "db_mode", {mode})
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "use_domain", 1)
request_route {{
	if (method == "REGISTER") {{
		save("location");
		exit;
	}}
	if (lookup("location")) sl_send_reply("200", "$ru");
	else sl_send_reply("404", "none");
}}
"#,
        driver = database.driver,
        url = database.url
    )
}

impl Proxy {
    pub(crate) fn start(name: &str, folder: &Folder, database: &Database, mode: u8) -> Proxy {
        let Server { program, port } =
            Server::start(name, folder, |port| config(port, database, mode)).expect("it is installed");
        Proxy { program, port }
    }

    /// The answer to a REGISTER; an empty `contact` asks for the list.
    pub(crate) fn register(&self, user: &str, contact: &str) -> String {
        let contact = if contact.is_empty() { String::new() } else { format!("Contact: {contact}\r\n") };
        self.ask("REGISTER", user, &format!("{contact}Expires: 600\r\n"))
    }

    pub(crate) fn ask(&self, method: &str, user: &str, more: &str) -> String {
        let socket = client();
        let local = socket.local_addr().expect("bound").port();
        let bytes = message(method, user, local, self.port, more);
        // The first datagram may come before the program reads, and a large table takes its time.
        for _ in 0..30 {
            socket.send_to(bytes.as_bytes(), ("127.0.0.1", self.port)).expect("loopback");
            let mut buffer = [0u8; 65_535];
            if let Ok(len) = socket.recv(&mut buffer) {
                return String::from_utf8_lossy(&buffer[..len]).into_owned();
            }
        }
        panic!("no answer\n{}", self.program.output("err"));
    }
}

pub(crate) fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a time");
    socket
}

pub(crate) fn message(method: &str, user: &str, local: u16, port: u16, more: &str) -> String {
    format!(
        "{method} sip:{user}@a.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:{local};branch=z9hG4bK{local}{user}\r\n\
         From: <sip:{user}@a.example>;tag=1\r\n\
         To: <sip:{user}@a.example>\r\n\
         Call-ID: {user}-{port}\r\n\
         CSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\n\
         {more}Content-Length: 0\r\n\r\n"
    )
}
