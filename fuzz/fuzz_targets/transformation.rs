//! Any transformation of any family with any arguments on any value. The first byte chooses the transformation; up
//! to the first NUL stand its arguments, behind it the value.

#![no_main]

use std::cell::RefCell;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use proxy::api::Value;
use proxy::trial::{OPTIONS, Trial};

thread_local! {
    static TRIAL: RefCell<Trial> = RefCell::new(
        Trial::load("loadmodule \"pv.so\"\nloadmodule \"textops.so\"\nrequest_route { $var(x) = 1; }").expect("a configuration"),
    );
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    TRIAL.with_borrow_mut(|trial| {
        let catalog = &trial.script().catalog;
        let mut names: Vec<&str> = catalog.transform_names().collect();
        names.sort_unstable();
        let name = names[usize::from(*choice) % names.len()];
        let (args, value) = match rest.iter().position(|byte| *byte == 0) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (&b""[..], rest),
        };
        let comma: &[u8] = if args.is_empty() { b"" } else { b"," };
        let text = [b"$(var(x){", name.as_bytes(), comma, args, b"})"].concat();
        let Ok(text) = catalog.text(&text) else { return };
        let slot = catalog.slot("var", b"x").expect("there is room") as usize;
        let mut run = trial.prepare(OPTIONS);
        for value in [Value::Str(Bytes::copy_from_slice(value)), Value::Int(value.len() as i64 - 3), Value::Null] {
            trial.shard.vars.set(slot, value);
            let out = run.render(&mut trial.shard, &text);
            // A text can grow by escaping, not without bound.
            assert!(out.len() <= 200_000 + 16 * bytes.len(), "{} bytes", out.len());
        }
        trial.shard.log.take();
    });
});
