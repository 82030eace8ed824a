//! The command line: one table of options, typed options, help and error texts.
//!
//! Adding an option is one row in the file of its group and one field in that group's struct; help, hints
//! and parsing follow from the row. Nothing is opened or resolved here.

mod call;
mod command_line;
mod find_max;
mod general;
mod help;
mod network;
mod rate;
mod row;
mod scenario;
mod table;
mod tools;
mod traces;
mod twin;
mod verdict;
mod watch;

pub use call::{Behaviours, Call, CallIdType, DuplicateCheck};
pub use command_line::{Invocation, Refusal, read};
pub use find_max::FindMax;
pub use general::{General, Media};
pub use help::{Described, Support, Topic, described, version};
pub use network::{HostPort, Network, SocketMode};
pub use rate::{Arrivals, Rate};
pub use scenario::{Scenario, Source};
pub use tools::{Task, Tools};
pub use traces::{TraceFile, Traces};
pub use twin::Twin;
pub use verdict::Verdict;
pub use watch::Watch;

/// Everything a command line can say, by group; `Default` is the empty command line.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Scenarios and injection files.
    pub scenario: Scenario,
    /// Addresses and sockets.
    pub network: Network,
    /// The process.
    pub general: General,
    /// How calls behave.
    pub call: Call,
    /// Media addresses and ports.
    pub media: Media,
    /// When calls start.
    pub rate: Rate,
    /// The search for the highest rate.
    pub find_max: FindMax,
    /// Files that tell what happened.
    pub traces: Traces,
    /// Third party call control.
    pub twin: Twin,
    /// What decides about the exit code.
    pub verdict: Verdict,
    /// What is kept of failed calls, and who may watch.
    pub watch: Watch,
    /// What is done instead of a run.
    pub tools: Tools,
}

impl Options {
    /// What no single option can see. The error is the text to show.
    fn check(&self) -> Result<(), String> {
        if self.rate.limit.is_some() && self.rate.users.is_some() {
            return Err("Can not set open call limit (-l) when -users is specified.".into());
        }
        if self.find_max.conditions.is_some() && (self.rate.users.is_some() || self.rate.stop_after.is_some())
        {
            return Err(
                "-find-max chooses the rate and the number of calls: -users and -m do not go with it".into(),
            );
        }
        let udp = [SocketMode::Udp, SocketMode::UdpPerCall, SocketMode::UdpPerAddress];
        if self.network.device.is_some() && !udp.contains(&self.network.mode) {
            return Err("-bind_to_device is for UDP only in this version of sipp".into());
        }
        if self.network.mode == SocketMode::UdpPerAddress && self.scenario.injection.is_empty() {
            return Err("You must use the -inf option when using -t ui.\nUse 'sipp -h' for details".into());
        }
        self.twin.check()?;
        if self.traces.ring_bytes.is_some() && self.traces.max_bytes.is_some() {
            return Err("-ringbuffer_size and -max_log_size exclude each other".into());
        }
        Ok(())
    }
}
