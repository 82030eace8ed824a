//! `-trace_calldebug`: the steps of open calls, kept until it is known whether the call is worth a record.

use rustc_hash::FxHashMap;

use crate::traffic::calls::CallKey;

/// The lines of open calls.
#[derive(Debug, Default)]
pub(in crate::engine) struct DebugLines {
    texts: FxHashMap<CallKey, String>,
}

impl DebugLines {
    /// Adds a line to what is kept of a call. What goes beyond [`DebugLines::MOST`] bytes is left out.
    pub(super) fn add(&mut self, key: CallKey, date: &str, line: &str) {
        let text = self.texts.entry(key).or_default();
        if text.len() < DebugLines::MOST {
            for part in [date, " ", line, "\n"] {
                text.push_str(part);
            }
        }
    }

    /// Forgets a call; its lines, when it had any.
    pub(super) fn take(&mut self, key: CallKey) -> Option<String> {
        self.texts.remove(&key)
    }

    /// The most bytes kept of one call, give or take a line.
    const MOST: usize = 64 << 10;
}

#[cfg(test)]
mod tests {
    use crate::traffic::calls::{Calls, Identified};

    use super::DebugLines;

    struct Named;

    impl Identified for Named {
        fn call_id(&self) -> &[u8] {
            b"a"
        }
    }

    #[test]
    fn lines_of_a_call_are_bounded_and_given_once() {
        let key = Calls::new(Default::default()).insert(Named);
        let mut lines = DebugLines::default();
        for _ in 0..100_000 {
            lines.add(key, "now", "a step");
        }
        let text = lines.take(key).expect("lines were added");
        assert!(text.starts_with("now a step\nnow a step\n") && text.len() < DebugLines::MOST + 20);
        assert_eq!(lines.take(key), None);
    }
}
