//! What one shard counts.

/// Counts of messages and of what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests received.
    pub requests: u64,
    /// Replies received.
    pub replies: u64,
    /// Messages dropped: not SIP, or not answerable.
    pub malformed: u64,
    /// Requests answered with 400.
    pub bad_requests: u64,
    /// Requests answered with 482, since they went round through us.
    pub loops: u64,
    /// Requests answered with 503, since there was too much to do.
    pub turned_away: u64,
    /// Replies that belonged to nothing and could not be forwarded.
    pub stray_replies: u64,
    /// Messages that could not be sent.
    pub unsent: u64,
    /// Messages read here that belonged to another shard.
    pub handed_over: u64,
    /// Messages lost on the way between shards, since the receiver was too far behind.
    pub lost: u64,
    /// Response contexts alive.
    pub contexts: u64,
    /// Runs of the script that wait for something outside.
    pub waiting: u64,
    /// Runs that were not let wait, since too many did.
    pub hurried: u64,
    /// Scripts taken in place of another.
    pub reloads: u64,
}

impl Tally {
    /// Names and counts, for people.
    pub fn rows(&self) -> [(&'static str, u64); 14] {
        [
            ("requests received", self.requests),
            ("replies received", self.replies),
            ("dropped as malformed", self.malformed),
            ("answered 400", self.bad_requests),
            ("loops ended with 482", self.loops),
            ("turned away with 503", self.turned_away),
            ("stray replies", self.stray_replies),
            ("not sent", self.unsent),
            ("handed over", self.handed_over),
            ("lost between shards", self.lost),
            ("transactions open", self.contexts),
            ("runs waiting", self.waiting),
            ("runs not let wait", self.hurried),
            ("scripts reloaded", self.reloads),
        ]
    }

    /// Adds another shard's counts.
    pub fn add(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.replies += other.replies;
        self.malformed += other.malformed;
        self.bad_requests += other.bad_requests;
        self.loops += other.loops;
        self.turned_away += other.turned_away;
        self.stray_replies += other.stray_replies;
        self.unsent += other.unsent;
        self.handed_over += other.handed_over;
        self.lost += other.lost;
        self.contexts += other.contexts;
        self.waiting += other.waiting;
        self.hurried += other.hurried;
        self.reloads = self.reloads.max(other.reloads);
    }
}
