//! The language of Kamailio 5.6.3 as measured, row by row; names of included files are those of a memory loader.

use super::{MemoryLoader, Parsed, Preset, SubstKind, parse_text, print};

fn parse(text: &str) -> Parsed {
    parse_text("main.cfg", text.to_owned(), &Preset::default(), &MemoryLoader::default())
}

/// The configuration printed back; findings are a failure.
fn clean(text: &str) -> String {
    let parsed = parse(text);
    assert_eq!(findings(&parsed), Vec::<String>::new(), "{text}");
    String::from_utf8(print(&parsed.config)).expect("the rows are ASCII")
}

fn findings(parsed: &Parsed) -> Vec<String> {
    parsed.diagnostics.iter().map(ToString::to_string).collect()
}

/// The value assigned in a route, printed back.
fn expr(text: &str) -> String {
    let printed = clean(&format!("request_route {{ $var(x) = {text}; }}"));
    let start = printed.find(" = ").expect("an assignment was written") + 3;
    let end = printed.rfind(";\n").expect("a statement was written");
    printed[start..end].to_owned()
}

#[test]
fn operators_bind_as_measured() {
    let rows = [
        ("$a || $b && $c", "$a || ($b && $c)"),
        ("$a | $b & $c", "$a | ($b & $c)"),
        ("$a & $b ^ $c", "$a & ($b ^ $c)"),
        ("$a ^ $b << $c", "$a ^ ($b << $c)"),
        ("$a << $b >> $c", "$a << ($b >> $c)"),
        ("$a >> $b << $c", "($a >> $b) << $c"),
        ("4 & 4 == 4", "4 & (4 == 4)"),
        ("$a == $b < $c", "$a == ($b < $c)"),
        ("$a > $b + 1", "$a > ($b + 1)"),
        ("$a + $b * $c mod 2", "$a + (($b * $c) mod 2)"),
        ("10 - 3 - 2", "(10 - 3) - 2"),
        ("3 > 2 > 1", "(3 > 2) > 1"),
        ("!$a == 5", "(!$a) == 5"),
        ("-$a + 1", "(-$a) + 1"),
        ("2 * -3", "2 * (-3)"),
        ("1 - -1", "1 - (-1)"),
        ("(int)$a + 1", "((int)$a) + 1"),
        ("defined $a == 0", "(defined $a) == 0"),
        ("!defined $a && not $b", "(!(defined $a)) && (!$b)"),
        ("$a !~ \"x\"", "!($a =~ \"x\")"),
        ("$a % 2", "$a mod 2"),
        ("$a eq \"1\" or $b ieq 2", "($a eq \"1\") || ($b ieq 2)"),
        ("!uri==myself", "!uri == myself"),
        ("src_port > 5000 + 10 && 1", "(src_port > (5000 + 10)) && 1"),
        ("(src_port == 1) + 1", "(src_port == 1) + 1"),
        ("myself != src_ip", "src_ip != myself"),
        ("strlen($a) > 2", "strlen($a) > 2"),
        ("selval($a, 1, \"b\")", "selval($a, 1, \"b\")"),
        ("yes + off + INET6", "(1 + 0) + 10"),
        ("010 + 0x1f + 101b", "(8 + 31) + 5"),
        ("@via[1].host == \"x\"", "@via[1].host == \"x\""),
        ("($b = 1)", "($b = 1)"),
        ("is_method(\"X\")", "is_method(\"X\")"),
        ("route(010)", "route(\"8\")"),
        ("route($a + \"x\")", "route($a + \"x\")"),
    ];
    for (text, expected) in rows {
        assert_eq!(expr(text), expected, "{text}");
    }
}

#[test]
fn networks_and_hosts_right_of_an_address() {
    let rows = [
        ("src_ip == 10.0.0.1", "src_ip == 10.0.0.1/255.255.255.255"),
        ("src_ip == 10.0.0.0/8", "src_ip == 10.0.0.0/255.0.0.0"),
        ("src_ip != 10.0.0.0/255.255.0.0", "src_ip != 10.0.0.0/255.255.0.0"),
        ("src_ip == 0.0.0.0/0", "src_ip == 0.0.0.0/0.0.0.0"),
        ("dst_ip == ::1", "dst_ip == [::1]/[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
        ("src_ip == fe80::/10", "src_ip == [fe80::]/[ffc0::]"),
        ("src_ip == a.b-c.1d", "src_ip == a.b-c.1d"),
        ("src_ip == \"10.0.0.0/8\"", "src_ip == \"10.0.0.0/8\""),
        ("proto == UDP", "proto == udp"),
        ("method == INVITE", "method == INVITE"),
    ];
    for (text, expected) in rows {
        assert_eq!(expr(text), expected, "{text}");
    }
}

#[test]
fn strings_join_and_keep_what_regexes_need() {
    let rows = [
        ("\"a\" \"b\"\n\"c\"", "\"abc\""),
        (r#""^(\+|00)\1""#, r#""^(\\+|00)\\1""#),
        (r"'a\n'", r#""a\\n""#),
        ("\"a\nb\"", r#""a\nb""#),
        ("\"$rU\"", "\"$rU\""),
    ];
    for (text, expected) in rows {
        assert_eq!(expr(text), expected, "{text}");
    }
}

#[test]
fn directives_act_where_they_stand() {
    let rows = [
        ("#!define A B\n#!define B 3\ndebug=A\n", "debug = 3\n"),
        ("#!define A 5 # note\ndebug=A", "debug = 5\n"),
        ("#!define A \"x\" // note\nlog_name=A", "log_name = \"x\"\n"),
        ("#!define A 5 /* note */\ndebug=A", "debug = 5\n"),
        ("#!define A debug \\\n = 3\nA", "debug = 3\n"),
        ("#!define A 1\n#!trydef A 2\ndebug=A", "debug = 1\n"),
        ("#!define A 1\n!!redef A 2\ndebug=A", "debug = 2\n"),
        ("debug=2 #!define B 6\nmemdbg=B", "debug = 2\nmemdbg = 6\n"),
        ("#!define debug memdbg\ndebug=3", "debug = 3\n"),
        ("#!define A\nA debug=3", "debug = 3\n"),
        ("#!ifdef X\ndebug=1\n#!else\ndebug=2\n#!endif", "debug = 2\n"),
        ("#!ifndef X\ndebug=1\n#!endif # X\n", "debug = 1\n"),
        ("#!ifdef X\n#!ifdef Y\n#!else\ndebug=1\n#!endif\n#!else\ndebug=2\n#!endif\n", "debug = 2\n"),
        ("#!define N 5\n#!ifexp N > 3 && N < 7\ndebug=N\n#!endif\n", "debug = 5\n"),
        (
            "#!define N 5\n#!defexp M N * 2\n#!defexps S N\ndebug=M log_name=S",
            "debug = 10\nlog_name = \"5\"\n",
        ),
        ("#!substdef \"!NN!3!g\"\ndebug=NN log_name=\"aNNb\"", "debug = 3\nlog_name = \"a3b\"\n"),
        ("#!substdefs \"!NN!3!g\"\nlog_name=NN", "log_name = \"3\"\n"),
        ("#!subst \"/bc/x/\"\nlog_name=\"ab\" 'c'", ""),
        ("#!define A 1\n#!undef A\n#!ifdef A\ndebug=1\n#!endif\n", ""),
        (
            "loadmodule \"dir/tm.so\"\n#!ifdef MOD_tm\ndebug=1\n#!endif\n",
            "loadmodule \"dir/tm.so\"\ndebug = 1\n",
        ),
        ("#!ifdef KAMAILIO_5_6\ndebug=1\n#!endif\n", "debug = 1\n"),
    ];
    for (text, expected) in rows.into_iter().filter(|(_, expected)| !expected.is_empty()) {
        assert_eq!(clean(text), expected, "{text}");
    }
    // Substitution works on the joined text, in order of the rules, and on variables.
    assert_eq!(
        clean("#!subst \"/bc/x/\"\n#!subst \"/x/y/\"\nlog_name=\"ab\" \"cd\""),
        "log_name = \"ayd\"\n"
    );
    assert!(clean("#!subst \"/rU/fU/\"\nrequest_route { $rU = 1; }").contains("$fU = 1;"));
}

#[test]
fn a_substitution_must_leave_a_variable() {
    for rule in ["/x\\)/y/", "/.*/text/", "/x/\\n/"] {
        let parsed = parse(&format!("#!subst \"{rule}\"\nrequest_route {{ $var(x) = 1; }}"));
        let codes: Vec<&str> = parsed.diagnostics.iter().map(|finding| finding.code).collect();
        assert_eq!(codes.contains(&"C007"), rule != "/x/\\n/", "{rule}: {:?}", findings(&parsed));
    }
}

#[test]
fn the_command_line_defines_and_substitutes() {
    let preset = Preset {
        defines: vec!["A".into(), "N=5".into(), "S=\"x\"".into()],
        substs: vec![(SubstKind::Define, "/TT/t/g".into())],
        ..Preset::default()
    };
    let text = "#!ifdef A\ndebug=N log_name=S log_prefix=\"TT\"\n#!endif\n";
    let parsed = parse_text("main.cfg", text, &preset, &MemoryLoader::default());
    assert_eq!(findings(&parsed), Vec::<String>::new());
    assert_eq!(print(&parsed.config), b"debug = 5\nlog_name = \"x\"\nlog_prefix = \"t\"\n");
}

#[test]
fn includes_splice_tokens_and_keep_their_positions() {
    let loader = MemoryLoader {
        files: [
            ("dir/open.cfg", "route[a] {\n  exit;\n"),
            ("dir/sub/inner.cfg", "include_file \"beside.cfg\"\n"),
            ("dir/sub/beside.cfg", "debug=1\nnonsense=2\n"),
            ("loop.cfg", "include_file \"loop.cfg\"\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.into()))
        .into(),
        env: [("LEVEL".to_owned(), "3".to_owned())].into(),
    };
    let parse = |text: &str| parse_text("dir/main.cfg", text.to_owned(), &Preset::default(), &loader);

    let parsed =
        parse("include_file \"open.cfg\"\n}\nimport_file \"missing.cfg\"\n#!defenv LEVEL\ndebug=LEVEL\n");
    assert_eq!(findings(&parsed), Vec::<String>::new());
    assert_eq!(print(&parsed.config), b"route[\"a\"] {\n    exit;\n}\ndebug = 3\n");

    let parsed = parse("include_file \"sub/inner.cfg\"\n");
    assert_eq!(findings(&parsed), ["beside.cfg:2:1: error: unknown global parameter nonsense"]);

    let parsed = parse("include_file \"/loop.cfg\"\ninclude_file \"missing.cfg\"\n#!defenv NOT_SET\n");
    assert_eq!(parsed.diagnostics.len(), 3, "{:?}", findings(&parsed));

    let parsed = parse_text("main.cfg", "include_file \"loop.cfg\"\n", &Preset::default(), &loader);
    assert_eq!(findings(&parsed), ["loop.cfg:1:1: error: too many includes (limits: 64 deep, 10000 in all)"]);
}

#[test]
fn routes_are_normalised_and_appended() {
    let printed = clean(
        "request_route { force_rport; } route[0] { exit; } route[010] { drop; } route[\"x-y\"] { return; } \
         onreply_route { drop; } event_route[ tm:local-request ] { exit; } failure_route[1] { exit; }",
    );
    assert_eq!(
        printed,
        "request_route {\n    force_rport();\n    exit;\n}\nroute[\"8\"] {\n    drop;\n}\nroute[\"x-y\"] {\n    \
         return;\n}\nreply_route {\n    drop;\n}\nevent_route[\"tm:local-request\"] {\n    exit;\n}\n\
         failure_route[\"1\"] {\n    exit;\n}\n"
    );
}

#[test]
fn self_referencing_defines_end() {
    for text in ["#!define A A\ndebug=A\n", "#!define A B\n#!define B A\ndebug=A\n"] {
        let parsed = parse(text);
        assert_eq!(parsed.diagnostics[0].code, "C010", "{:?}", findings(&parsed));
    }
}

#[test]
fn hostile_texts_end_soon_with_a_named_limit() {
    let laughs: String = (0..40).map(|n| format!("#!define L{n} L{} L{}\n", n + 1, n + 1)).collect();
    let rows = [
        ("C014", "request_route ".to_owned() + &"{ if (1) ".repeat(100_000)),
        ("C014", "request_route { $x = ".to_owned() + &"(".repeat(100_000)),
        ("C014", "request_route { $x = ".to_owned() + &"!".repeat(100_000)),
        ("C014", "request_route { $x = 1".to_owned() + &"+1".repeat(100_000)),
        ("C014", laughs + "#!define L40 1+\ndebug=L0\n"),
        ("C014", "#!subst \"/a/b/\"\n".repeat(1_000)),
        ("C014", "#!subst \"/a/aa/g\"\n".repeat(100) + "log_name=\"a\"\n"),
        ("C015", "x".repeat(1_000_000) + "=1\n"),
        ("C001", "\u{0}\u{1} ".repeat(100_000)),
        ("C005", "\"".to_owned() + &"\\\"".repeat(100_000)),
        ("C007", "request_route { ".to_owned() + &"$(".repeat(100_000)),
    ];
    for (code, text) in rows {
        let parsed = parse(&text);
        assert!(parsed.has_errors());
        let codes: Vec<&str> = parsed.diagnostics.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
}

/// Cut and damaged texts with all of the grammar end without a panic.
#[test]
fn damaged_texts_never_panic() {
    let text = include_str!("../../tests/golden/cfg/grammar.cfg").replace("#!substdef", "#substdef");
    let text = text.as_bytes();
    // Every third place: a prime against the seven kinds of damage reaches all of them.
    for end in (0..text.len()).step_by(3) {
        let mut damaged = text.to_vec();
        damaged[end] = [0, b'"', b'{', b'}', b'(', b'#', 0xff][end % 7];
        for text in [&text[..end], &damaged] {
            let _ = parse_text("x", text.to_vec(), &Preset::default(), &MemoryLoader::default());
        }
    }
}

/// Lines of the command line stand before and behind the file, with a name of their own in messages.
#[test]
fn the_command_line_adds_lines_on_both_sides() {
    let preset = Preset {
        before: "loadmodule 'tm'\n".to_owned(),
        after: "debug=3\nnonsense=1\n".to_owned(),
        ..Preset::default()
    };
    let parsed = parse_text(
        "main.cfg",
        "#!KAMAILIO\ndebug=1\nrequest_route { exit; }",
        &preset,
        &MemoryLoader::default(),
    );
    assert!(matches!(parsed.config.items.first(), Some(super::ast::Item::LoadModule(_))));
    let values: Vec<_> = parsed.config.settings().map(|setting| setting.value.clone()).collect();
    assert_eq!(values, [super::ast::SettingValue::Int(1), super::ast::SettingValue::Int(3)]);
    assert_eq!(parsed.diagnostics.len(), 1, "{:?}", parsed.diagnostics);
    assert_eq!(parsed.diagnostics[0].place.to_string(), "command line:2:1");
}
