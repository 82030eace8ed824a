//! One media line of one call: what is expected of it, what was sent and heard on it.

use std::net::SocketAddr;
use std::time::Duration;

use sip::time::Time;
use smallvec::SmallVec;

use super::codecs::Codecs;
use super::crypto::Agreement;
use super::digits::Digits;
use super::lines::Content;
use super::measure::Reception;
use super::pattern::{Comparison, PatternCheck};
use super::reports::Reports;
use super::rtp::{self, Header};
use super::srtp::{Receiver, Sender};

/// What descriptions said about a line, in the shell's words for ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation<P> {
    /// Where we take packets.
    pub port: P,
    /// Where we take RTCP, when reports are sent.
    pub rtcp_port: Option<P>,
    /// Where the peer takes packets, and therefore sends from; `None` before it said so.
    pub remote: Option<SocketAddr>,
    /// What payload types mean.
    pub codecs: Codecs,
    /// Keys of both directions; `None` for plain RTP.
    pub keys: Option<Agreement>,
    /// Time between two RTCP reports; `None` sends none.
    pub report_every: Option<Duration>,
}

/// Names a source: where its packets arrive, where they come from, its SSRC.
pub(super) type SourceKey<P> = (P, SocketAddr, u32);

/// A line and what happened on it.
#[derive(Debug)]
pub(super) struct Line<P> {
    pub(super) expectation: Expectation<P>,
    /// Since when both sides know where to send.
    pub(super) known_since: Option<Time>,
    /// When the first packet came.
    pub(super) first: Option<Time>,
    pub(super) sent: u64,
    /// Our source that sent last.
    pub(super) own_source: Option<u32>,
    pub(super) sources: SmallVec<[SourceKey<P>; 1]>,
    /// A packet came from where the peer said it would.
    pub(super) is_announced: bool,
    pub(super) digits: Digits,
    pub(super) opener: Option<Box<Receiver>>,
    pub(super) closer: Option<Box<Sender>>,
    pub(super) reports: Option<Box<Reports>>,
    pub(super) check: Option<Box<PatternCheck>>,
    pub(super) strangers: u64,
    pub(super) refused: u64,
}

/// A source that sends to us.
#[derive(Debug)]
pub(super) struct Source<L> {
    pub(super) reception: Reception,
    /// The line it was taken for.
    pub(super) line: Option<L>,
    /// It sends from where the peer said it would.
    pub(super) is_announced: bool,
    /// The changes of the lines when it was last asked whose it is.
    pub(super) asked: u64,
}

impl<P> Line<P> {
    pub(super) fn new(now: Time, expectation: Expectation<P>) -> Line<P> {
        let mut line = Line {
            known_since: None,
            first: None,
            sent: 0,
            own_source: None,
            sources: SmallVec::new(),
            is_announced: false,
            digits: Digits::default(),
            opener: None,
            closer: None,
            reports: None,
            check: None,
            strangers: 0,
            refused: 0,
            expectation,
        };
        line.take_keys();
        line.note_remote(now);
        line
    }

    /// Takes what a later description says; what was heard stays.
    pub(super) fn change(&mut self, now: Time, expectation: Expectation<P>) {
        let has_new_keys = self.expectation.keys != expectation.keys;
        self.expectation = expectation;
        if has_new_keys {
            self.take_keys();
        }
        self.note_remote(now);
    }

    /// A packet of a source that was heard before: opened, measured, read.
    pub(super) fn take<L>(&mut self, now: Time, source: &mut Source<L>, packet: &mut Vec<u8>) -> Content {
        match self.open(packet) {
            Ok(header) => drop(source.reception.take(now, header)),
            Err(content) => return content,
        }
        self.read(packet)
    }

    /// Opens a protected packet in place and gives its header. Error: what it is instead.
    pub(super) fn open(&mut self, packet: &mut Vec<u8>) -> Result<Header, Content> {
        if let Some(opener) = &mut self.opener
            && opener.open(packet).is_err()
        {
            self.refused += 1;
            return Err(Content::Refused);
        }
        rtp::read(packet).map(|(header, _)| header).ok_or_else(|| {
            self.strangers += 1;
            Content::Strange
        })
    }

    /// Reads an opened packet for digits and patterns.
    pub(super) fn read(&mut self, packet: &[u8]) -> Content {
        let Some((header, payload)) = rtp::read(packet) else { return Content::Strange };
        if self.expectation.codecs.is_event(header.payload_type, payload) {
            self.digits.take(header.timestamp, payload);
        }
        let compared = self.check.as_mut().map(|check| check.take(payload));
        if compared == Some(Comparison::Different) { Content::WrongPattern } else { Content::Rtp }
    }

    fn take_keys(&mut self) {
        let keys = self.expectation.keys.as_ref();
        // The length of the keys was checked when their line was read.
        self.closer = keys.and_then(|keys| Sender::new(&keys.sending).ok()).map(Box::new);
        self.opener = keys.and_then(|keys| Receiver::new(&keys.receiving).ok()).map(Box::new);
    }

    fn note_remote(&mut self, now: Time) {
        if self.expectation.remote.is_some() {
            self.known_since.get_or_insert(now);
        }
        if let (Some(every), None) = (self.expectation.report_every, &self.reports) {
            self.reports = Some(Box::new(Reports::new(now, every, RECEIVER_SSRC)));
        }
    }

    /// From the moment both sides knew where to send until the first packet.
    pub(super) fn first_delay(&self) -> Option<Duration> {
        let (known, first) = (self.known_since?, self.first?);
        Some(first.since(known))
    }
}

/// Who reports on a line on which nothing was sent yet.
const RECEIVER_SSRC: u32 = 0xca10_0000;
