//! Command line of `sipp`: options -> run -> exit code.

fn main() {}
