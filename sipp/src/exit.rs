//! The exit codes of the program; the numbers are SIPp's, scripts depend on them.

/// How a run ended, as the number the process gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All calls that ended were successful, or none ended.
    Success = 0,
    /// A call failed, or something was wrong before the scenario was loaded.
    Failed = 1,
    /// `-strict`: fewer calls than those of `-m` were made.
    Incomplete = 2,
    /// `-strict`: this program could not keep up, so the run says nothing about the other side.
    Limited = 3,
    /// The scenario said stop, or `-timeout` passed without any call ending.
    Stopped = 97,
    /// Help, version or a built-in scenario was printed, or the program went to the background.
    NoRun = 99,
    /// A check of `rtpcheck` failed: packets did not come back as they were sent.
    RtpCheckFailed = 253,
    /// A socket could not be bound because its address is in use.
    AddressInUse = 254,
    /// Another fatal error after the scenario was loaded.
    Fatal = 255,
}

impl Exit {
    /// All codes with their meaning, for `-h codes`.
    pub(crate) const ALL: &[(Exit, &str)] = &[
        (Exit::Success, "all calls that ended were successful, or none ended"),
        (Exit::Failed, "at least one call failed, or an error in options or scenario"),
        (Exit::Incomplete, "-strict: fewer calls than -m were made"),
        (Exit::Limited, "-strict: this program could not keep up; the run says nothing about the other side"),
        (Exit::Stopped, "ended by the scenario, or by -timeout before any call ended"),
        (Exit::NoRun, "help, version or scenario printed, or gone to the background"),
        (Exit::RtpCheckFailed, "RTP did not come back as it was sent (rtpcheck)"),
        (Exit::AddressInUse, "fatal error: address in use"),
        (Exit::Fatal, "other fatal error after the scenario was loaded"),
    ];
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
