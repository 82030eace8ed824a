//! What a script costs: a route of 100 statements full of variables, the route of a record-routing proxy for an
//! ACK inside a dialog, loading a large configuration. Aims: 10 us, 2 us, 100 ms for 5,000 lines.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use proxy::trial::{OPTIONS, Trial, compile};

const MODULES: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"textops.so\"\n\
loadmodule \"siputils.so\"\nloadmodule \"maxfwd.so\"\nloadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"rr.so\"\n";

const ACK: &[u8] = b"ACK sip:service@192.0.2.10:5060 SIP/2.0\r\n\
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK776asdhds;rport\r\n\
Route: <sip:127.0.0.1;lr;ftag=1928301774>\r\n\
Max-Forwards: 70\r\n\
From: \"Alice\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
To: Bob <sip:service@192.0.2.10>;tag=314159\r\n\
Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
CSeq: 314159 ACK\r\n\
Content-Length: 0\r\n\r\n";

/// The part of an ordinary request route that an ACK inside a dialog goes through, up to the relay itself.
const PROXY: &str = r#"
request_route {
    route(REQINIT);
    if (is_method("CANCEL")) exit;
    route(WITHINDLG);
    exit;
}
route[REQINIT] {
    force_rport();
    if ($ua =~ "friendly-scanner|sipcli") exit;
    if (!mf_process_maxfwd_header("10")) exit;
}
route[WITHINDLG] {
    if (!has_totag()) return;
    if (loose_route()) {
        if (is_method("BYE")) setflag(1);
        else if (is_method("ACK")) route(NATMANAGE);
        exit;
    }
}
route[NATMANAGE] {
    if (is_request()) {
        if (has_totag()) {
            if ($rU != $null && $du == $null) setbflag(6);
        }
    }
    return;
}
"#;

/// Twenty rounds of five statements.
fn variables() -> String {
    let mut body = String::new();
    for _ in 0..20 {
        body.push_str(
            "$var(user) = $rU; $avp(from) = \"$fU@$fd\"; $var(n) = $var(n) + 1;\n\
             if ($var(n) > 1000000 || $hdr(X-None) != $null) $du = \"sip:127.0.0.1\";\n\
             $avp(from) = $null;\n",
        );
    }
    format!("{MODULES}request_route {{\n{body}\n}}\n")
}

fn large() -> String {
    let mut text = MODULES.to_owned();
    for route in 0..250 {
        writeln!(text, "route[R{route}] {{").expect("a string takes text");
        for line in 0..18 {
            writeln!(
                text,
                "    if ($rU =~ \"^{line}\" && is_method(\"INVITE\")) xlog(\"L_INFO\", \"$fU to $ru\\n\");"
            )
            .expect("a string takes text");
        }
        text.push_str("}\n");
    }
    text.push_str("request_route { route(R0); }\n");
    text
}

fn run(c: &mut Criterion, name: &str, config: &str, message: &[u8]) {
    let mut trial = Trial::load(config).expect("the configuration is right");
    c.bench_function(name, |b| {
        let prepared = trial.prepare(message);
        let (script, work) = (trial.script().clone(), prepared.into_work());
        let route = script.route(proxy::api::RouteTable::Request, "").expect("request_route");
        b.iter_batched(
            || {
                proxy::script::Run::new(
                    &script,
                    route,
                    proxy::api::RouteKind::Request,
                    Box::new((*work).clone()),
                )
            },
            |mut run| {
                black_box(trial.finish(&mut run));
                run
            },
            BatchSize::SmallInput,
        );
    });
}

fn scripts(c: &mut Criterion) {
    run(c, "script/100 statements", &variables(), OPTIONS);
    run(c, "script/ACK in a dialog", &format!("{MODULES}{PROXY}"), ACK);
}

fn load(c: &mut Criterion) {
    let text = large();
    let mut group = c.benchmark_group("script");
    group.sample_size(10);
    group.bench_function("load 5,000 lines", |b| b.iter(|| compile(black_box(&text)).0.is_some()));
    group.finish();
}

criterion_group!(benches, scripts, load);
criterion_main!(benches);
