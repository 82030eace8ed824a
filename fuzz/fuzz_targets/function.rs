//! Functions that take texts, with any texts, on requests whose URIs and header fields are any bytes. Parts stand
//! between NULs: two arguments, request URI, From, To, a further header field, body.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use proxy::api::Value;
use proxy::trial::Trial;
use sip::msg::Message;

const CONFIG: &str = include_str!("function.cfg");

thread_local! {
    static TRIAL: RefCell<Trial> = RefCell::new(Trial::load(CONFIG).expect("the configuration is right"));
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (one, two, uri, from, to, field, body) = (part(), part(), part(), part(), part(), part(), part());
    let mut message = b"OPTIONS ".to_vec();
    for piece in [
        uri,
        b" SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\nFrom: ",
        from,
        b"\r\nTo: ",
        to,
        b"\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContact: ",
        from,
        b"\r\nX-Field: ",
        field,
        b"\r\nContent-Type: application/sdp\r\n\r\n",
        body,
    ] {
        message.extend_from_slice(piece);
    }
    match Message::parse(message.clone().into()) {
        Ok(parsed) if parsed.view().method().is_some() => {}
        _ => return,
    }
    TRIAL.with_borrow_mut(|trial| {
        for (name, value) in [(&b"a"[..], one), (b"b", two)] {
            let slot = trial.script().catalog.slot("var", name).expect("there is room") as usize;
            trial.shard.vars.set(slot, Value::copied(value));
        }
        let outcome = trial.run(&message);
        let _ = outcome.work.view().mandatory();
    });
});
