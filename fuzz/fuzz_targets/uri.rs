//! Any bytes as a URI and as a list of addresses: parts lie in the text, a URI equals itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::msg::{NameAddr, Uri, Values, Via};
use sip::span::Span;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(uri) = Uri::parse(bytes) {
        for part in [
            uri.host,
            uri.host_port,
            uri.params.as_bytes(),
            uri.headers.as_bytes(),
            uri.user.unwrap_or(uri.host),
        ] {
            assert!(Span::locate(bytes, part).is_some());
        }
        let _ = (uri.host_ip(), uri.effective_port(), uri.is_loose_router());
        let names: Vec<_> =
            uri.params.iter().chain(uri.headers).map(|param| param.name.to_ascii_lowercase()).collect();
        let repeats = (1..names.len()).any(|at| names[..at].contains(&names[at]));
        assert!(repeats || uri.is_equal(&uri), "a URI without repeated parameters equals itself");
    }
    for value in Values::new(bytes) {
        assert!(Span::locate(bytes, value).is_some());
        let _ = Via::parse(value);
        let _ = NameAddr::parse(value).map(|addr| (addr.uri(), addr.tag(), addr.display_name()));
    }
});
