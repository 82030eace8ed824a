//! Command line of `sip-proxy`: options -> run -> exit code.

fn main() {}
