//! Media of the calls: what their actions ask for becomes commands for the player.

use std::net::SocketAddr;

use sip::time::Time;

use crate::lang::{Ears, EchoSwitch, Effect, MediaKind};
use crate::media::crypto::{Latest, Offered, agree};
use crate::media::pattern::PatternCheck;
use crate::media::payload::Format;
use crate::media::{Codecs, Events, PatternLine, Playback, Samples, StreamCommand, StreamFile, StreamPlan};
use crate::options;
use crate::state::{CallMedia, CallState, Settings, Writer};
use crate::stats::snapshot::MediaTraffic;
use crate::traffic::calls::CallKey;
use crate::traffic::rate::Share;

use super::Signalling;
use crate::engine::desk::link::Note;
use crate::engine::player::{self, Command, LineId, Place, Player, Remark, Slot, Start, StreamId};
use crate::engine::start::library::Library;

/// The player and what it takes to start streams.
pub(in crate::engine) struct Media {
    player: Player,
    library: Library,
    /// `-rtp_payload`.
    stream_type: u8,
    next_ssrc: u32,
}

impl Media {
    pub(in crate::engine) fn new(
        player: Player,
        library: Library,
        options: &options::Media,
        share: Share,
    ) -> Media {
        let first = if options.random_ssrc { rand::random() } else { FIRST_SSRC };
        let next_ssrc = first.wrapping_add(share.index << SSRC_BITS_OF_ENGINE);
        Media { player, library, stream_type: options.stream_type, next_ssrc }
    }

    /// The bound audio port.
    pub(in crate::engine) fn port(&self) -> u16 {
        self.player.port()
    }

    pub(super) fn figures(&self) -> MediaTraffic {
        self.player.figures()
    }

    /// Ends all media; the figures are then complete.
    pub(super) fn close(&mut self) {
        self.player.close();
    }

    /// What the player and the library have to say since the last call.
    fn next_remark(&mut self) -> Option<Remark> {
        self.library.notes.pop().map(Remark::Complaint).or_else(|| self.player.next_remark())
    }

    /// What knows the media that calls received.
    pub(in crate::engine) fn ears(&self) -> Box<dyn Ears> {
        self.player.ears()
    }

    /// Checks of `rtpcheck` that failed.
    pub(super) fn failed_checks(&self) -> u64 {
        self.player.failed_checks()
    }

    fn tell(&self, command: Command) -> Result<(), String> {
        if self.player.tell(command) { Ok(()) } else { Err("too many media actions wait".into()) }
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
        let command = match effect {
            Effect::RtpEcho(switch) => Command::Echo(*switch),
            Effect::CallEcho { kind, switch } => {
                Command::EchoLine(LineId { call: number, kind: *kind }, *switch)
            }
            Effect::PlayPcap { kind, file } => {
                let ends = addresses(call.media.as_deref(), settings, *kind)?;
                let playback = Playback::capture(self.library.capture(file)?, now);
                start(StreamId { call: number, slot: slot_of(*kind) }, playback, ends, *kind)
            }
            Effect::PlayDtmf(text) => {
                let kind = MediaKind::Audio;
                let ends = addresses(call.media.as_deref(), settings, kind)?;
                let media = call.media.get_or_insert_default();
                let events = Events::parse(text);
                let sequence = media.event_sequence;
                media.event_sequence = sequence.wrapping_add(events.sequence_span());
                let playback = Playback::events(events, sequence, rand::random(), now);
                start(StreamId { call: number, slot: Slot::Audio }, playback, ends, kind)
            }
            Effect::RtpStream(text) => {
                let command = StreamCommand::parse(&String::from_utf8_lossy(text), self.stream_type)?;
                self.stream_command(now, call, settings, command)?
            }
            _ => return Ok(()),
        };
        self.tell(command)
    }

    fn stream_command(
        &mut self,
        now: Time,
        call: &CallState,
        settings: &Settings,
        command: StreamCommand,
    ) -> Result<Command, String> {
        let (number, media) = (call.number.0, call.media.as_deref());
        let stream = StreamId { call: number, slot: Slot::Stream };
        Ok(match command {
            StreamCommand::Pause => Command::Pause(stream),
            StreamCommand::Resume => Command::Resume(stream),
            StreamCommand::PatternSwitch { line, pauses } => {
                let id = StreamId { call: number, slot: slot_of_pattern(line) };
                if pauses { Command::Pause(id) } else { Command::Resume(id) }
            }
            StreamCommand::Play(play) => {
                let (ends, kind) = stream_addresses(media, settings, play.format)?;
                start(stream, self.stream(now, &play)?, ends, kind)
            }
            StreamCommand::Pattern(pattern) => {
                let kind = match pattern.line {
                    PatternLine::Audio => MediaKind::Audio,
                    PatternLine::Video => MediaKind::Video,
                };
                let ends = own_addresses(media, settings, kind)?;
                let bytes = usize::from(pattern.format.bytes);
                let plan = StreamPlan {
                    samples: Samples::filled(pattern.byte, bytes),
                    format: pattern.format,
                    payload_type: pattern.payload_type,
                    loops: None,
                    ssrc: self.take_ssrc(),
                };
                let id = StreamId { call: number, slot: slot_of_pattern(pattern.line) };
                let check = Some(PatternCheck::new(pattern.byte, bytes));
                let (from, to) = ends;
                let playback = Playback::stream(plan, now);
                Command::Start(Box::new(Start { id, playback, from, to, kind, check }))
            }
        })
    }

    /// Tells the player what the descriptions of a call say now. Error: why the call cannot go on.
    fn expect(&self, call: &mut CallState, settings: &Settings) -> Result<(), String> {
        let Some(media) = call.media.as_deref_mut().filter(|media| media.is_news) else { return Ok(()) };
        media.is_news = false;
        for kind in MediaKind::ALL {
            let id = LineId { call: call.number.0, kind };
            if let Some(mut place) = placed(id, media, settings)? {
                let port = place.local.port();
                if media.listening[kind as usize] != port && !self.player.shares(port) {
                    media.listening[kind as usize] = port;
                    place.socket = player::listen(place.local);
                }
                self.tell(Command::Expect(Box::new(place)))?;
            }
        }
        Ok(())
    }

    fn take_ssrc(&mut self) -> u32 {
        let ssrc = self.next_ssrc;
        self.next_ssrc = ssrc.wrapping_add(1);
        ssrc
    }

    fn stream(&mut self, now: Time, play: &StreamFile) -> Result<Playback, String> {
        let samples = self.library.samples(&play.file, play.format)?;
        let ssrc = self.take_ssrc();
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
        let (Some(media), Some(running)) = (&mut self.media, self.calls.get_mut(key)) else { return };
        let call = running.call.state_mut();
        if let Effect::RtpEcho(switch) = effect {
            self.crew.switch_echo(*switch);
        }
        if let Err(text) = media.obey(now, call, &self.settings, effect) {
            let id = String::from_utf8_lossy(&call.id).into_owned();
            self.warn(now, format!("Call-Id: {id}, no media: {text}"));
        }
    }

    /// A call of another engine switched the echo, which all have together.
    pub(super) fn switch_echo(&self, switch: EchoSwitch) {
        if let Some(media) = &self.media {
            // With a full channel the old state stays, as for a call's own action.
            let _ = media.tell(Command::Echo(switch));
        }
    }

    /// Tells the player what a call's descriptions say, when that is news. False: keys do not fit, the call fails.
    pub(super) fn place_media(&mut self, now: Time, key: CallKey) -> bool {
        let (Some(media), Some(running)) = (&self.media, self.calls.get_mut(key)) else { return true };
        let call = running.call.state_mut();
        let Err(text) = media.expect(call, &self.settings) else { return true };
        let id = String::from_utf8_lossy(&call.id).into_owned();
        self.warn(now, format!("Call-Id: {id}, no secure media: {text}"));
        false
    }

    /// A call is over, and with it what it plays.
    pub(super) fn silence(&mut self, key: CallKey) {
        let (Some(media), Some(running)) = (&self.media, self.calls.get_mut(key)) else { return };
        let call = &running.call;
        if let Some(of_call) = &call.state().media {
            media.forget(call.state().number.0);
            of_call.stream_ports.iter().for_each(|port| self.world.free_stream_port(*port));
        }
    }

    /// Takes what the player complained about.
    pub(super) fn hear_player(&mut self, now: Time) {
        while let Some(remark) = self.media.as_mut().and_then(Media::next_remark) {
            match remark {
                Remark::Complaint(text) => self.warn(now, text),
                Remark::Checked(kind, line) => {
                    let file = if kind == MediaKind::Video { "debugvfile" } else { "debugafile" };
                    self.link.tell(Note::Append(file, line));
                }
                Remark::Protected(line) => {
                    let calls_out = self.scenarios.main().program.mode.calls_out();
                    let file = if calls_out { "srtpctxdebugfile_uac" } else { "srtpctxdebugfile_uas" };
                    self.link.tell(Note::Append(file, line));
                }
            }
        }
    }
}

/// True for what [`Signalling::play`] does.
pub(super) fn is_media(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::PlayPcap { .. }
            | Effect::PlayDtmf(_)
            | Effect::RtpStream(_)
            | Effect::RtpEcho(_)
            | Effect::CallEcho { .. }
    )
}

/// The state of the echo at the start.
pub(in crate::engine) fn echo(options: &options::Media) -> EchoSwitch {
    if options.echo { EchoSwitch::On } else { EchoSwitch::Off }
}

fn start(id: StreamId, playback: Playback, (from, to): Ends, kind: MediaKind) -> Command {
    Command::Start(Box::new(Start { id, playback, from, to, kind, check: None }))
}

fn slot_of_pattern(line: PatternLine) -> Slot {
    match line {
        PatternLine::Audio => Slot::AudioPattern,
        PatternLine::Video => Slot::VideoPattern,
    }
}

/// Where packets come from and go to.
type Ends = (SocketAddr, SocketAddr);

/// What the descriptions of both sides say about a line; `None` when it is of no use yet. Error: no common keys.
fn placed(id: LineId, media: &CallMedia, settings: &Settings) -> Result<Option<Place>, String> {
    let (ours, theirs) = (media.described(id.kind, Writer::Us), media.described(id.kind, Writer::Peer));
    let line = media.line(id.kind);
    let own = own_port(media, id.kind);
    let fallback = if line.remote.is_some() { settings.media_port } else { 0 };
    let candidates = [ours.port, line.local_port, own, fallback];
    let Some(port) = candidates.into_iter().find(|port| *port != 0) else { return Ok(None) };
    let keys = if ours.order == 0 || theirs.order == 0 {
        None
    } else {
        let latest = if ours.order > theirs.order { Latest::Ours } else { Latest::Theirs };
        agree(
            Offered { crypto: &ours.crypto, is_secure: ours.is_secure },
            Offered { crypto: &theirs.crypto, is_secure: theirs.is_secure },
            latest,
        )
        .map_err(|error| format!("m={}: {error}", id.kind.word()))?
    };
    let mappings = theirs.mappings.iter().chain(&*ours.mappings).map(|value| &**value);
    Ok(Some(Place {
        line: id,
        local: SocketAddr::new(settings.media_ip, port),
        remote: line.remote,
        remote_rtcp: line.remote.and(theirs.rtcp),
        codecs: Codecs::parse(mappings),
        keys,
        socket: None,
    }))
}

/// The call's own port of `[rtpstream_...]`; 0 without one.
fn own_port(media: &CallMedia, kind: MediaKind) -> u16 {
    match kind {
        MediaKind::Audio => media.stream_ports[0],
        MediaKind::Video => media.stream_ports[1],
        MediaKind::Image => 0,
    }
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

/// The same for a stream: it leaves the call's own port where it has one.
fn own_addresses(media: Option<&CallMedia>, settings: &Settings, kind: MediaKind) -> Result<Ends, String> {
    let (mut from, to) = addresses(media, settings, kind)?;
    let own = media.map_or(0, |media| own_port(media, kind));
    if own != 0 {
        from.set_port(own);
    }
    Ok((from, to))
}

/// The same for a streamed file: to the line its format fits, else to the other one.
fn stream_addresses(
    media: Option<&CallMedia>,
    settings: &Settings,
    format: &Format,
) -> Result<(Ends, MediaKind), String> {
    let is_video = format.name.starts_with("H264");
    let (first, second) = match is_video {
        true => (MediaKind::Video, MediaKind::Audio),
        false => (MediaKind::Audio, MediaKind::Video),
    };
    let ends = own_addresses(media, settings, first).map(|ends| (ends, first));
    ends.or_else(|error| own_addresses(media, settings, second).map(|ends| (ends, second)).map_err(|_| error))
}

/// SIPp's first synchronisation source; each stream takes the next.
const FIRST_SSRC: u32 = 0xca11_0000;
/// So many streams as this has bits the engines of a run start until two have the same source.
const SSRC_BITS_OF_ENGINE: u32 = 20;
