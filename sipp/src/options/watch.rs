//! Options about failed calls and about who may watch a run: flight recorder, page, metrics.

use std::net::SocketAddr;

use super::row::{Effect, Row};

/// What is kept of failed calls, and where a run can be watched.
#[derive(Clone, Debug)]
pub struct Watch {
    /// `-failures`: where the files of failed calls go.
    pub failures: Option<String>,
    /// `-failures_kept`: calls kept in full for each distinct reason; 0 switches the recorder off.
    pub failures_kept: u64,
    /// `-html`: file name.
    pub page: Option<String>,
    /// `-prometheus`: where metrics are served.
    pub metrics: Option<SocketAddr>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { failures: None, failures_kept: 20, page: None, metrics: None }
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["failures"],
        value: "DIR",
        help: "Write the first failed calls of each distinct reason into this directory: each as text with its \
               ladder, messages and variables, and as pcapng.",
        effect: Effect::Text(|options, directory| {
            options.watch.failures = Some(directory.into());
            Ok(())
        }),
    },
    Row {
        names: &["failures_kept"],
        value: "N",
        help: "Failed calls kept in full for each distinct reason, for -failures, -html and key f; 0 keeps none. \
               Default: 20.",
        effect: Effect::Text(|options, text| {
            let number =
                text.parse().map_err(|_| format!("-failures_kept, \"{text}\" is not a valid integer!"))?;
            options.watch.failures_kept = number;
            Ok(())
        }),
    },
    Row {
        names: &["html"],
        value: "FILE",
        help: "Write a page with charts, percentiles and failed calls when the run ends.",
        effect: Effect::Text(|options, file| {
            options.watch.page = Some(file.into());
            Ok(())
        }),
    },
    Row {
        names: &["prometheus"],
        value: "ADDR:PORT",
        help: "Serve metrics in the text format of Prometheus at http://ADDR:PORT/metrics while the run lasts.",
        effect: Effect::Text(|options, text| {
            let addr = text.parse().map_err(|_| {
                format!("-prometheus, \"{text}\" is not an address and a port, such as 127.0.0.1:9090")
            })?;
            options.watch.metrics = Some(addr);
            Ok(())
        }),
    },
];
