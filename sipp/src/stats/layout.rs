//! What screens and files show of a scenario: its lines and the names of its timers and counters.
//!
//! Plain text made once from the compiled scenario, so that nothing here needs to know scenarios.

/// Which side of the calls a scenario plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Opens calls.
    #[default]
    Client,
    /// Waits for calls.
    Server,
}

/// Which of the scenarios of a run; also the words of `set display`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// `-sf`: the calls of our own, or all calls of a server.
    #[default]
    Main,
    /// `-rxsf`: calls that come in while the main scenario opens calls.
    Receiving,
    /// `-oocsf`: requests outside of any call.
    OutOfCall,
}

impl Part {
    /// All parts with their words.
    pub const ALL: [(Part, &'static str); 3] =
        [(Part::Main, "main"), (Part::Receiving, "rx"), (Part::OutOfCall, "ooc")];

    /// The word.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The lines and names of one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Name for files: built-in name, or file name without directory and `.xml`.
    pub(crate) name: String,
    /// What it is in the run.
    pub(crate) part: Part,
    /// Client or server.
    pub(crate) role: Role,
    /// One line per message, by message index.
    pub(crate) lines: Vec<Line>,
    /// Names of the response times.
    pub(crate) response_times: Vec<String>,
    /// Names of the counters.
    pub(crate) counters: Vec<String>,
    /// One line per action, for the variables screen.
    pub(crate) actions: Vec<String>,
}

/// One message of a scenario as screens and files show it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What it does.
    pub(crate) kind: Kind,
    /// The response time that starts here, counted from 1.
    pub(crate) starts: Option<usize>,
    /// The response time that ends here, counted from 1.
    pub(crate) ends: Option<usize>,
    /// Not shown.
    pub(crate) hidden: bool,
    /// An empty line follows on the screen.
    pub(crate) gap_after: bool,
}

/// What a message does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends this method or status; `retransmits` when it can be sent again.
    Send {
        /// Method or status code.
        what: String,
        /// Whether it has a retransmission timer.
        retransmits: bool,
    },
    /// Receives this method or status.
    Receive(String),
    /// Pauses; the text is the length as shown.
    Pause(String),
    /// Does something without a message; the text is what to show, empty for `[ NOP ]`.
    Nop(String),
    /// Sends a command to the twin.
    SendCommand,
    /// Receives a command from the twin.
    ReceiveCommand,
}

impl Layout {
    /// The lines that are shown, with their message index.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| !line.hidden)
    }
}
