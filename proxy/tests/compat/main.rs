//! `docs/compat-kamailio.md` is written from the tables of the program; this test fails when it is stale.
//!
//! `UPDATE=1 cargo test -p proxy --test compat` writes it anew.

mod evidence;

use std::path::Path;

use proxy::api::{ModuleDef, RouteKind, Routes};
use proxy::cfg::params::{PARAMS, ParamClass};

use evidence::{Evidence, Needle};

/// What differs from Kamailio 5.6.3 on purpose; each has a case in `tests/cases/language`.
const DIFFERENT: &[(&str, &str)] = &[
    ("`$(avp(x)[-1])`", "counts from the oldest value, as documented; 5.6.3 gives null"),
    ("`{nameaddr.name}`", "without the blank before the bracket"),
    ("`{uri.duri}`, `{uri.saor}` without user", "no byte of foreign memory in the text"),
    ("`if ($var(x) && 1)`", "a negative number is true in every `&&`"),
    (
        "`set_forward_no_connect()`, `tcp_no_connect` without a connection",
        "`t_relay()` is 1 and the branch fails; 5.6.3 answers -1 and 477",
    ),
    ("a provisional reply dropped in `onsend_route`", "later replies leave; 5.6.3 sends none of them"),
    ("`src_ip == localhost`", "names of the hosts file are found; the resolver of 5.6.3 does not read it"),
    (
        "`sip-proxy -c`, `--check`",
        "exit code 1 for errors, 0 with warnings; Kamailio's `-c` exits with 255 (both are not 0)",
    ),
    ("`setavpflag(\"x\", f)` and its kin", "work on `$avp(x)`; 5.6.3 finds no AVP that `$avp()` made"),
    ("`set_body_multipart()`", "closes the last delimiter at once; 5.6.3 with the next change"),
    ("`get_body_part()`", "gives the content; 5.6.3 also the headers behind Content-Type"),
    ("`sip_p_charging_vector(\"f\")`", "replaces the field; 5.6.3 damages the message"),
    ("`sht_rm_name()` with `ew`, `in`", "work; 5.6.3 knows `re` and `sw` only"),
    ("CSeq beyond 32 bits, body shorter than Content-Length", "refused with 400 before any script runs"),
    ("`unset_dlg_profile()`", "takes the dialog out of the profile; 5.6.3 answers -1 and leaves it in"),
    ("`$dlg_ctx(timeout)`", "sets the time of the dialog at hand; in 5.6.3 it has no effect"),
    (
        "`dlg_bye()`, `t_reply()` of a followed call",
        "event routes of the dialog run behind the script, not within it",
    ),
    (
        "a branch that says nothing while another answers with 2xx",
        "is still sent its INVITE until its timer; 5.6.3 stops, and a phone whose 180 was lost rings on",
    ),
    (
        "`failure_exec_mode` of tm",
        "the failure route runs; with 5.6.3 nothing happens and the caller has no answer",
    ),
    ("`remove_record_route()`", "takes the whole field back; 5.6.3 leaves a broken line"),
    ("rows of ended dialogs", "leave the database at once; 5.6.3 keeps them until `end_timeout`"),
    ("`fnmatch()` with flag `i`", "ignores case; 5.6.3 does not"),
    (
        "`$rU = \"a b\"`, `sip:a@h;x=\"q\"`",
        "blanks and quotes make a text that is no URI: `$ru` is null, nothing is sent to it",
    ),
    ("`{s.decode.base58}`", "no NUL behind the text"),
    ("`$hfl()` of Diversion, P-Asserted-Identity, negative places", "lists are split, as in later versions"),
    ("`$msgbuf()`", "no NUL behind the byte"),
    ("`event_route[sl:local-response]`", "runs behind the script that sent the reply, not within it"),
    ("`xavp_via_fields`", "our Via is as the XAVP says; 5.6.3 writes its own address all the same"),
    ("functions of secfilter", "expand variables in texts; 5.6.3 looks for the text itself"),
    ("`secf_check_dst()` with `dst_exact_match` 0", "finds the number itself too; 5.6.3 only longer ones"),
    (
        "a Contact that is no URI",
        "the REGISTER is refused with 400; 5.6.3 stores it, and nothing can be sent there",
    ),
    (
        "`received` of a Contact",
        "is of that contact alone; 5.6.3 gives it to those behind it in the request too",
    ),
    ("`uac.reg_dump`, `uac.reg_info`", "show `***` in place of passwords and hashes"),
    (
        "tables of acc, alias_db, htable, speeddial",
        "asked for at the start: a missing one, or one of another version, is refused there",
    ),
    ("keep-alive requests of usrloc", "are transactions: a lost one is sent again; 5.6.3 sends each once"),
    ("ended dialogs", "listed for `end_timeout`, but not more than 10,000 of them"),
    (
        "a request that has come round twice as it was",
        "answered 482 (RFC 3261 16.3); 5.6.3 lets it go round until Max-Forwards ends it",
    ),
    ("flag 32 of a dispatcher destination", "it is not pinged, as in later versions"),
    (
        "host names in a dispatcher list",
        "looked up after the start; a name without an address stays in its set",
    ),
];

#[test]
fn the_page_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compat-kamailio.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/compat-kamailio.md is stale: UPDATE=1 cargo test -p proxy --test compat");
}

/// What the table calls working must be read somewhere in the program.
#[test]
fn parameters_that_work_are_read() {
    let mut sources = String::new();
    read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    // Lists of sockets reach their reader by their type, not by their name.
    let by_type = ["listen", "alias"];
    for row in PARAMS.iter().filter(|row| row.class == ParamClass::Works && !by_type.contains(&row.name)) {
        assert!(sources.contains(&format!("\"{}\"", row.name)), "nobody reads {}", row.name);
    }
}

/// Parameters of modules that nothing reads yet, though their rows say what they do.
const NOT_READ: [&str; 4] = ["sockname_mode", "sock_flag", "sock_hdr_name", "close_expired_tcp"];

/// The same for the parameters of modules. The names of columns are put together where they are read.
#[test]
fn parameters_of_modules_are_read() {
    for module in proxy::modules::MODULES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/modules").join(module.name);
        if !folder.is_dir() {
            continue;
        }
        let mut sources = String::new();
        read_sources(&folder, &mut sources);
        let says_none = |doc: &str| ["accepted", "no effect"].iter().any(|words| doc.contains(words));
        let is_left = |name: &str| name == "db_url" || name.ends_with("_column") || NOT_READ.contains(&name);
        for row in module.params.iter().filter(|row| !says_none(row.doc) && !is_left(row.name)) {
            let named = sources.matches(&format!("\"{}\"", row.name)).count();
            assert!(named > 1, "nobody reads {} of {}", row.name, module.name);
        }
    }
}

/// All sources but those of the table itself.
fn read_sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the sources are there").filter_map(Result::ok) {
        let path = entry.path();
        match path.is_dir() {
            true if path.ends_with("cfg/params") => {}
            true => read_sources(&path, out),
            false => out.push_str(&std::fs::read_to_string(&path).unwrap_or_default()),
        }
    }
}

/// The page, and how many of its rows have a test.
struct Page {
    text: String,
    evidence: Evidence,
    rows: usize,
    tested: usize,
    known: usize,
}

fn page() -> String {
    let mut page = Page { text: String::new(), evidence: Evidence::collect(), rows: 0, tested: 0, known: 0 };
    page.text.push_str("## Command line\n\n| Option | State | What it does | Test |\n|---|---|---|---|\n");
    for row in proxy::options::rows() {
        let test = page.test(&Needle::Option(&row.names));
        let state = if row.state == "Works" && test == "none" { "Untested" } else { row.state };
        page.row(&[&format!("`{}`", row.names.join("`, `")), state, row.doc, &test]);
    }
    page.text.push_str(
        "\n## Global parameters\n\n| Name | Default | State | What it does | Test |\n|---|---|---|---|---|\n",
    );
    for row in PARAMS {
        let test = page.test(&Needle::Setting(row.name));
        // Nothing is said to work that no test shows.
        let state = match (row.class, test.as_str()) {
            (ParamClass::Works | ParamClass::Mapped, test) if says_little(test) => "Untested".to_owned(),
            (class, _) => format!("{class:?}"),
        };
        page.row(&[&format!("`{}`", row.name), row.default, &state, row.doc, &test]);
    }
    page.text.push_str("\n## Core\n");
    proxy::core::PARTS.iter().for_each(|part| page.tables(part));
    for module in proxy::modules::MODULES {
        page.text.push_str(&format!("\n## Module {}\n", module.name));
        page.tables(module);
    }
    format!("{}\n{}", introduction(&page), page.text)
}

/// What is not here, and what a configuration only has to name.
fn says_little(test: &str) -> bool {
    test == "none" || test.starts_with("parameters/")
}

fn introduction(Page { rows, tested, known, .. }: &Page) -> String {
    let mut out = format!(
        "# What of Kamailio 5.6 is here\n\n\
         Written by `UPDATE=1 cargo test -p proxy --test compat` from the tables of the program; do not edit.\n\
         What a file names and is not here is an error with its place.\n\n\
         A test `suite/case` stands in `tests/cases/language/` and runs on the packaged Kamailio 5.6.3 and on ours; \
         `verdicts/case` and\n`measured/case` in `tests/cases/config/`, `units/file` in `tests/cases/units/`; a bare name is a \
         test function or a folder of\n`tests/cases/`. `parameters/case` in `tests/cases/config/parameters.toml` shows only that both programs know the \
         parameter and its type.\nRows whose test is \"none\" are here, but nothing shows that they are right. Of {rows} rows \
         {tested} have a test of what they do,\n{known} more one that says that both programs know them.\n\n\
         ## Different on purpose\n\n| What | Here |\n|---|---|\n"
    );
    for (what, here) in DIFFERENT {
        out.push_str(&format!("| {} | {here} |\n", cell(what)));
    }
    out
}

impl Page {
    fn test(&mut self, needle: &Needle<'_>) -> String {
        self.rows += 1;
        match self.evidence.of(needle) {
            Some(test) => {
                match says_little(test) {
                    true => self.known += 1,
                    false => self.tested += 1,
                }
                test.to_owned()
            }
            None => "none".to_owned(),
        }
    }

    fn row(&mut self, cells: &[&str]) {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    fn tables(&mut self, module: &ModuleDef) {
        let params = module.params.iter();
        let params =
            params.map(|row| (row.name.to_owned(), row.doc, Needle::Parameter(module.name, row.name)));
        self.section("Parameters", params.collect());
        self.functions(module);
        let pvs =
            module.pvs.iter().map(|row| (format!("${}", row.name), row.doc, Needle::Variable(row.name)));
        self.section("Variables", pvs.collect());
        let names: Vec<String> =
            module.transforms.iter().map(|row| format!("{}.{}", row.class, row.op)).collect();
        let transforms = module.transforms.iter().zip(&names);
        let transforms =
            transforms.map(|(row, name)| (format!("{{{name}}}"), row.doc, Needle::Transformation(name)));
        self.section("Transformations", transforms.collect());
        let rpcs = module.rpcs.iter().map(|row| (row.name.to_owned(), row.doc, Needle::Word(row.name)));
        self.section("RPC", rpcs.collect());
        let events = module.events.iter().map(|row| (row.name.to_owned(), row.doc, Needle::Event(row.name)));
        self.section("Event routes", events.collect());
    }

    /// Functions with the number of their arguments and the kinds of routes they may stand in.
    fn functions(&mut self, module: &ModuleDef) {
        if module.functions.is_empty() {
            return;
        }
        self.text
            .push_str("\n| Functions | Arguments | Where | What it does | Test |\n|---|---|---|---|---|\n");
        for row in module.functions {
            let arguments = match row.required == row.params.len() {
                true => row.required.to_string(),
                false => format!("{} to {}", row.required, row.params.len()),
            };
            let test = self.test(&Needle::Function(row.name));
            self.row(&[&format!("`{}()`", row.name), &arguments, &places(row.routes), row.doc, &test]);
        }
    }

    fn section(&mut self, title: &str, rows: Vec<(String, &'static str, Needle<'_>)>) {
        if rows.is_empty() {
            return;
        }
        self.text.push_str(&format!("\n| {title} | What it does | Test |\n|---|---|---|\n"));
        for (name, doc, needle) in rows {
            let test = self.test(&needle);
            self.row(&[&format!("`{name}`"), doc, &test]);
        }
    }
}

/// The kinds of routes of a set, for people.
fn places(routes: Routes) -> String {
    let kinds = [
        (RouteKind::Request, "request"),
        (RouteKind::Failure, "failure"),
        (RouteKind::TmReply, "onreply"),
        (RouteKind::CoreReply, "reply"),
        (RouteKind::Branch, "branch"),
        (RouteKind::Onsend, "onsend"),
        (RouteKind::Event, "event"),
    ];
    let missing: Vec<&str> =
        kinds.iter().filter(|(kind, _)| !routes.contains(*kind)).map(|(_, name)| *name).collect();
    match missing[..] {
        [] => "any".to_owned(),
        [name] => format!("any but {name}"),
        _ => {
            let allowed = kinds.iter().filter(|(kind, _)| routes.contains(*kind)).map(|(_, name)| *name);
            allowed.collect::<Vec<_>>().join(", ")
        }
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
