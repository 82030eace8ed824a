//! The status line of a received reply, changed by the script.

use sip::msg::StartLine;

use super::work::Work;

impl Work {
    /// Lets a reply go on with another status, and another reason if one is given. A provisional reply stays one,
    /// and so does a 2xx; nothing else becomes one (RFC 3261 16.7). False: it may not become that, or is no reply.
    pub fn change_status(&mut self, status: i64, reason: Option<&[u8]>) -> bool {
        let view = self.view();
        let (StartLine::Response { reason: old, .. }, Some(before)) = (&view.index.start, view.status())
        else {
            return false;
        };
        let class = |status: i64| if status < 300 { status / 100 } else { 3 };
        if !(100..700).contains(&status) || class(status) != class(i64::from(before)) {
            return false;
        }
        // Three digits and a blank stand before the reason.
        let mut span = *old;
        span.start = span.start.saturating_sub(4);
        span.len += 4;
        let reason = reason.unwrap_or_else(|| old.of(view.bytes));
        let text = [status.to_string().as_bytes(), b" ", reason].concat();
        self.edits.replace(span, &text).is_some()
    }
}
