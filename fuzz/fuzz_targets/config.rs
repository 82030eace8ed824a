//! Any bytes as a configuration: reading ends, and what was read without errors is the same when printed and
//! read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::cfg::{MemoryLoader, Parsed, Preset, parse_text, print};

fn parse(text: &[u8]) -> Parsed {
    let files = [("a.cfg".to_owned(), text.to_vec().into())].into();
    let loader = MemoryLoader { files, ..MemoryLoader::default() };
    parse_text("main.cfg", text.to_vec(), &Preset::default(), &loader)
}

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    if !parsed.has_errors() {
        let printed = print(&parsed.config);
        let again = parse(&printed);
        assert!(!again.has_errors(), "{:?}", again.diagnostics);
        assert_eq!(printed, print(&again.config));
    }
});
