//! The state of a destination and how it changes: what pings and scripts ask for, and what comes of it after so
//! many failures or successes.

/// State bits, as the flags column of the list has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u8);

/// Failures until a destination counts as down, and successes until it counts as up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thresholds {
    pub(super) failures: u32,
    pub(super) successes: u32,
}

/// A state and the failures or successes counted towards the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) state: State,
    count: u32,
}

/// What a change of state means for those who send calls there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It can be used as before, or cannot be used as before.
    Same,
    /// It cannot be used any more.
    Down,
    /// It can be used again.
    Up,
}

impl State {
    pub(super) const ACTIVE: State = State(0);
    pub(super) const INACTIVE: State = State(1);
    pub(super) const TRYING: State = State(2);
    pub(super) const DISABLED: State = State(4);
    pub(super) const PROBING: State = State(8);
    /// Its host is not looked up, and it is never recognised.
    pub(super) const NO_LOOKUP: State = State(16);
    pub(super) const NO_PING: State = State(32);
    /// What a change of state leaves alone.
    const LASTING: State = State(16 | 32);

    /// The state of a flags column; bits without meaning are dropped.
    pub(super) fn of_flags(flags: i64) -> State {
        State((flags & 63) as u8)
    }

    pub(super) fn has(self, bits: State) -> bool {
        self.0 & bits.0 != 0
    }

    pub(super) fn with(self, bits: State) -> State {
        State(self.0 | bits.0)
    }

    pub(super) fn without(self, bits: State) -> State {
        State(self.0 & !bits.0)
    }

    /// Whether calls may be sent there. One that is being tried may.
    pub(super) fn is_usable(self) -> bool {
        !self.has(State::INACTIVE.with(State::DISABLED))
    }

    /// The letters of `ds_mark_dst()`: a, i, t, d, and p for probing, in any order. `None`: another letter.
    pub(super) fn parse(letters: &[u8]) -> Option<State> {
        letters.iter().try_fold(State::ACTIVE, |state, letter| {
            let bit = match letter.to_ascii_lowercase() {
                b'a' => State::ACTIVE,
                b'i' => State::INACTIVE,
                b't' => State::TRYING,
                b'd' => State::DISABLED,
                b'p' => State::PROBING,
                _ => return None,
            };
            Some(state.with(bit))
        })
    }

    /// The words of `dispatcher.set_state`: one letter or digit for the state, `p` behind it for probing. What
    /// else follows is ignored, and nothing disabled is probed.
    pub(super) fn parse_command(word: &[u8]) -> Option<State> {
        let (first, rest) = word.split_first()?;
        let state = match first.to_ascii_lowercase() {
            b'a' | b'1' => State::ACTIVE,
            b'i' | b'0' => State::INACTIVE,
            b't' | b'3' => State::TRYING,
            b'd' | b'2' => return Some(State::DISABLED),
            _ => return None,
        };
        let is_probing = rest.first().is_some_and(|letter| letter.eq_ignore_ascii_case(&b'p'));
        Some(if is_probing { state.with(State::PROBING) } else { state })
    }

    /// Two letters for listings.
    pub(super) fn letters(self) -> String {
        let first = match self {
            state if state.has(State::INACTIVE) => 'I',
            state if state.has(State::DISABLED) => 'D',
            state if state.has(State::TRYING) => 'T',
            _ => 'A',
        };
        let second = if self.has(State::PROBING) { 'P' } else { 'X' };
        [first, second].iter().collect()
    }
}

impl Health {
    pub(super) fn new(state: State) -> Health {
        Health { state, count: 0 }
    }

    /// Sets the bits as they are, without counting.
    pub(super) fn set(&mut self, wanted: State) {
        *self = Health::new(wanted.with(self.lasting()));
    }

    /// Asks for a state. Failures on the way down and successes on the way up are counted: before there are
    /// enough of them the state stays what it was.
    pub(super) fn ask(&mut self, wanted: State, thresholds: Thresholds) -> Change {
        let before = self.state;
        let was_inactive = before.has(State::INACTIVE);
        let mut after = wanted;
        if wanted.has(State::TRYING) {
            self.count += 1;
            if was_inactive || self.count >= thresholds.failures {
                after = wanted.without(State::TRYING).with(State::INACTIVE);
                self.count = 0;
            }
        } else if was_inactive {
            self.count += 1;
            if self.count < thresholds.successes {
                let probing = State(before.0 & State::PROBING.0);
                after = wanted.with(State::INACTIVE).with(probing);
            } else {
                self.count = 0;
            }
        } else {
            self.count = 0;
        }
        self.state = after.with(self.lasting());
        match (before.is_usable(), after.is_usable()) {
            (true, false) => Change::Down,
            (false, true) => Change::Up,
            _ => Change::Same,
        }
    }

    fn lasting(self) -> State {
        State(self.state.0 & State::LASTING.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Health, State, Thresholds};

    /// Seen on Kamailio 5.6.3 with both thresholds at 2: letters asked for, and what happened.
    #[test]
    fn failures_and_successes_are_counted() {
        let mut health = Health::new(State::ACTIVE);
        let rows = [
            ("t", "TX", Change::Same),
            ("a", "AX", Change::Same),
            ("d", "DX", Change::Down),
            ("i", "IX", Change::Same),
            ("d", "IX", Change::Same),
            ("t", "IX", Change::Same),
            ("a", "IX", Change::Same),
            ("d", "DX", Change::Same),
            ("a", "AX", Change::Up),
            ("tp", "TP", Change::Same),
            ("tp", "IP", Change::Down),
            ("ap", "IP", Change::Same),
            ("ap", "AP", Change::Up),
        ];
        for (number, (letters, expected, change)) in rows.into_iter().enumerate() {
            let wanted = State::parse(letters.as_bytes()).expect("letters");
            let thresholds = Thresholds { failures: 2, successes: 2 };
            assert_eq!(health.ask(wanted, thresholds), change, "step {number}");
            assert_eq!(health.state.letters(), expected, "step {number}");
        }
    }

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn commands_set_bits() {
        let rows = [
            ("i", Some("IX")),
            ("ip", Some("IP")),
            ("tp", Some("TP")),
            ("ap", Some("AP")),
            ("dp", Some("DX")),
            ("dx", Some("DX")),
            ("1", Some("AX")),
            ("0", Some("IX")),
            ("zz", None),
            ("", None),
        ];
        for (word, expected) in rows {
            let state = State::parse_command(word.as_bytes()).map(State::letters);
            assert_eq!(state.as_deref(), expected, "{word}");
        }
        let mut health = Health::new(State::of_flags(32 | 1));
        health.set(State::ACTIVE);
        assert!(health.state.has(State::NO_PING) && health.state.is_usable());
    }
}
