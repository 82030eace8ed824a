//! Databases of a test's own: PostgreSQL and MariaDB from their packages, in a private directory and on a free port,
//! ended when dropped; SQLite and text tables as files beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::ports;
use crate::programs::{Missing, Running, locate};

/// A database that runs while this lives.
#[derive(Debug)]
pub struct Database {
    /// Its address, as `db_url` has it.
    pub url: String,
    /// The driver's module, without `db_`.
    pub driver: &'static str,
    server: Option<Running>,
    kind: Kind,
    port: u16,
    directory: PathBuf,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server of PostgreSQL.
    Postgres,
    /// A server of MariaDB.
    Mysql,
    /// A directory of text tables.
    Text,
}

/// How long a server may take to start.
const LIMIT: Duration = Duration::from_secs(60);

/// A server that has begun takes no commands at first; it is asked so often, so far apart.
const TRIES: u32 = 100;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where Debian puts the programs of PostgreSQL.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

impl Database {
    /// Makes a database in `directory`, which must be new. Errors: its package is not installed.
    pub fn start(kind: Kind, directory: &Path) -> Result<Database, Missing> {
        fs::create_dir_all(directory).map_err(broken)?;
        let port = ports::free().map_err(Missing::Broken)?;
        let place = directory.display();
        let (driver, url) = match kind {
            Kind::Sqlite => ("sqlite", format!("sqlite:///{place}/db.sqlite")),
            Kind::Text => ("text", format!("text://{place}/tables")),
            Kind::Postgres => {
                ("postgres", format!("postgres://kamailio:kamailiorw@127.0.0.1:{port}/kamailio"))
            }
            Kind::Mysql => ("mysql", format!("mysql://kamailio:kamailiorw@127.0.0.1:{port}/kamailio")),
        };
        let directory = directory.to_path_buf();
        let mut database = Database { url, driver, server: None, kind, port, directory };
        match kind {
            Kind::Sqlite | Kind::Text => {}
            Kind::Postgres => database.make_postgres()?,
            Kind::Mysql => database.make_mysql()?,
        }
        Ok(database)
    }

    /// Runs `sip-proxy db WORDS`, the address put behind the first. Errors: what it printed.
    pub fn tool(&self, words: &[&str]) -> Result<String, String> {
        let proxy = locate("sip-proxy").map_err(|missing| format!("{missing:?}"))?;
        let mut command = Command::new(proxy);
        command.arg("db").arg(words[0]).arg(&self.url).args(&words[1..]);
        let output = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs statements with the client program of the database. Errors: what it printed, or it has none.
    pub fn sql(&self, statements: &str) -> Result<String, String> {
        let place = self.directory.display().to_string();
        let words: Vec<String> = match self.kind {
            Kind::Sqlite => vec!["/usr/bin/sqlite3".into(), format!("{place}/db.sqlite"), statements.into()],
            Kind::Postgres => {
                let port = self.port.to_string();
                let words = ["/usr/bin/psql", "-qtA", "-h", "127.0.0.1", "-p", &port, "-U", "kamailio", "-c"];
                words.into_iter().map(str::to_owned).chain([statements.to_owned()]).collect()
            }
            Kind::Mysql => {
                let socket = format!("{place}/socket");
                let words = ["/usr/bin/mariadb", "--no-defaults", "-S", &socket, "-uroot", "kamailio", "-Ne"];
                words.into_iter().map(str::to_owned).chain([statements.to_owned()]).collect()
            }
            Kind::Text => return Err("text tables have no SQL".into()),
        };
        let output = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Ends the server; its data stay.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.end();
        }
    }

    /// Starts the server again on its data. It survives the end of the process, not that of the machine: disks of test
    /// machines are slow.
    pub fn run(&mut self) -> Result<(), Missing> {
        let place = self.directory.display().to_string();
        let port = self.port;
        let (path, args) = match self.kind {
            Kind::Sqlite | Kind::Text => return Ok(()),
            Kind::Postgres => {
                let options = format!(
                    "-D {place}/data -p {port} -k {place} -c listen_addresses=127.0.0.1 \
                     -c shared_buffers=16MB -c fsync=off"
                );
                (format!("{POSTGRES}/postgres"), options)
            }
            Kind::Mysql => {
                let options = format!(
                    "--no-defaults --datadir={place}/data --socket={place}/socket --port={port} \
                     --bind-address=127.0.0.1 --skip-name-resolve --pid-file={place}/pid \
                     --innodb-flush-log-at-trx-commit=2"
                );
                ("/usr/sbin/mariadbd".to_owned(), options)
            }
        };
        let user = self.account();
        let mut args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        if let Some(user) = user {
            // A server does not run as root; setpriv becomes it, so its process is the one that is ended.
            let before = ["--reuid", user, "--regid", user, "--init-groups", &path];
            args.splice(0..0, before.iter().map(|word| (*word).to_owned()));
        }
        let program = if user.is_some() { "/usr/bin/setpriv".to_owned() } else { path };
        for _ in 0..TRIES {
            let mut server = Running::start(Path::new(&program), &args, &self.directory, "server")
                .map_err(Missing::Broken)?;
            let Err(what) = server.wait_until(LIMIT, || ports::is_bound("tcp", port)) else {
                self.server = Some(server);
                return Ok(());
            };
            let log = server_log(&self.directory);
            // What is left of a server that was killed holds its memory for a moment.
            if !log.contains("still in use") {
                return Err(Missing::Broken(format!("{what}\n{log}")));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Err(Missing::Broken("the memory of the server before stays in use".into()))
    }

    fn make_postgres(&mut self) -> Result<(), Missing> {
        let place = self.directory.display().to_string();
        let program = |name: &str| needed(&format!("{POSTGRES}/{name}"));
        self.give_away()?;
        let words = format!("-D {place}/data -U kamailio --auth=trust -E UTF8 --no-sync");
        self.do_as(&program("initdb")?, &words)?;
        self.run()?;
        let create = program("createdb")?;
        let words = format!("-h 127.0.0.1 -p {} -U kamailio kamailio", self.port);
        self.try_as(&create, &words)
    }

    fn make_mysql(&mut self) -> Result<(), Missing> {
        let place = self.directory.display().to_string();
        self.give_away()?;
        let install = needed("/usr/bin/mariadb-install-db")?;
        needed("/usr/sbin/mariadbd")?;
        let words = format!(
            "--no-defaults --datadir={place}/data --auth-root-authentication-method=normal --skip-test-db"
        );
        self.do_as(&install, &words)?;
        self.run()?;
        let sql = "create database kamailio; create user kamailio@'%' identified by 'kamailiorw'; \
                   grant all on kamailio.* to kamailio@'%'";
        let client = needed("/usr/bin/mariadb")?;
        for _ in 0..TRIES {
            let mut command = Command::new(&client);
            command.args(["--no-defaults", "-S", &format!("{place}/socket"), "-uroot", "-e", sql]);
            if command.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Err(Missing::Broken("MariaDB takes no commands".into()))
    }

    /// Whom the server runs as: root may not.
    fn account(&self) -> Option<&'static str> {
        if !is_root() {
            return None;
        }
        Some(if self.kind == Kind::Postgres { "postgres" } else { "mysql" })
    }

    fn give_away(&self) -> Result<(), Missing> {
        let Some(user) = self.account() else { return Ok(()) };
        let status = Command::new("chown").arg(user).arg(&self.directory).status().map_err(broken)?;
        if status.success() { Ok(()) } else { Err(Missing::Original(format!("there is no account {user}"))) }
    }

    /// Runs a program of the server as its account.
    fn do_as(&self, path: &Path, words: &str) -> Result<(), Missing> {
        let mut command = match self.account() {
            Some(user) => {
                let mut command = Command::new("/usr/bin/setpriv");
                command.args(["--reuid", user, "--regid", user, "--init-groups"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.args(words.split_whitespace()).current_dir(&self.directory).stdin(Stdio::null());
        let output = command.output().map_err(broken)?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(Missing::Broken(said())) }
    }

    /// The same, again until the server takes it.
    fn try_as(&self, path: &Path, words: &str) -> Result<(), Missing> {
        let mut last = self.do_as(path, words);
        for _ in 0..TRIES {
            if last.is_ok() {
                break;
            }
            std::thread::sleep(LOOK_AGAIN);
            last = self.do_as(path, words);
        }
        last
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn needed(path: &str) -> Result<PathBuf, Missing> {
    let path = PathBuf::from(path);
    let missing = || Missing::Original(format!("{} is not installed", path.display()));
    path.exists().then(|| path.clone()).ok_or_else(missing)
}

fn broken(error: std::io::Error) -> Missing {
    Missing::Broken(error.to_string())
}

fn server_log(directory: &Path) -> String {
    fs::read_to_string(directory.join("server.err")).unwrap_or_default()
}
