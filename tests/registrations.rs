//! Registrations elsewhere (module uac): ours registers with the packaged Kamailio and the other way round, with a
//! password; a call from there arrives, and a registrar that refuses is asked again.

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::server::{Client, Request, Server, eventually};

/// A registrar that asks for passwords and looks up.
fn registrar(port: u16, database: &Database) -> String {
    format!(
        r#"
log_stderror=yes
debug=1
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth_db", "db_url", "{}")
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("registrar", "min_expires", 1)
request_route {{
	if (method == "REGISTER") {{
		if (!www_authenticate("r.example", "subscriber")) {{ www_challenge("r.example", "1"); exit; }}
		save("location");
		exit;
	}}
	if (lookup("location")) t_relay();
	else sl_send_reply("404", "none");
}}
"#,
        database.url
    )
}

/// A proxy that registers its user elsewhere and tells how that stands.
fn client(port: u16, database: &Database, retry: u32) -> String {
    format!(
        r#"
log_stderror=yes
debug=1
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_sqlite.so"
loadmodule "uac.so"
modparam("uac", "reg_db_url", "{}")
modparam("uac", "reg_contact_addr", "127.0.0.1:{port}")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "reg_retry_interval", {retry})
request_route {{
	if ($rU == "status") {{
		$var(one) = uac_reg_status("one");
		$var(off) = uac_reg_status("off");
		$var(none) = uac_reg_status("none");
		sl_send_reply("299", "is $var(one) $var(off) $var(none)");
		exit;
	}}
	if (uac_reg_lookup("$rU", "$avp(user)")) {{
		uac_reg_lookup_uri("$avp(user)", "$avp(uuid)");
		sl_send_reply("200", "for $avp(user) $avp(uuid)");
		exit;
	}}
	sl_send_reply("404", "none");
}}
"#,
        database.url
    )
}

/// One registration in table uacreg; `off` is switched off.
fn add(database: &Database, uuid: &str, password: &str, registrar: u16) {
    let flags = if uuid == "off" { "flags=1" } else { "flags=0" };
    let words = [
        "add",
        "uacreg",
        &format!("l_uuid={uuid}"),
        &format!("l_username=local-{uuid}"),
        "l_domain=l.example",
        "r_username=remote",
        "r_domain=r.example",
        "realm=r.example",
        "auth_username=remote",
        &format!("auth_password={password}"),
        &format!("auth_proxy=sip:127.0.0.1:{registrar}"),
        "expires=600",
        flags,
    ];
    database.tool(&words).expect("a row");
}

fn database(folder: &Folder) -> Database {
    let database = Database::start(Kind::Sqlite, &folder.path().join("database")).expect("a directory");
    database.tool(&["create"]).expect("tables");
    database.tool(&["add-user-plain", "remote@r.example", "secret-r"]).expect("a new user");
    database
}

fn asked<'a>(method: &'a str, uri: &'a str) -> Request<'a> {
    Request { method, uri, user: "sip:caller@c.example", headers: "" }
}

#[test]
fn a_user_is_registered_elsewhere_and_called_from_there() {
    let folder = Folder::new("uacreg");
    let database = database(&folder);
    for (ours, theirs) in [("sip-proxy", "kamailio"), ("kamailio", "sip-proxy"), ("sip-proxy", "sip-proxy")] {
        let Some(home) = Server::start(theirs, &folder, |port| registrar(port, &database)) else { return };
        add(&database, "one", "secret-r", home.port);
        add(&database, "off", "secret-r", home.port);
        let Some(away) = Server::start(ours, &folder, |port| client(port, &database, 1)) else { return };
        let mut caller = Client::of(away.port);
        let status = |caller: &mut Client| {
            caller.ask(&asked("OPTIONS", "sip:status@x")).lines().next().map(str::to_owned)
        };
        let begin = std::time::Instant::now();
        loop {
            match status(&mut caller) {
                Some(line) if line == "SIP/2.0 299 is 1 -3 -1" => break,
                line => assert!(
                    begin.elapsed() < e2e::server::LIMIT,
                    "{ours} at {theirs}: {line:?}\n{}\n{}",
                    away.log(),
                    home.log()
                ),
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let reply = Client::of(home.port).ask(&asked("OPTIONS", "sip:remote@r.example"));
        assert!(
            reply.starts_with("SIP/2.0 200 for sip:local-one@l.example one"),
            "{ours} at {theirs}: {reply}"
        );
        assert!(!away.log().contains("secret-r") && !home.log().contains("secret-r"));
        for uuid in ["one", "off"] {
            database.tool(&["remove", "uacreg", &format!("l_uuid={uuid}")]).expect("it is there");
        }
    }
}

/// A wrong password: with a retry interval it is tried again, without one the registration is switched off.
#[test]
fn a_registration_that_is_refused_is_tried_again_or_switched_off() {
    for (retry, last) in [(1, "SIP/2.0 299 is -99"), (0, "SIP/2.0 299 is -3")] {
        let folder = Folder::new(&format!("uacreg-refused-{retry}"));
        let database = database(&folder);
        let home = Server::start("sip-proxy", &folder, |port| registrar(port, &database)).expect("ours");
        add(&database, "one", "wrong", home.port);
        let away = Server::start("sip-proxy", &folder, |port| client(port, &database, retry)).expect("ours");
        let failures = || away.log().matches("registration one failed").count();
        eventually("it is refused", || failures() >= if retry > 0 { 2 } else { 1 });
        let begin = std::time::Instant::now();
        let mut caller = Client::of(away.port);
        while !caller.ask(&asked("OPTIONS", "sip:status@x")).starts_with(last) {
            assert!(begin.elapsed() < e2e::server::LIMIT, "{}", away.log());
        }
        assert!(!away.log().contains("wrong"), "no password in the log: {}", away.log());
    }
}
