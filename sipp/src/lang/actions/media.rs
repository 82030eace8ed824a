//! Media actions about what a call hears: `rtp_echo` of its own streams, `rtp_stats` into variables.

use crate::media::heard::{self, Figure, FigureDef};
use crate::state::{Value, VarSlot};

use super::super::effect::EchoSwitch;
use super::super::{
    Action, ActionDef, Attributes, Effect, Flow, MediaKind, Mistake, Scope, Subject, Template,
};

pub(in crate::lang) const RTP_ECHO: ActionDef = ActionDef {
    name: "rtp_echo",
    attributes: &["value"],
    parse: |attributes| {
        let value = attributes.required_number("value")?;
        Ok(Box::new(EchoAll(if value == 0.0 { EchoSwitch::Off } else { EchoSwitch::On })))
    },
    doc: "Stops or restarts the echo of -rtp_echo.",
};

#[derive(Debug)]
struct EchoAll(EchoSwitch);

impl Action for EchoAll {
    fn run(&self, _scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        effects.push(Effect::RtpEcho(self.0));
        Flow::Continue
    }
}

/// Reads `<exec rtp_echo="startaudio[,payload type[,name]]">`: the call's own stream is returned.
pub(super) fn parse_echo(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    attributes.names.media.plays = true;
    let words = attributes.required_template("rtp_echo")?;
    if let Some(text) = words.as_literal()
        && find_order(text).is_none()
    {
        return Err(attributes.bad(
            "rtp_echo",
            "startaudio, updateaudio, stopaudio, startvideo, updatevideo or stopvideo, then payload type and name",
        ));
    }
    Ok(Box::new(EchoCall(words)))
}

/// The orders of the echo of a call; payload type and name behind them say what comes anyway.
const ORDERS: &[(&[u8], MediaKind, EchoSwitch)] = &[
    (b"startaudio", MediaKind::Audio, EchoSwitch::On),
    (b"updateaudio", MediaKind::Audio, EchoSwitch::On),
    (b"stopaudio", MediaKind::Audio, EchoSwitch::Off),
    (b"startvideo", MediaKind::Video, EchoSwitch::On),
    (b"updatevideo", MediaKind::Video, EchoSwitch::On),
    (b"stopvideo", MediaKind::Video, EchoSwitch::Off),
];

fn find_order(text: &[u8]) -> Option<(MediaKind, EchoSwitch)> {
    let word = text.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
    ORDERS.iter().find(|(name, ..)| *name == word).map(|(_, kind, switch)| (*kind, *switch))
}

#[derive(Debug)]
struct EchoCall(Template);

impl Action for EchoCall {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        let text = self.0.to_vec(scope);
        let Some((kind, switch)) = find_order(&text) else {
            scope.warn(format!("rtp_echo=\"{}\" is no order of the echo", String::from_utf8_lossy(&text)));
            return Flow::StopCall;
        };
        let echoing = &mut scope.call.media.get_or_insert_default().echoes[kind as usize];
        let was_on = std::mem::replace(echoing, switch == EchoSwitch::On);
        if switch == EchoSwitch::Off && !was_on {
            // SIPp 3.7: an echo that cannot be stopped fails the call.
            scope.warn(format!("the echo of m={} was stopped before it was started", kind.word()));
            return Flow::StopCall;
        }
        effects.push(Effect::CallEcho { kind, switch });
        Flow::Continue
    }
}

/// Reads `<exec rtp_stats="loss,jitter,mos" assign_to="l,j,m">`.
pub(super) fn parse_stats(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    attributes.names.media.plays = true;
    let words = attributes.required("rtp_stats")?;
    let figures = words.split(',').map(|word| Wanted::parse(word.trim()));
    let Some(figures) = figures.collect::<Option<Vec<_>>>() else {
        let known: Vec<&str> = heard::FIGURES.iter().map(|figure| figure.name).collect();
        let expected =
            format!("some of {}, {DTMF_INFO}; video_ or image_ in front for these lines", known.join(", "));
        return Err(attributes.bad("rtp_stats", &expected));
    };
    let to = attributes.vars("assign_to")?;
    if to.len() != figures.len() {
        return Err(attributes.bad("assign_to", "one variable for each figure of rtp_stats"));
    }
    Ok(Box::new(Stats(figures.into_iter().zip(to).collect())))
}

/// The digits of INFO requests, which are no figure of a media line.
const DTMF_INFO: &str = "dtmf_info";

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Figure(MediaKind, &'static FigureDef),
    InfoDigits,
}

impl Wanted {
    fn parse(word: &str) -> Option<Wanted> {
        if word == DTMF_INFO {
            return Some(Wanted::InfoDigits);
        }
        let prefixed = |prefix, kind| Some((kind, word.strip_prefix(prefix)?));
        let (kind, name) = prefixed("video_", MediaKind::Video)
            .or_else(|| prefixed("image_", MediaKind::Image))
            .or_else(|| prefixed("audio_", MediaKind::Audio))
            .unwrap_or((MediaKind::Audio, word));
        heard::find(name).map(|figure| Wanted::Figure(kind, figure))
    }
}

#[derive(Debug)]
struct Stats(Vec<(Wanted, VarSlot)>);

impl Action for Stats {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let number = scope.call.number.0;
        let mut known = [None, None, None];
        for (wanted, to) in &self.0 {
            let value = match wanted {
                Wanted::Figure(kind, figure) => {
                    let heard = known[*kind as usize].get_or_insert_with(|| scope.world.heard(number, *kind));
                    (figure.read)(heard)
                }
                Wanted::InfoDigits => match scope.call.media.as_ref().map(|media| &media.info_digits) {
                    Some(digits) if !digits.is_empty() => {
                        Figure::Text(String::from_utf8_lossy(digits).into_owned())
                    }
                    _ => Figure::Missing,
                },
            };
            scope.set_var(
                *to,
                match value {
                    Figure::Number(number) => Value::Number(number),
                    Figure::Text(text) => Value::text(text.as_bytes()),
                    Figure::Missing => Value::Unset,
                },
            );
        }
        Flow::Continue
    }
}
