//! The argument of `rtp_stream`: `file[,loops[,payload type[,name]]]`, `pause`, `resume`; the patterns of rtpcheck.

use super::pattern;
use super::payload::{self, Format};

/// What `rtp_stream` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamCommand {
    /// Play a file.
    Play(StreamFile),
    /// Send nothing for now.
    Pause,
    /// Go on.
    Resume,
    /// Send packets of one byte and compare what comes back.
    Pattern(PatternStream),
    /// Pause or go on with the pattern of a line.
    PatternSwitch {
        /// Which line.
        line: PatternLine,
        /// True to pause.
        pauses: bool,
    },
}

/// A pattern to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternStream {
    /// Which line it is for.
    pub line: PatternLine,
    /// The byte.
    pub byte: u8,
    /// The payload type written.
    pub payload_type: u8,
    /// What it means.
    pub format: &'static Format,
}

/// The lines that have patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternLine {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
}

/// A file to stream and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFile {
    /// The file as written.
    pub file: String,
    /// How often; `None` is without end.
    pub loops: Option<u32>,
    /// The payload type written.
    pub payload_type: u8,
    /// What it means.
    pub format: &'static Format,
}

impl StreamCommand {
    /// Reads the argument; `default_type` is the payload type of `-rtp_payload`.
    /// Errors: one line that says what was expected.
    pub fn parse(text: &str, default_type: u8) -> Result<StreamCommand, String> {
        let mut parts = text.split(',').map(str::trim);
        let file = parts.next().unwrap_or_default();
        match file {
            "" => return Err("rtp_stream needs a file name, pause or resume".into()),
            "pause" => return Ok(StreamCommand::Pause),
            "resume" => return Ok(StreamCommand::Resume),
            _ => {}
        }
        if let Some((_, line, pauses)) = SWITCHES.iter().copied().find(|(word, ..)| *word == file) {
            return Ok(StreamCommand::PatternSwitch { line, pauses });
        }
        let number = |text: Option<&str>, default: i64, what: &str| match text {
            None | Some("") => Ok(default),
            Some(text) => text
                .parse::<i64>()
                .map_err(|_| format!("{what} of rtp_stream must be a number, not '{text}'")),
        };
        let pattern = PATTERNS.iter().find(|(word, _)| *word == file).map(|(_, line)| *line);
        let second = if pattern.is_some() { "the number of the pattern" } else { "the number of loops" };
        let loops = number(parts.next(), 1, second)?;
        let payload_type = number(parts.next(), default_type.into(), "the payload type")?;
        let format = u8::try_from(payload_type).ok().and_then(|kind| payload::find(kind, parts.next()));
        let unknown = || {
            format!(
                "Unknown rtp payload type {payload_type} - cannot set playback parameters (0, 8, 9, 13, 18, or \
                 96 to 127 with the name iLBC/8000 or H264/90000 behind another comma)"
            )
        };
        let format = format.ok_or_else(unknown)?;
        if let Some(line) = pattern {
            let byte = u32::try_from(loops).ok().and_then(pattern::byte_of);
            let byte =
                byte.ok_or_else(|| format!("{file} of rtp_stream has the patterns 1 to 6, not {loops}"))?;
            let payload_type = payload_type as u8;
            return Ok(StreamCommand::Pattern(PatternStream { line, byte, payload_type, format }));
        }
        Ok(StreamCommand::Play(StreamFile {
            file: file.into(),
            // SIPp takes every negative number for endless.
            loops: u32::try_from(loops).ok(),
            payload_type: payload_type as u8,
            format,
        }))
    }
}

/// The words of `rtpcheck` that start a pattern.
const PATTERNS: &[(&str, PatternLine)] =
    &[("apattern", PatternLine::Audio), ("vpattern", PatternLine::Video)];

/// The words that pause it or let it go on; true pauses.
const SWITCHES: &[(&str, PatternLine, bool)] = &[
    ("pauseapattern", PatternLine::Audio, true),
    ("resumeapattern", PatternLine::Audio, false),
    ("pausevpattern", PatternLine::Video, true),
    ("resumevpattern", PatternLine::Video, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_file_loops_payload_and_name() {
        let rows = [
            ("a.raw", Ok(("a.raw", Some(1), 8))),
            ("a.raw,3", Ok(("a.raw", Some(3), 8))),
            ("dir/a.wav,-1,0", Ok(("dir/a.wav", None, 0))),
            ("a,1,97,iLBC/8000", Ok(("a", Some(1), 97))),
            ("a,,18", Ok(("a", Some(1), 18))),
            ("a,1,98", Ok(("a", Some(1), 98))),
            ("a,1,3", Err("Unknown rtp payload type 3")),
            ("a,1,300", Err("Unknown rtp payload type 300")),
            ("a,x", Err("the number of loops")),
            ("", Err("needs a file name")),
            ("apattern,7,0", Err("patterns 1 to 6")),
            ("vpattern,x", Err("the number of the pattern")),
        ];
        for (text, expected) in rows {
            match (StreamCommand::parse(text, 8), expected) {
                (Ok(StreamCommand::Play(play)), Ok((file, loops, kind))) => {
                    assert_eq!(
                        (play.file.as_str(), play.loops, play.payload_type),
                        (file, loops, kind),
                        "{text}"
                    );
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        let pattern = StreamCommand::parse("vpattern,2,120,H264/90000", 8);
        let Ok(StreamCommand::Pattern(pattern)) = pattern else { panic!("{pattern:?}") };
        assert_eq!((pattern.line, pattern.byte, pattern.payload_type), (PatternLine::Video, 0xbb, 120));
        let paused = StreamCommand::PatternSwitch { line: PatternLine::Audio, pauses: true };
        assert_eq!(StreamCommand::parse("pauseapattern", 8), Ok(paused));
        assert_eq!(StreamCommand::parse("pause", 8), Ok(StreamCommand::Pause));
        assert_eq!(StreamCommand::parse("resume", 8), Ok(StreamCommand::Resume));
    }
}
