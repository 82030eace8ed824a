//! What a start asks of the tables: that they are there, in the version that is known.

use std::fs;

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::ports;
use e2e::programs::{Running, locate};
use e2e::server::{LIMIT, Server};

use crate::proxy::config;

/// The start is refused, and the message says what is found, what is wanted, and what to do.
#[test]
fn a_missing_or_older_table_is_refused_at_the_start() {
    let folder = Folder::new("versions");
    let directory = folder.path().join("database");
    let database = Database::start(Kind::Text, &directory).expect("a directory");
    let refusal = || refusal(&folder, |port| config(port, &database, 1));
    assert!(refusal().contains("sip-proxy db create"), "no database at all");
    database.tool(&["create"]).expect("tables");
    let versions = directory.join("tables/version");
    let text = fs::read_to_string(&versions).expect("it was made");
    fs::write(&versions, text.replace("location:9", "location:8")).expect("writable");
    let said = refusal();
    let words = ["table location", "version 8", "wanted is 9", "sip-proxy db upgrade"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    database.tool(&["upgrade"]).expect("it is brought up to date");
    fs::write(&versions, text.replace("location:9\n", "")).expect("writable");
    let said = refusal();
    let words = ["no table location", "version 9", "sip-proxy db create"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!said.contains("kamailiorw"), "no password in a message");
}

/// A configuration whose modules use tables, and the table that is missing or of another version.
const TABLES: [(&str, &str, &str); 9] = [
    (
        "subscriber",
        "loadmodule \"auth.so\"\nloadmodule \"auth_db.so\"\n",
        "www_authenticate(\"r\", \"subscriber\");",
    ),
    ("dbaliases", "loadmodule \"alias_db.so\"\n", "alias_db_lookup(\"dbaliases\");"),
    ("speed_dial", "loadmodule \"speeddial.so\"\n", "sd_lookup(\"speed_dial\");"),
    ("grp", "loadmodule \"group.so\"\n", "is_user_in(\"From\", \"x\");"),
    ("acc", "loadmodule \"acc.so\"\n", ""),
    ("missed_calls", "loadmodule \"acc.so\"\n", ""),
    ("trusted", "loadmodule \"permissions.so\"\n", ""),
    ("domain", "loadmodule \"domain.so\"\n", ""),
    ("dispatcher", "loadmodule \"dispatcher.so\"\n", ""),
];

/// Each module that works with a table is refused at the start when it is missing or of another version, with the
/// command that mends it; and starts when it was run.
#[test]
fn each_module_asks_for_its_tables_at_the_start() {
    let folder = Folder::new("tables");
    let directory = folder.path().join("database");
    let database = Database::start(Kind::Text, &directory).expect("a directory");
    database.tool(&["create"]).expect("tables");
    let versions = directory.join("tables/version");
    let right = fs::read_to_string(&versions).expect("it was made");
    for (table, modules, statement) in TABLES {
        let config = |port| {
            let module = modules.rsplit("loadmodule \"").next().and_then(|rest| rest.split('.').next());
            format!(
                "log_stderror=yes\nchildren=1\nlisten=udp:127.0.0.1:{port}\nloadmodule \"tm.so\"\n\
                 loadmodule \"sl.so\"\nloadmodule \"rr.so\"\nloadmodule \"pv.so\"\nloadmodule \"db_text.so\"\n\
                 {modules}modparam(\"{}\", \"db_url\", \"{}\")\n\
                 request_route {{ {statement} sl_send_reply(\"200\", \"OK\"); }}\n",
                module.expect("a module"),
                database.url
            )
        };
        let row =
            right.lines().find(|line| line.starts_with(&format!("{table}:"))).expect("it has a version");
        fs::write(&versions, right.replace(row, &format!("{table}:99"))).expect("writable");
        let said = refusal(&folder, config);
        let wanted = row.rsplit(':').next().expect("a number");
        let words = [format!("table {table}"), "version 99".into(), format!("wanted is {wanted}")];
        assert!(words.iter().all(|word| said.contains(word)), "{table}: {said}");
        assert!(said.contains("sip-proxy db upgrade"), "{table}: {said}");
        fs::write(&versions, right.replace(&format!("{row}\n"), "")).expect("writable");
        let hidden = directory.join(format!("tables/{table}.away"));
        fs::rename(directory.join(format!("tables/{table}")), &hidden).expect("it is there");
        let said = refusal(&folder, config);
        assert!(said.contains(&format!("no table {table}")), "{table}: {said}");
        assert!(said.contains("sip-proxy db create"), "{table}: {said}");
        fs::rename(&hidden, directory.join(format!("tables/{table}"))).expect("it is away");
        fs::write(&versions, &right).expect("writable");
        assert!(Server::start("sip-proxy", &folder, config).is_some(), "{table}");
    }
}

/// What our proxy says when it does not start.
fn refusal(folder: &Folder, config: impl Fn(u16) -> String) -> String {
    let path = locate("sip-proxy").expect("cargo build --workspace --bins");
    folder.write("refused.cfg", &config(ports::free().expect("a free port")));
    let args = ["-f", "refused.cfg", "-DD", "-E"].map(str::to_owned);
    let mut program = Running::start(&path, &args, folder.path(), "refused").expect("it starts");
    let status = program.wait(LIMIT).expect("it ends at once");
    assert!(!status.success());
    program.output("err")
}
