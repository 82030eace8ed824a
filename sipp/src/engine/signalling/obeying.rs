//! What commands do to a running engine.

use std::time::Duration;

use sip::net::Incoming;
use sip::time::Time;

use crate::exit::Exit;
use crate::state::{Scope, Value};
use crate::stats::layout::Part;

use super::Signalling;
use super::crew::Told;
use super::incoming::Whose;
use crate::engine::control::command::{Command, Dumped};
use crate::engine::desk::link::{Note, Occasion};

impl Signalling {
    /// Carries out the commands that have come; a bounded number of them.
    pub(super) fn obey(&mut self, now: Time) {
        let mut obeyed = false;
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = self.commands.try_recv() else { break };
            if !command.is_for_the_desk() {
                self.crew.tell(now, &command);
            }
            self.carry_out(now, command);
            obeyed = true;
        }
        if obeyed && self.rhythm.draw_every.is_some() {
            // A flood of keys is drawn once in a while.
            self.state.redraw.get_or_insert(now + REDRAW);
        }
    }

    /// Does what other engines told, and takes over the messages they received.
    pub(super) fn hear_crew(&mut self, now: Time) {
        while let Some(told) = self.crew.hear() {
            match told {
                Told::Command(at, command) => self.carry_out(at, command),
                Told::Echo(switch) => self.switch_echo(switch),
                Told::QuitSoftly => self.quit.ask_softly(),
                Told::Redraw(moment) => self.publish(now, Occasion::Redraw, moment),
                Told::Messages(parcel) => {
                    for (bytes, from) in parcel.datagrams() {
                        self.busy.count(now);
                        self.deliver(now, Incoming { bytes, peer: from, socket: self.socket }, Whose::Ours);
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, now: Time, command: Command) {
        match command {
            Command::AdjustRate(steps) => self.opening.schedule.adjust(now, steps),
            Command::TogglePause => self.pause(now, !self.state.paused),
            Command::Pause => self.pause(now, true),
            Command::Resume => self.pause(now, false),
            Command::QuitSoftly => self.quit.ask_softly(),
            Command::Quit => self.quit.ask(),
            Command::ForceQuit => self.quit.force(),
            Command::Interrupt => self.end(Exit::Success, None),
            Command::DumpScreens => self.publish(now, Occasion::Dump, now),
            Command::SetRate(rate) => {
                if !self.opening.schedule.set_rate(now, rate) {
                    self.refuse(now, "Rates can not be set in a user-based benchmark.");
                }
            }
            Command::SetRateScale(scale) => self.opening.schedule.set_scale(scale),
            Command::SetUsers(users) => {
                if !self.opening.schedule.set_users(now, users) {
                    self.refuse(now, "Users can not be changed at run time for a rate-based benchmark.");
                }
            }
            Command::SetLimit(limit) => self.opening.schedule.set_limit(limit),
            Command::SetVariable(name, text) => self.set_variable(&name, &text),
            Command::Trace(traced, on) => self.link.switch(traced, on),
            Command::StopTraces => self.link.stop_traces(now),
            Command::Dump(what) => self.dump(now, what),
            Command::ResetStatistics => {
                let created = self.scenarios.created();
                self.scenarios.iter_mut().for_each(|scenario| scenario.reset(now));
                self.crew.forget_created(created - self.scenarios.created());
            }
            Command::Display(part) => self.display(now, part),
            Command::Refused(text) => self.warn(now, text),
            Command::Hide(hides) => self.state.reveals_hidden = !hides,
            Command::Show(_) | Command::Move(_) | Command::Typing(_) => {
                self.link.tell(Note::Asked(command));
            }
        }
    }

    /// What cannot be done is told once, not by every engine.
    fn refuse(&mut self, now: Time, text: &str) {
        if self.crew.is_lead() {
            self.warn(now, text.into());
        }
    }

    /// Stops opening calls, or goes on with it.
    fn pause(&mut self, now: Time, paused: bool) {
        match (self.state.paused, paused) {
            (false, true) => self.opening.schedule.pause(now),
            (true, false) => self.opening.schedule.resume(now),
            _ => {}
        }
        self.state.paused = paused;
    }

    /// A name that the scenario has not was refused when it was asked for.
    fn set_variable(&mut self, name: &str, text: &str) {
        if let Some(slot) = self.scenarios.main().program.global(name) {
            self.world.globals.set(slot.index, Value::text(text.as_bytes()));
        }
    }

    fn dump(&mut self, now: Time, what: Dumped) {
        match what {
            Dumped::Tasks => self.warn(now, format!("---- {} Active Tasks ----", self.crew.open())),
            Dumped::Variables => {
                for (level, scope) in [Scope::Global, Scope::User, Scope::Call].into_iter().enumerate() {
                    let names = self.scenarios.main().program.vars.table(scope);
                    let mut text = format!("{} level {level} variables:", names.len());
                    for variable in names {
                        text.push_str(&format!("\n{}", variable.name));
                    }
                    self.warn(now, text);
                }
            }
        }
    }

    /// `set display`: from now on the screens show that scenario.
    fn display(&mut self, now: Time, part: Part) {
        if self.scenarios.shown().any(|scenario| scenario.layout.part == part) {
            self.link.tell(Note::Asked(Command::Display(part)));
        } else {
            self.warn(now, format!("Unknown display scenario: {}", part.word()));
        }
    }
}

/// How long after a key the screen is drawn.
const REDRAW: Duration = Duration::from_millis(20);
/// Commands carried out in one turn.
const COMMANDS_PER_TURN: usize = 64;
