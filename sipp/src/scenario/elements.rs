//! The table of elements and their attributes: what may be written where.
//!
//! Diagnostics and documentation come from it; the compiler reads the attributes it lists.

/// One row: an element and what it takes.
pub struct ElementDef {
    /// Name.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Placement,
    /// Attributes of its own; messages also take [`COMMON`].
    pub attributes: &'static [&'static str],
    /// One sentence for the documentation.
    pub doc: &'static str,
}

/// Where an element may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// A message: takes a number.
    Message,
    /// Beside messages: takes no number.
    Declaration,
    /// Inside a message.
    Inside,
}

/// Attributes of all messages.
pub const COMMON: &[&str] = &[
    "next",
    "test",
    "chance",
    "condexec",
    "condexec_inverse",
    "counter",
    "start_rtd",
    "rtd",
    "repeat_rtd",
    "crlf",
    "hide",
    "hiderest",
    "display",
    "lost",
    "ontimeout",
    "ignoresdp",
];

/// Parameters of every distribution, old spellings included.
const PAUSE: &[&str] = &[
    "milliseconds",
    "variable",
    "distribution",
    "sanity_check",
    "value",
    "min",
    "max",
    "mean",
    "stdev",
    "lambda",
    "k",
    "x_m",
    "shape",
    "scale",
    "location",
    "theta",
    "p",
    "n",
    "normal",
    "exponential",
    "lognormal",
    "weibull",
    "pareto",
    "gamma",
];

/// All elements.
pub const TABLE: &[ElementDef] = &[
    ElementDef {
        name: "send",
        place: Placement::Message,
        attributes: &["retrans", "timeout", "start_txn", "ack_txn"],
        doc: "Sends the message in its CDATA.",
    },
    ElementDef {
        name: "recv",
        place: Placement::Message,
        attributes: &[
            "request",
            "response",
            "regexp_match",
            "optional",
            "advance_state",
            "rrs",
            "auth",
            "timeout",
            "response_txn",
        ],
        doc: "Waits for a request or a response.",
    },
    ElementDef { name: "pause", place: Placement::Message, attributes: PAUSE, doc: "Waits." },
    ElementDef {
        name: "timewait",
        place: Placement::Message,
        attributes: PAUSE,
        doc: "Waits at the end of a call that has succeeded.",
    },
    ElementDef { name: "nop", place: Placement::Message, attributes: &[], doc: "Runs actions only." },
    ElementDef {
        name: "sendCmd",
        place: Placement::Message,
        attributes: &["dest"],
        doc: "Sends the command in its CDATA to the twin.",
    },
    ElementDef {
        name: "recvCmd",
        place: Placement::Message,
        attributes: &["src", "optional", "timeout"],
        doc: "Waits for a command of the twin.",
    },
    ElementDef {
        name: "label",
        place: Placement::Declaration,
        attributes: &["id"],
        doc: "Names the next message.",
    },
    ElementDef {
        name: "init",
        place: Placement::Declaration,
        attributes: &[],
        doc: "Messages that run once before traffic.",
    },
    ElementDef {
        name: "Global",
        place: Placement::Declaration,
        attributes: &["variables"],
        doc: "Declares variables of the whole run.",
    },
    ElementDef {
        name: "User",
        place: Placement::Declaration,
        attributes: &["variables"],
        doc: "Declares variables of a user.",
    },
    ElementDef {
        name: "Reference",
        place: Placement::Declaration,
        attributes: &["variables"],
        doc: "Counts as a use of variables.",
    },
    ElementDef {
        name: "ResponseTimeRepartition",
        place: Placement::Declaration,
        attributes: &["value"],
        doc: "Borders of the response time histograms, in milliseconds.",
    },
    ElementDef {
        name: "CallLengthRepartition",
        place: Placement::Declaration,
        attributes: &["value"],
        doc: "Borders of the call length histogram, in milliseconds.",
    },
    ElementDef {
        name: "DefaultMessage",
        place: Placement::Declaration,
        attributes: &["id"],
        doc: "Replaces an automatic message.",
    },
    ElementDef {
        name: "action",
        place: Placement::Inside,
        attributes: &[],
        doc: "Actions run when the message was handled.",
    },
];

/// The row of an element.
pub fn find(name: &str) -> Option<&'static ElementDef> {
    TABLE.iter().find(|def| def.name == name)
}
