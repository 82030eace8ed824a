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
        assert!(uri.is_equal(&uri));
        if let Ok(other) = Uri::parse(&bytes[..uri.text.len() - uri.headers.as_bytes().len()]) {
            assert_eq!(uri.is_equal(&other), other.is_equal(&uri));
        }
    }
    for value in Values::new(bytes) {
        assert!(Span::locate(bytes, value).is_some());
        let _ = Via::parse(value);
        let _ = NameAddr::parse(value).map(|addr| (addr.uri(), addr.tag(), addr.display_name()));
    }
});
