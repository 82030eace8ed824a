//! Media of the calls: what their actions ask for becomes commands for the player.

use std::net::SocketAddr;

use sip::time::Time;

use crate::lang::{EchoSwitch, Effect, MediaKind};
use crate::media::{Events, Playback, StreamCommand, StreamFile, StreamPlan};
use crate::options;
use crate::state::{CallMedia, CallState, Settings};
use crate::stats::snapshot::MediaTraffic;
use crate::traffic::calls::CallKey;

use super::library::Library;
use super::player::{Command, Player, Slot, Start, StreamId};
use super::signalling::Signalling;

/// The player and what it takes to start streams.
pub(super) struct Media {
    player: Player,
    library: Library,
    /// `-rtp_payload`.
    stream_type: u8,
    next_ssrc: u32,
}

impl Media {
    pub(super) fn new(player: Player, library: Library, options: &options::Media) -> Media {
        let next_ssrc = if options.random_ssrc { rand::random() } else { FIRST_SSRC };
        Media { player, library, stream_type: options.stream_type, next_ssrc }
    }

    /// The bound audio port.
    pub(super) fn port(&self) -> u16 {
        self.player.port()
    }

    pub(super) fn figures(&self) -> MediaTraffic {
        self.player.figures()
    }

    /// Ends all media; the figures are then complete.
    pub(super) fn close(&mut self) {
        self.player.close();
    }

    /// What went wrong in the player since the last call.
    pub(super) fn next_complaint(&mut self) -> Option<String> {
        self.library.notes.pop().or_else(|| self.player.next_complaint())
    }

    /// Does what a media action of a call asks for. Error: one line for a warning; the call goes on.
    fn obey(
        &mut self,
        now: Time,
        call: &mut CallState,
        settings: &Settings,
        effect: &Effect,
    ) -> Result<(), String> {
        let number = call.number.0;
        let stream = StreamId { call: number, slot: Slot::Stream };
        let command = match effect {
            Effect::RtpEcho(switch) => Command::Echo(*switch),
            Effect::PlayPcap { kind, file } => {
                let (from, to) = addresses(call.media.as_deref(), settings, *kind)?;
                let playback = Playback::capture(self.library.capture(file)?, now);
                start(StreamId { call: number, slot: slot_of(*kind) }, playback, (from, to))
            }
            Effect::PlayDtmf(text) => {
                let (from, to) = addresses(call.media.as_deref(), settings, MediaKind::Audio)?;
                let media = call.media.get_or_insert_default();
                let events = Events::parse(text);
                let sequence = media.event_sequence;
                media.event_sequence = sequence.wrapping_add(events.sequence_span());
                let playback = Playback::events(events, sequence, rand::random(), now);
                start(StreamId { call: number, slot: Slot::Audio }, playback, (from, to))
            }
            Effect::RtpStream(text) => {
                match StreamCommand::parse(&String::from_utf8_lossy(text), self.stream_type)? {
                    StreamCommand::Pause => Command::Pause(stream),
                    StreamCommand::Resume => Command::Resume(stream),
                    StreamCommand::Play(play) => {
                        let ends = stream_addresses(call.media.as_deref(), settings, &play)?;
                        start(stream, self.stream(now, &play)?, ends)
                    }
                }
            }
            _ => return Ok(()),
        };
        if self.player.tell(command) { Ok(()) } else { Err("too many media actions wait".into()) }
    }

    fn stream(&mut self, now: Time, play: &StreamFile) -> Result<Playback, String> {
        let samples = self.library.samples(&play.file, play.format)?;
        let ssrc = self.next_ssrc;
        self.next_ssrc = ssrc.wrapping_add(1);
        let StreamFile { format, payload_type, loops, .. } = *play;
        Ok(Playback::stream(StreamPlan { samples, format, payload_type, loops, ssrc }, now))
    }

    /// All streams of a call end.
    fn forget(&self, call: u64) {
        // With a full channel the streams play on until the run ends, which the figures show.
        let _ = self.player.tell(Command::Forget(call));
    }
}

impl Signalling {
    /// Does what a media action of a call asks for; trouble becomes a warning that names the call.
    pub(super) fn play(&mut self, now: Time, key: CallKey, effect: &Effect) {
        let (Some(media), Some(call)) = (&mut self.media, self.calls.get_mut(key)) else { return };
        let call = call.state_mut();
        if let Err(text) = media.obey(now, call, &self.settings, effect) {
            let id = String::from_utf8_lossy(&call.id).into_owned();
            self.warn(now, format!("Call-Id: {id}, no media: {text}"));
        }
    }

    /// A call is over, and with it what it plays.
    pub(super) fn silence(&mut self, key: CallKey) {
        let (Some(media), Some(call)) = (&self.media, self.calls.get_mut(key)) else { return };
        if call.state().media.is_some() {
            media.forget(call.state().number.0);
        }
    }

    /// Takes what the player complained about.
    pub(super) fn hear_player(&mut self, now: Time) {
        while let Some(text) = self.media.as_mut().and_then(Media::next_complaint) {
            self.warn(now, text);
        }
    }
}

/// True for what [`Signalling::play`] does.
pub(super) fn is_media(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::PlayPcap { .. } | Effect::PlayDtmf(_) | Effect::RtpStream(_) | Effect::RtpEcho(_)
    )
}

/// The state of the echo at the start.
pub(super) fn echo(options: &options::Media) -> EchoSwitch {
    if options.echo { EchoSwitch::On } else { EchoSwitch::Off }
}

fn start(id: StreamId, playback: Playback, (from, to): (SocketAddr, SocketAddr)) -> Command {
    Command::Start(Box::new(Start { id, playback, from, to }))
}

fn slot_of(kind: MediaKind) -> Slot {
    match kind {
        MediaKind::Audio => Slot::Audio,
        MediaKind::Image => Slot::Image,
        MediaKind::Video => Slot::Video,
    }
}

/// Where the packets of a kind come from and go to.
fn addresses(
    media: Option<&CallMedia>,
    settings: &Settings,
    kind: MediaKind,
) -> Result<(SocketAddr, SocketAddr), String> {
    let line = media.map(|media| *media.line(kind)).unwrap_or_default();
    let to = line
        .remote
        .ok_or_else(|| format!("no received session description says where m={} packets go", kind.word()))?;
    let port = if line.local_port == 0 { settings.media_port } else { line.local_port };
    Ok((SocketAddr::new(settings.media_ip, port), to))
}

/// The same for a streamed file: to the line its format fits, else to the other one.
fn stream_addresses(
    media: Option<&CallMedia>,
    settings: &Settings,
    play: &StreamFile,
) -> Result<(SocketAddr, SocketAddr), String> {
    let is_video = play.format.name.starts_with("H264");
    let (first, second) = match is_video {
        true => (MediaKind::Video, MediaKind::Audio),
        false => (MediaKind::Audio, MediaKind::Video),
    };
    let (mut from, to) = addresses(media, settings, first)
        .or_else(|error| addresses(media, settings, second).map_err(|_| error))?;
    let own = media.map_or(0, |media| media.stream_ports[usize::from(is_video)]);
    if own != 0 {
        from.set_port(own);
    }
    Ok((from, to))
}

/// SIPp's first synchronisation source; each stream takes the next.
const FIRST_SSRC: u32 = 0xca11_0000;
