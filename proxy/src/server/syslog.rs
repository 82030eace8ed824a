//! Log lines to the system's log: datagrams to its socket, as syslog(3) sends them.

use std::io::Error;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::OnceLock;

use crate::api::{Level, Line};

/// Where the system's log listens.
pub const SOCKET: &str = "/dev/log";

/// A connection to the system's log.
#[derive(Debug)]
pub struct Syslog {
    socket: UnixDatagram,
    facility: u8,
    name: String,
}

/// The connection of this process; like syslog(3) there is one.
static OPEN: OnceLock<Syslog> = OnceLock::new();

/// Facilities by their names, with their numbers.
const FACILITIES: &[(&str, u8)] = &[
    ("LOG_KERN", 0),
    ("LOG_USER", 1),
    ("LOG_MAIL", 2),
    ("LOG_DAEMON", 3),
    ("LOG_AUTH", 4),
    ("LOG_SYSLOG", 5),
    ("LOG_LPR", 6),
    ("LOG_NEWS", 7),
    ("LOG_UUCP", 8),
    ("LOG_CRON", 9),
    ("LOG_AUTHPRIV", 10),
    ("LOG_FTP", 11),
    ("LOG_LOCAL0", 16),
    ("LOG_LOCAL1", 17),
    ("LOG_LOCAL2", 18),
    ("LOG_LOCAL3", 19),
    ("LOG_LOCAL4", 20),
    ("LOG_LOCAL5", 21),
    ("LOG_LOCAL6", 22),
    ("LOG_LOCAL7", 23),
];

/// The number of a facility; that of LOG_DAEMON for a name that is none.
fn facility(name: &str) -> u8 {
    FACILITIES.iter().find(|(known, _)| *known == name).map_or(3, |(_, number)| *number)
}

impl Syslog {
    /// Connects to the log at `path`. `facility`: as `log_facility` has it; `name`: in front of each line.
    /// Errors: nobody listens there.
    pub fn connect(path: &Path, facility_name: &str, name: &str) -> Result<Syslog, Error> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // A log that does not read must not hold up a shard: its lines are lost, as with syslog(3).
        socket.set_nonblocking(true)?;
        Ok(Syslog { socket, facility: facility(facility_name), name: name.to_owned() })
    }

    /// Sends a line.
    pub fn write(&self, line: &Line) {
        let facility = line.facility.map_or(self.facility, facility);
        let priority = facility * 8 + severity(line.level);
        let mut text = format!("<{priority}>{}[{}]: ", self.name, std::process::id()).into_bytes();
        text.extend_from_slice(line.level.word().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(&line.text);
        // Nothing can be told of a log that takes no lines.
        let _ = self.socket.send(&text);
    }
}

/// The severity of syslog (RFC 5424 6.2.1) for a level.
fn severity(level: Level) -> u8 {
    match level.0 {
        ..=-5 => 1,
        -4..=-2 => 2,
        -1 => 3,
        0 => 4,
        1 => 5,
        2 => 6,
        3.. => 7,
    }
}

/// Connects this process to the system's log; whether there is one. Later calls change nothing.
pub fn open(facility_name: &str, name: &str) -> bool {
    if OPEN.get().is_some() {
        return true;
    }
    match Syslog::connect(Path::new(SOCKET), facility_name, name) {
        Ok(syslog) => OPEN.set(syslog).is_ok() || OPEN.get().is_some(),
        Err(_) => false,
    }
}

/// Sends a line to the system's log, once it is open.
pub fn write(line: &Line) {
    if let Some(syslog) = OPEN.get() {
        syslog.write(line);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::Syslog;
    use crate::api::{Level, Line};

    #[test]
    fn lines_carry_facility_severity_and_level() {
        let path = std::env::temp_dir().join(format!("syslog-{}", std::process::id()));
        let log = UnixDatagram::bind(&path).expect("a socket of this test");
        let syslog = Syslog::connect(&path, "LOG_LOCAL0", "proxy").expect("the log listens");
        let pid = std::process::id();
        let rows = [
            (Level::ERR, None, format!("<131>proxy[{pid}]: ERROR: text")),
            (Level::DBG, None, format!("<135>proxy[{pid}]: DEBUG: text")),
            (Level::WARN, Some("LOG_LOCAL3"), format!("<156>proxy[{pid}]: WARNING: text")),
            (Level::ALERT, Some("LOG_NONE"), format!("<25>proxy[{pid}]: ALERT: text")),
        ];
        for (level, facility, expected) in rows {
            syslog.write(&Line { level, facility, prefix: 0, text: "text".into() });
            let mut buffer = [0u8; 256];
            let len = log.recv(&mut buffer).expect("a line was sent");
            assert_eq!(String::from_utf8_lossy(&buffer[..len]), expected);
        }
        std::fs::remove_file(&path).expect("the socket of this test");
        // Nobody listens there any more.
        assert!(Syslog::connect(&path, "LOG_LOCAL0", "proxy").is_err());
    }
}
