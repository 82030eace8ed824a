//! All media lines of a run: whose packets these are, how well they arrive, what is reported back.
//!
//! `L` names a line and `P` a port in the shell's words. Calls that share a port are told apart by the address the
//! peer announced; where that is shared too, a new source belongs to the line that has waited longest. Bounded:
//! packets of more sources than [`MediaLines::MAX_SOURCES`] are counted, not measured.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use sip::time::Time;

use super::heard::Heard;
use super::line::{Expectation, Line, Source, SourceKey};
use super::measure::Reception;
use super::pattern::{Checked, PatternCheck};
use super::received::{self, Received};
use super::reports::Origin;
use super::routes::{Route, Routes};
use super::rtp;
use super::srtp::Exhausted;

/// The media lines of a run and the streams that arrive.
#[derive(Debug)]
pub struct MediaLines<L, P> {
    lines: FxHashMap<L, Line<P>>,
    /// By which port and peer packets find their line.
    routes: Routes<L, P>,
    sources: FxHashMap<SourceKey<P>, Source<L>>,
    /// Lines by the sources that send on them.
    own_sources: FxHashMap<u32, L>,
    /// Sources of calls that ended lately.
    gone: FxHashMap<SourceKey<P>, Time>,
    ended: Received,
    /// Counts the times that lines came or changed.
    changes: u64,
    origin: Origin,
}

/// What a received datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken<L> {
    /// The line it belongs to.
    pub line: Option<L>,
    /// What it held.
    pub content: Content,
}

/// What a datagram held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// RTP, opened if it was protected.
    Rtp,
    /// The same, of a pattern that came back changed.
    WrongPattern,
    /// RTCP.
    Rtcp,
    /// Neither, or of somebody the call does not know.
    Strange,
    /// Its protection was wrong.
    Refused,
}

/// Where a new source belongs.
enum Place<L> {
    /// To this line, from the address its peer announced.
    Announced(L),
    /// To this line, the only one there, from another port of the peer's host.
    Likely(L),
    /// To nobody on this line's port.
    Stranger(L),
    /// To a call that is over.
    AfterEnd,
    /// Nobody expects anything there.
    Nobody,
}

impl<L: Copy + Eq + Hash, P: Copy + Eq + Hash> Default for MediaLines<L, P> {
    fn default() -> MediaLines<L, P> {
        MediaLines::new(Origin::default())
    }
}

impl<L: Copy + Eq + Hash, P: Copy + Eq + Hash> MediaLines<L, P> {
    /// Sources measured at once.
    pub const MAX_SOURCES: usize = 1 << 16;

    /// No lines yet; `origin` is for the wall-clock time in reports.
    pub fn new(origin: Origin) -> MediaLines<L, P> {
        MediaLines {
            lines: FxHashMap::default(),
            routes: Routes::default(),
            sources: FxHashMap::default(),
            own_sources: FxHashMap::default(),
            gone: FxHashMap::default(),
            ended: Received::default(),
            changes: 0,
            origin,
        }
    }

    /// Notes what is expected of a line from now on; again changes it.
    pub fn expect(&mut self, now: Time, id: L, expectation: Expectation<P>) {
        if self.lines.get(&id).is_some_and(|line| line.expectation == expectation) {
            return;
        }
        if let Some(line) = self.lines.get(&id) {
            self.routes.remove(id, &line.expectation);
        }
        self.routes.add(id, &expectation);
        let same_peer = |line: &&Line<P>| line.is_announced && line.expectation.remote == expectation.remote;
        if self.lines.get(&id).filter(same_peer).is_some() {
            self.routes.settle(id, &expectation);
        }
        self.changes += 1;
        match self.lines.entry(id) {
            Entry::Occupied(mut line) => line.get_mut().change(now, expectation),
            Entry::Vacant(slot) => drop(slot.insert(Line::new(now, expectation))),
        }
    }

    /// The expectation of a line.
    pub fn expectation(&self, id: L) -> Option<&Expectation<P>> {
        self.lines.get(&id).map(|line| &line.expectation)
    }

    /// The call of a line is over: its figures go into the sums.
    pub fn forget(&mut self, now: Time, id: L) {
        let heard = self.heard(id);
        let Some(line) = self.lines.remove(&id) else { return };
        self.routes.remove(id, &line.expectation);
        let reports = line.reports.as_ref().map_or((0, 0), |reports| reports.counts());
        self.ended.lines.add(&heard, reports);
        self.ended.strangers += line.strangers;
        self.ended.refused += line.refused;
        if let Some(own) = line.own_source.filter(|own| self.own_sources.get(own) == Some(&id)) {
            self.own_sources.remove(&own);
        }
        for key in &line.sources {
            self.gone.insert(*key, now);
            let Some(source) = self.sources.remove(key) else { continue };
            if source.is_announced || !line.is_announced {
                let codec = line.expectation.codecs.name(source.reception.payload_type());
                self.ended.add(&source.reception, codec, network_delay(&heard));
            } else {
                self.ended.strangers += source.reception.packets();
            }
        }
    }

    /// Takes a datagram that arrived at `port` from `from`; protected RTP is opened in place.
    pub fn take(&mut self, now: Time, (port, from): (P, SocketAddr), packet: &mut Vec<u8>) -> Taken<L> {
        if rtp::is_rtcp(packet) {
            return self.take_rtcp(now, (port, from), packet);
        }
        let Some((header, _)) = rtp::span_of_payload(packet) else {
            self.ended.strangers += 1;
            return Taken { line: None, content: Content::Strange };
        };
        let key = (port, from, header.ssrc);
        let Some(source) = self.sources.get_mut(&key) else { return self.take_new(now, key, packet) };
        if let Some(id) = source.line {
            let Some(line) = self.lines.get_mut(&id) else {
                return Taken { line: None, content: Content::Strange };
            };
            return Taken { line: Some(id), content: line.take(now, source, packet) };
        }
        if source.asked == self.changes {
            source.reception.take(now, header);
            return Taken { line: None, content: Content::Rtp };
        }
        // Lines have come since: what was nobody's may belong to one of them.
        self.ask_again(now, key, packet)
    }

    /// A packet of a source that belonged to nobody before lines came or changed.
    fn ask_again(&mut self, now: Time, key: SourceKey<P>, packet: &mut Vec<u8>) -> Taken<L> {
        let place = self.place(key);
        let Some(source) = self.sources.get_mut(&key) else { return self.take_new(now, key, packet) };
        let (id, is_announced) = match place {
            Place::Announced(id) => (id, true),
            Place::Likely(id) => (id, false),
            Place::Nobody => {
                source.asked = self.changes;
                if let Some((header, _)) = rtp::span_of_payload(packet) {
                    source.reception.take(now, header);
                }
                return Taken { line: None, content: Content::Rtp };
            }
            Place::Stranger(_) | Place::AfterEnd => {
                self.ended.strangers += source.reception.packets();
                self.sources.remove(&key);
                return self.take_new(now, key, packet);
            }
        };
        (source.line, source.is_announced) = (Some(id), is_announced);
        let Some(line) = self.lines.get_mut(&id) else {
            return Taken { line: None, content: Content::Strange };
        };
        line.sources.push(key);
        line.first.get_or_insert(now);
        line.is_announced |= is_announced;
        Taken { line: Some(id), content: line.take(now, source, packet) }
    }

    /// A packet of a source that was not heard of before.
    fn take_new(&mut self, now: Time, key: SourceKey<P>, packet: &mut Vec<u8>) -> Taken<L> {
        let (id, is_announced) = match self.place(key) {
            Place::Announced(id) => (Some(id), true),
            Place::Likely(id) => (Some(id), false),
            Place::Nobody => (None, false),
            Place::AfterEnd => {
                self.ended.after_end += 1;
                return Taken { line: None, content: Content::Strange };
            }
            Place::Stranger(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.strangers += 1;
                }
                return Taken { line: None, content: Content::Strange };
            }
        };
        if self.sources.len() >= Self::MAX_SOURCES {
            self.ended.strangers += 1;
            return Taken { line: None, content: Content::Strange };
        }
        let Some(id) = id else {
            if let Some((header, _)) = rtp::span_of_payload(packet) {
                let rate = super::Codecs::default().clock_rate(header.payload_type);
                let reception = Reception::new(now, header, rate);
                self.sources.insert(key, Source { reception, line: None, is_announced, asked: self.changes });
            }
            return Taken { line: None, content: Content::Rtp };
        };
        let Some(line) = self.lines.get_mut(&id) else {
            return Taken { line: None, content: Content::Strange };
        };
        let header = match line.open(packet) {
            Ok(header) => header,
            Err(content) => return Taken { line: Some(id), content },
        };
        let rate = line.expectation.codecs.clock_rate(header.payload_type);
        let reception = Reception::new(now, header, rate);
        self.sources.insert(key, Source { reception, line: Some(id), is_announced, asked: self.changes });
        line.sources.push(key);
        line.first.get_or_insert(now);
        line.is_announced |= is_announced;
        Taken { line: Some(id), content: line.read(packet) }
    }

    fn place(&mut self, (port, from, ssrc): SourceKey<P>) -> Place<L> {
        match self.routes.find(port, from) {
            Route::Announced(id) => Place::Announced(id),
            _ if self.gone.contains_key(&(port, from, ssrc)) => Place::AfterEnd,
            Route::Nowhere => Place::Nobody,
            Route::Only(id) => {
                let line = self.lines.get(&id);
                let host = line.and_then(|line| line.expectation.remote).map(|remote| remote.ip());
                let is_announced = line.is_some_and(|line| line.is_announced);
                let fits = host.is_none_or(|host| host == from.ip());
                if fits && !is_announced { Place::Likely(id) } else { Place::Stranger(id) }
            }
        }
    }

    fn take_rtcp(&mut self, now: Time, (port, from): (P, SocketAddr), packet: &mut Vec<u8>) -> Taken<L> {
        let Some(id) = self.line_of_rtcp((port, from), packet) else {
            self.ended.strangers += 1;
            return Taken { line: None, content: Content::Strange };
        };
        let origin = self.origin;
        let content = match self.lines.get_mut(&id) {
            None => Content::Strange,
            Some(line) => {
                let opened = line.opener.as_mut().map_or(Ok(()), |opener| opener.open_rtcp(packet));
                line.refused += u64::from(opened.is_err());
                match (opened, &mut line.reports) {
                    (Ok(()), Some(reports)) => {
                        reports.take(now, origin, packet);
                        Content::Rtcp
                    }
                    (Ok(()), None) => Content::Rtcp,
                    (Err(_), _) => Content::Refused,
                }
            }
        };
        Taken { line: Some(id), content }
    }

    /// The line a compound is about: the only one there, else the one whose stream a block is about.
    fn line_of_rtcp(&self, (port, from): (P, SocketAddr), packet: &[u8]) -> Option<L> {
        self.routes.only(port, from).or_else(|| {
            let blocks = super::rtcp::read(packet).into_iter().flat_map(|report| report.blocks);
            blocks.into_iter().find_map(|block| self.own_sources.get(&block.ssrc).copied())
        })
    }

    /// Notes an RTP packet our stream sends on a line, and protects it in place where keys are agreed.
    pub fn sending(&mut self, now: Time, id: L, packet: &mut Vec<u8>) -> Result<(), Exhausted> {
        let Some(line) = self.lines.get_mut(&id) else { return Ok(()) };
        line.sent += 1;
        if line.reports.is_some() || line.check.is_some() {
            let Some((header, payload)) = rtp::span_of_payload(packet) else { return Ok(()) };
            if line.own_source != Some(header.ssrc) {
                line.own_source = Some(header.ssrc);
                self.own_sources.insert(header.ssrc, id);
            }
            let rate = line.expectation.codecs.clock_rate(header.payload_type);
            let reports = line.reports.iter_mut();
            reports.for_each(|reports| reports.note_sent(now, header, packet.len() - payload, rate));
            line.check.iter_mut().for_each(|check| check.note_sent(now));
        }
        self.protect(id, packet)
    }

    /// Protects an RTP packet in place where the line has keys; for packets that are returned, not played.
    pub fn protect(&mut self, id: L, packet: &mut Vec<u8>) -> Result<(), Exhausted> {
        let closer = self.lines.get_mut(&id).and_then(|line| line.closer.as_mut());
        closer.map_or(Ok(()), |closer| closer.protect(packet))
    }

    /// When the next report of a line is due; `None` when it sends none.
    pub fn next_report(&self, id: L) -> Option<Time> {
        self.lines.get(&id)?.reports.as_ref().map(|reports| reports.next_deadline())
    }

    /// Appends a report of a line.
    pub fn write_report(&mut self, now: Time, id: L, out: &mut Vec<u8>) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(reports) = &mut line.reports else { return };
        // One after the other: two of them cannot be borrowed from one map at once.
        let mut heard: Vec<Reception> = line
            .sources
            .iter()
            .filter_map(|key| self.sources.get(key))
            .map(|source| source.reception.clone())
            .collect();
        reports.write(now, self.origin, heard.iter_mut(), out);
        for (key, reported) in line.sources.iter().zip(heard) {
            if let Some(source) = self.sources.get_mut(key) {
                source.reception = reported;
            }
        }
        if let Some(closer) = &mut line.closer {
            // An exhausted key sends nothing, which the streams already told.
            let _ = closer.protect_rtcp(out);
        }
    }

    /// Compares what comes back on a line with a pattern from now on.
    pub fn check(&mut self, id: L, check: PatternCheck) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.check = Some(Box::new(check));
        }
    }

    /// The result of a line's check, and its end; `None` without one.
    pub fn end_check(&mut self, now: Time, id: L) -> Option<Checked> {
        Some(self.lines.get_mut(&id)?.check.take()?.result(now))
    }

    /// What a line heard so far.
    pub fn heard(&self, id: L) -> Heard {
        let Some(line) = self.lines.get(&id) else { return Heard::default() };
        let mut heard = Heard {
            sent: line.sent,
            strangers: line.strangers,
            refused: line.refused,
            first_delay: line.first_delay(),
            digits: line.digits.text(),
            peer: line.reports.as_ref().and_then(|reports| reports.peer()),
            ..Heard::default()
        };
        let mut main: Option<&Reception> = None;
        for source in line.sources.iter().filter_map(|key| self.sources.get(key)) {
            let stream = &source.reception;
            if line.is_announced && !source.is_announced {
                heard.strangers += stream.packets();
                continue;
            }
            heard.packets += stream.packets();
            heard.lost += stream.lost();
            heard.reordered += stream.reordered();
            heard.duplicates += stream.duplicates();
            if main.is_none_or(|main| main.packets() < stream.packets()) {
                main = Some(stream);
            }
        }
        if let Some(stream) = main {
            let codec = line.expectation.codecs.name(stream.payload_type()).unwrap_or_default();
            heard.jitter = stream.jitter();
            heard.payload_type = Some(stream.payload_type());
            heard.codec = codec.into();
            let judged = received::judge(stream, codec, network_delay(&heard));
            (heard.rating, heard.score) = (judged.map(|judged| judged.0), judged.map(|judged| judged.1));
        }
        heard
    }

    /// Forgets streams of no call of which nothing came for a while, and calls that ended some time ago; their
    /// figures stay in the sums.
    pub fn sweep(&mut self, now: Time) {
        let ended = &mut self.ended;
        self.sources.retain(|_, source| {
            let goes_on = source.line.is_some() || now.since(source.reception.last()) < IDLE;
            if !goes_on {
                add_stray(ended, source);
            }
            goes_on
        });
        self.gone.retain(|_, ended| now.since(*ended) < IDLE);
    }

    /// The sums over all streams and lines, ended or not.
    pub fn received(&self) -> Received {
        let mut all = self.ended;
        for source in self.sources.values().filter(|source| source.line.is_none()) {
            add_stray(&mut all, source);
        }
        for (id, line) in &self.lines {
            let heard = self.heard(*id);
            let reports = line.reports.as_ref().map_or((0, 0), |reports| reports.counts());
            all.lines.add(&heard, reports);
            all.strangers += heard.strangers;
            all.refused += line.refused;
            for source in line.sources.iter().filter_map(|key| self.sources.get(key)) {
                if source.is_announced || !line.is_announced {
                    let codec = line.expectation.codecs.name(source.reception.payload_type());
                    all.add(&source.reception, codec, network_delay(&heard));
                }
            }
        }
        all
    }
}

/// A stream that belongs to no call.
fn add_stray<L>(sums: &mut Received, source: &Source<L>) {
    let codecs = super::Codecs::default();
    sums.add(&source.reception, codecs.name(source.reception.payload_type()), Duration::ZERO);
}

/// Half of the round trip, when it is known.
fn network_delay(heard: &Heard) -> Duration {
    heard.peer.and_then(|peer| peer.round_trip).unwrap_or_default() / 2
}

/// Silence after which a stream of no call has ended.
const IDLE: Duration = Duration::from_secs(10);

mod protection;

#[cfg(test)]
mod tests;
