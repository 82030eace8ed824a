//! `exec`: what the shell does for a call: commands, the end of the program, media.

use crate::media::StreamCommand;

use super::super::{
    Action, ActionDef, Attributes, Effect, FileUse, Flow, MediaFile, MediaKind, Mistake, Scope, Subject,
    Template,
};

pub(in crate::lang) const EXEC: ActionDef = ActionDef {
    name: "exec",
    attributes: &[
        "command",
        "int_cmd",
        "play_pcap_audio",
        "play_pcap_image",
        "play_pcap_video",
        "play_dtmf",
        "rtp_stream",
        "rtp_echo",
        "rtp_stats",
        "assign_to",
    ],
    parse: parse_exec,
    doc: "Runs a command, ends calls or the program, plays and returns media, reads what was heard.",
};

#[derive(Debug)]
enum Exec {
    Command(Template),
    Internal(Internal),
    Pcap(MediaKind, Template),
    Dtmf(Template),
    Stream(Template),
}

#[derive(Clone, Copy, Debug)]
enum Internal {
    EndCall,
    QuitGracefully,
    QuitNow,
}

fn parse_exec(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    let pcaps = [
        ("play_pcap_audio", MediaKind::Audio),
        ("play_pcap_image", MediaKind::Image),
        ("play_pcap_video", MediaKind::Video),
    ];
    let exec = if let Some(command) = attributes.template("command")? {
        Exec::Command(command)
    } else if let Some(word) = attributes.text("int_cmd") {
        Exec::Internal(parse_internal(attributes, &word))
    } else if let Some((name, kind)) = pcaps.into_iter().find(|(name, _)| attributes.get(name).is_some()) {
        let file = attributes.required_template(name)?;
        note_file(attributes, name, &file, FileUse::Capture);
        Exec::Pcap(kind, file)
    } else if let Some(digits) = attributes.template("play_dtmf")? {
        attributes.names.media.plays = true;
        Exec::Dtmf(digits)
    } else if let Some(stream) = attributes.template("rtp_stream")? {
        check_stream(attributes, &stream)?;
        Exec::Stream(stream)
    } else if attributes.get("rtp_echo").is_some() {
        return super::media::parse_echo(attributes);
    } else if attributes.get("rtp_stats").is_some() {
        return super::media::parse_stats(attributes);
    } else {
        let message = "<exec> needs command, int_cmd, play_pcap_audio, play_pcap_image, play_pcap_video, \
                       play_dtmf, rtp_stream, rtp_echo or rtp_stats";
        return Err(Mistake::new("S021", attributes.at, message));
    };
    Ok(Box::new(exec))
}

/// SIPp takes any unknown word for `stop_call`; a doubt says so.
fn parse_internal(attributes: &mut Attributes<'_, '_>, word: &str) -> Internal {
    const WORDS: [(&str, Internal); 3] = [
        ("stop_call", Internal::EndCall),
        ("stop_gracefully", Internal::QuitGracefully),
        ("stop_now", Internal::QuitNow),
    ];
    let known = WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, internal)| internal);
    known.unwrap_or_else(|| {
        let offset = attributes.get("int_cmd").map_or(attributes.at, |written| written.value_at);
        let text = format!("unknown int_cmd '{word}', which is taken for stop_call");
        let doubt = Mistake::new("S103", offset, text).suggest(word, WORDS.map(|(known, _)| known));
        attributes.names.doubts.push(doubt);
        Internal::EndCall
    })
}

/// Notes that a file is played; one whose name has keywords is looked for when it is.
fn note_file(attributes: &mut Attributes<'_, '_>, attribute: &str, name: &Template, use_as: FileUse) {
    let offset = attributes.get(attribute).map_or(attributes.at, |written| written.value_at);
    let media = &mut attributes.names.media;
    media.plays = true;
    if let Some(name) = name.as_literal() {
        media.files.push(MediaFile { path: String::from_utf8_lossy(name).into_owned(), use_as, offset });
    }
}

/// Finds the mistakes of an `rtp_stream` without keywords now, not when the first call plays it.
fn check_stream(attributes: &mut Attributes<'_, '_>, stream: &Template) -> Result<(), Mistake> {
    attributes.names.media.plays = true;
    let Some(text) = stream.as_literal().map(String::from_utf8_lossy) else { return Ok(()) };
    let offset = attributes.get("rtp_stream").map_or(attributes.at, |written| written.value_at);
    let command = StreamCommand::parse(&text, attributes.names.stream_type);
    let command = command.map_err(|text| Mistake::new("S022", offset, text))?;
    if let StreamCommand::Play(play) = command {
        let use_as = FileUse::Samples(play.format);
        attributes.names.media.files.push(MediaFile { path: play.file, use_as, offset });
    }
    Ok(())
}

impl Action for Exec {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        let effect = match self {
            Exec::Command(command) => Effect::Command(command.to_vec(scope)),
            Exec::Internal(Internal::EndCall) => return Flow::StopCall,
            Exec::Internal(Internal::QuitNow) => {
                effects.push(Effect::StopNow);
                return Flow::StopAll;
            }
            Exec::Internal(Internal::QuitGracefully) => Effect::StopGracefully,
            Exec::Pcap(kind, file) => {
                let file = String::from_utf8_lossy(&file.to_vec(scope)).into_owned();
                Effect::PlayPcap { kind: *kind, file }
            }
            Exec::Dtmf(digits) => Effect::PlayDtmf(digits.to_vec(scope)),
            Exec::Stream(stream) => Effect::RtpStream(stream.to_vec(scope)),
        };
        effects.push(effect);
        Flow::Continue
    }
}
