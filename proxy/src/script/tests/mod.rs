//! Tests of the language: what was measured on Kamailio 5.6.3, as tables.

mod control;
mod expressions;
mod lints;
mod mistakes;
mod nested;

use crate::trial::{OPTIONS, Outcome, Trial};

const MODULES: &str =
    "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"textops.so\"\nloadmodule \"siputils.so\"\n";

/// Runs whole blocks on an OPTIONS request.
fn run(routes: &str) -> Outcome {
    let mut trial = Trial::load(&format!("{MODULES}{routes}"))
        .unwrap_or_else(|findings| panic!("{routes}: {}", findings[0]));
    trial.run(OPTIONS)
}

/// The log lines of a request route with this body.
fn lines(body: &str) -> Vec<String> {
    run(&format!("request_route {{ {body} }}")).lines
}
