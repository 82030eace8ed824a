//! The argument of `rtp_stream`: `file[,loops[,payload type[,name]]]`, `pause`, `resume`.

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
            pattern if PATTERNS.contains(&pattern) => {
                return Err(format!("the stream pattern {pattern} is not available in this version of sipp"));
            }
            _ => {}
        }
        let number = |text: Option<&str>, default: i64, what: &str| match text {
            None | Some("") => Ok(default),
            Some(text) => text
                .parse::<i64>()
                .map_err(|_| format!("{what} of rtp_stream must be a number, not '{text}'")),
        };
        let loops = number(parts.next(), 1, "the number of loops")?;
        let payload_type = number(parts.next(), default_type.into(), "the payload type")?;
        let format = u8::try_from(payload_type).ok().and_then(|kind| payload::find(kind, parts.next()));
        let unknown = || {
            format!(
                "Unknown rtp payload type {payload_type} - cannot set playback parameters (0, 8, 9, 13, 18, or \
                 96 to 127 with the name iLBC/8000 or H264/90000 behind another comma)"
            )
        };
        let format = format.ok_or_else(unknown)?;
        Ok(StreamCommand::Play(StreamFile {
            file: file.into(),
            // SIPp takes every negative number for endless.
            loops: u32::try_from(loops).ok(),
            payload_type: payload_type as u8,
            format,
        }))
    }
}

/// Words of SIPp 3.7's rtpcheck that are no file names.
const PATTERNS: &[&str] =
    &["apattern", "vpattern", "pauseapattern", "resumeapattern", "pausevpattern", "resumevpattern"];

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
            ("apattern,1,0", Err("not available")),
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
        assert_eq!(StreamCommand::parse("pause", 8), Ok(StreamCommand::Pause));
        assert_eq!(StreamCommand::parse("resume", 8), Ok(StreamCommand::Resume));
    }
}
