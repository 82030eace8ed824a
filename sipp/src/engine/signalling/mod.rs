//! The signalling thread: sockets, calls and the clock, and nothing else.
//!
//! One turn: commands, calls that are due to start, calls whose deadline has come, received messages, then
//! everything that was written leaves in one batch. How calls are opened is in `opening`, what received
//! messages do in `incoming`, what calls ask for in `outcomes`, what commands do in `obeying`.

pub(super) mod call_id;
pub(super) mod crew;
mod debugging;
pub(super) mod failing;
mod figures;
mod incoming;
pub(super) mod media;
pub(super) mod names;
mod obeying;
pub(super) mod opening;
mod outcomes;
pub(super) mod scenarios;

use std::io;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use sip::net::{Busy, Clock, Inbox, SocketId, Sockets};
use sip::time::Time;

use crate::call::{Birth, Call, Env, Input, Origin, Outputs};
use crate::exit::Exit;
use crate::lang::World;
use crate::state::{CallNumber, Settings, UserId};
use crate::stats::snapshot::{Network, Phase};
use crate::traffic::calls::{CallKey, Calls};
use crate::traffic::limits::QuitLevel;

use crate::engine::control::command::Command;
use crate::engine::desk::gather::RoundId;
use crate::engine::desk::link::{Link, Note, Occasion};
use crate::engine::ending::Stopped;
use crate::engine::network::congestion::Congestion;
use crate::engine::network::own_sockets::OwnSockets;
use crate::engine::network::reconnecting::Reconnect;
use crate::engine::network::twins::Twins;
use crew::Crew;
use debugging::DebugLines;
use failing::Failing;
use media::Media;
use names::LookUps;
use opening::Opening;
use scenarios::{Running, ScenarioId, Scenarios};

/// All that one signalling thread owns.
pub(super) struct Signalling {
    pub(super) clock: Clock,
    pub(super) sockets: Sockets,
    /// The socket that calls share.
    pub(super) socket: SocketId,
    /// The sockets that calls have for themselves.
    pub(super) own: OwnSockets,
    /// The player; only when media is played or returned.
    pub(super) media: Option<Media>,
    /// Links of third party call control; only when the scenario passes commands.
    pub(super) twins: Option<Twins>,
    pub(super) scenarios: Scenarios,
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) calls: Calls<Running>,
    pub(super) opening: Opening,
    pub(super) quit: QuitLevel,
    pub(super) link: Link,
    pub(super) commands: Receiver<Command>,
    /// The other engines of the run.
    pub(super) crew: Crew,
    pub(super) rhythm: Rhythm,
    pub(super) reconnect: Reconnect,
    /// Messages that wait for a connection to take them.
    pub(super) congestion: Congestion,
    /// Hosts that are being looked up.
    pub(super) names: LookUps,
    /// The flight recorder.
    pub(super) failing: Failing,
    /// `-trace_calldebug`.
    pub(super) debug: DebugLines,
    pub(super) state: State,
    pub(super) busy: Busy,
}

/// When figures are due, and when the run is over at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// The beat that all engines share counts from here.
    pub(super) starts_at: Time,
    /// Time between two drawings; `None` without a screen.
    pub(super) draw_every: Option<Duration>,
    /// Time between two rows; `None` when no file wants any.
    pub(super) row_every: Option<Duration>,
    /// `-timeout`.
    pub(super) ends_at: Option<Time>,
    /// `-timeout_error`.
    pub(super) end_is_error: bool,
}

/// What changes from turn to turn.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) outputs: Outputs,
    pub(super) paused: bool,
    pub(super) call_numbers: u64,
    pub(super) woken: u64,
    pub(super) network: Network,
    pub(super) last_error: Option<String>,
    /// Set when the run must end, with its exit code and, for an error, the reason.
    pub(super) ending: Option<(Exit, Option<String>)>,
    /// Why the first call that could not go on could not.
    pub(super) broken: Option<String>,
    pub(super) timed_out: bool,
    /// `set hide false`.
    pub(super) reveals_hidden: bool,
    /// The first connection is being made; no call is opened before it stands.
    pub(super) connecting: bool,
    pub(super) next_draw: Option<Time>,
    /// When the screen is drawn again because of a key.
    pub(super) redraw: Option<Time>,
    pub(super) next_row: Option<Time>,
    pub(super) next_second: Time,
}

impl Signalling {
    /// Runs until the run is over, and says what stopped it.
    pub(super) fn run(mut self) -> Stopped {
        let start = self.rhythm.starts_at;
        self.state.next_draw = self.rhythm.draw_every.map(|period| start + period);
        self.state.next_row = self.rhythm.row_every.map(|period| start + period);
        self.state.next_second = start + SECOND;
        let figures = self.figures(start, Phase::Running);
        let round = RoundId { occasion: Occasion::Start, moment: start };
        self.link.tell_surely(Note::Figures(self.crew.index(), figures, round));
        self.start_traffic(start);
        let mut inbox = Inbox::default();
        while !self.is_over() {
            if let Err(error) = self.turn(&mut inbox) {
                self.end(Exit::Fatal, Some(format!("Network error: {error}")));
            }
        }
        self.finish()
    }

    /// Calls may be opened from now on; over a stream, once its connection stands.
    fn start_traffic(&mut self, now: Time) {
        let to = self.settings.destination.filter(|_| self.scenarios.main().program.mode.calls_out());
        match to {
            Some(to) if to.transport.is_reliable() && !self.own.connects_each_call() => {
                match self.sockets.connect(now, to, self.socket) {
                    Ok(_) => self.state.connecting = true,
                    Err(error) => {
                        self.end(Exit::Fatal, Some(format!("Unable to connect to {}: {error}", to.addr)))
                    }
                }
            }
            _ => self.opening.schedule.start(now),
        }
    }

    /// One turn of the loop.
    fn turn(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        let now = self.clock.now();
        if let Some(rest) = self.busy.rest(now, self.next_opening()) {
            std::thread::sleep(rest);
            // Something will be there; a second sleep would cost a second wake-up.
            self.sockets.glance(now)?;
        } else {
            let deadline = self.next_deadline(now);
            self.sockets.wait(now, deadline)?;
        }
        let now = self.clock.now();
        self.sockets.receive(now, inbox)?;
        for event in inbox.events() {
            self.receive(now, event);
        }
        self.obey(now);
        self.hear_crew(now);
        self.hear_player(now);
        self.hear_twins(now);
        self.look_up();
        self.try_congested(now);
        self.look_at_the_clock(now);
        self.reconnect(now);
        self.open_due(now);
        self.wake_due(now);
        self.sockets.flush(now);
        self.crew.flush();
        self.link.flush_due(now);
        Ok(())
    }

    /// Runs the calls whose deadline has come; a bounded number, since a call may be due again at once.
    fn wake_due(&mut self, now: Time) {
        for _ in 0..WAKES_PER_TURN {
            let Some(key) = self.calls.take_due(now) else { return };
            self.state.woken += 1;
            self.advance(now, key, Input::Deadline);
        }
    }

    /// When the next call is due.
    fn next_opening(&self) -> Option<Time> {
        if self.may_open() { self.opening.schedule.next_due() } else { None }
    }

    /// The next moment something is to be done without a message.
    fn next_deadline(&self, now: Time) -> Option<Time> {
        let deadlines = [
            self.calls.next_deadline(),
            self.next_opening(),
            self.state.next_draw,
            self.state.redraw,
            self.reconnect.at,
            self.state.next_row,
            Some(self.state.next_second),
            self.congestion.next_due(now),
            self.link.next_due(),
            self.rhythm.ends_at,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Figures that are due, and the end by `-timeout`.
    fn look_at_the_clock(&mut self, now: Time) {
        let due = |next: Option<Time>| next.is_some_and(|next| next <= now);
        if let Some(moment) = self.state.next_draw.filter(|next| *next <= now) {
            self.state.next_draw = self.rhythm.draw_every.map(|period| behind(now, moment, period));
            self.publish(now, Occasion::Draw, moment);
        }
        if due(self.state.redraw) {
            self.state.redraw = None;
            self.crew.redraw(now);
            self.publish(now, Occasion::Redraw, now);
        }
        if let Some(moment) = self.state.next_row.filter(|next| *next <= now) {
            self.state.next_row = self.rhythm.row_every.map(|period| behind(now, moment, period));
            self.publish(now, Occasion::Row, moment);
        }
        if self.state.next_second <= now {
            let moment = self.state.next_second;
            self.state.next_second = behind(now, moment, SECOND);
            self.publish(now, Occasion::Second, moment);
        }
        if due(self.rhythm.ends_at) && !self.state.timed_out {
            self.state.timed_out = true;
            self.rhythm.ends_at = None;
            if self.rhythm.end_is_error {
                let seconds = now.as_millis() as f64 / 1000.0;
                let name = &self.scenarios.main().layout.name;
                let text = format!("{name} timed out after '{seconds:.3}' seconds");
                self.end(Exit::Fatal, Some(text));
            }
            self.quit.force();
        }
        if self.quit.is_forced() {
            self.abort_all(now);
        }
    }

    /// True when a run that is ending has no open call left. Requests outside of any call hold nothing up.
    pub(super) fn is_done(&self) -> bool {
        let open = self.scenarios.sum(|scenario| scenario.open);
        self.quit.is_quitting() && open == 0 && !self.crew.is_needed()
    }

    /// True when no further turn is needed.
    fn is_over(&self) -> bool {
        self.state.ending.is_some() || self.is_done()
    }

    /// The run must end now.
    pub(super) fn end(&mut self, exit: Exit, error: Option<String>) {
        if self.state.ending.is_none() {
            self.scenarios.main_mut().counters.totals.fatal_errors += u64::from(error.is_some());
            self.state.ending = Some((exit, error));
            self.crew.tell(self.clock.now(), &Command::Interrupt);
        }
    }

    /// Closes the books: the last figures, and what stopped the engine.
    fn finish(mut self) -> Stopped {
        let now = self.clock.now();
        if let Some(media) = &mut self.media {
            media.close();
        }
        self.hear_player(now);
        self.sockets.flush(now);
        self.link.flush();
        let figures = self.figures(now, Phase::Ended);
        let round = RoundId { occasion: Occasion::End, moment: now };
        self.link.tell_surely(Note::Figures(self.crew.index(), figures, round));
        Stopped {
            by: self.state.ending.take(),
            broken: self.state.broken.take(),
            timed_out: self.state.timed_out,
            failed_checks: self.media.as_ref().map_or(0, Media::failed_checks),
        }
    }

    /// Ends every open call: they say goodbye as the default behaviour has it, and count as failed.
    fn abort_all(&mut self, now: Time) {
        for key in self.calls.keys() {
            self.advance(now, key, Input::Abort);
        }
    }

    /// Makes a call of a scenario and gives it a place; it has not run yet. Calls outside of any call have no
    /// number.
    pub(super) fn begin(
        &mut self,
        now: Time,
        (id, user): (&[u8], UserId),
        origin: Origin,
        scenario: ScenarioId,
    ) -> Option<CallKey> {
        let number = if origin == Origin::OutOfCall {
            0
        } else {
            self.state.call_numbers += 1;
            self.crew.number(self.state.call_numbers)
        };
        let birth = Birth { number: CallNumber(number), id, user, origin };
        let program = &self.scenarios[scenario].program;
        let mut env = Env { program, settings: &self.settings, world: &mut self.world };
        let call = match Call::new(now, birth, &mut env) {
            Ok(call) => call,
            Err(text) => {
                self.stillborn(now, scenario, text);
                return None;
            }
        };
        let here = self.scenarios[scenario].open + 1;
        let all = if scenario == ScenarioId::MAIN { self.crew.opened() } else { here };
        self.scenarios[scenario].count_open(now, all.saturating_sub(here));
        Some(self.calls.insert(Running { call, scenario }))
    }
}

/// The next beat after `now`, whole periods behind `moment`: a late one does not shift those that follow.
fn behind(now: Time, moment: Time, period: Duration) -> Time {
    let period_nanos = period.as_nanos().max(1) as u64;
    let beats = now.since(moment).as_nanos() as u64 / period_nanos + 1;
    moment + Duration::from_nanos(beats.saturating_mul(period_nanos))
}

/// Time between two records of what happened.
const SECOND: Duration = Duration::from_secs(1);
/// Calls run because of their deadline before the sockets are looked at again.
const WAKES_PER_TURN: usize = 4096;
