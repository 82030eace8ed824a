//! The tree of pike: a node for each address prefix that was busy, two windows of counters in each.
//!
//! Prefixes become longer only while they are hot, so an address costs nothing before its network is busy. The numbers
//! at which nodes are made and addresses blocked are those measured on Kamailio 5.6.3.

/// The parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Seconds of a window.
    pub(super) window: u32,
    /// Requests in a window from which on a source is blocked.
    pub(super) density: u32,
    /// Seconds after which a silent node is removed.
    pub(super) latency: u32,
}

/// What a request of an address came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It may pass.
    Free,
    /// Its source is blocked from now on.
    Blocked,
    /// Its source has been blocked before.
    StillBlocked,
}

/// All addresses with one first byte.
#[derive(Debug, Default)]
pub(super) struct Root {
    node: Option<Box<Node>>,
    /// Number of the window the counters belong to.
    window: u64,
}

/// An address seen as a whole.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) address: Vec<u8>,
    /// Requests in the previous and the current window.
    pub(super) hits: [u32; 2],
    pub(super) is_blocked: bool,
    touched: u64,
}

#[derive(Debug, Default)]
struct Node {
    /// Previous and current window, as a prefix.
    hits: [u32; 2],
    /// The same as a whole address.
    leaf_hits: [u32; 2],
    is_leaf: bool,
    is_blocked: bool,
    /// Unix seconds of the last request that counts against being forgotten.
    touched: u64,
    children: Vec<(u8, Node)>,
}

impl Root {
    /// Counts a request. `address`: 4 or 16 bytes whose first is this root's.
    pub(super) fn mark(&mut self, limits: &Limits, seconds: u64, address: &[u8]) -> Mark {
        let Some(mut node) = self.node.as_deref_mut() else {
            self.node = Some(Box::new(Node { hits: [0, 1], touched: seconds, ..Node::default() }));
            return Mark::Free;
        };
        let mut depth = 1;
        while depth < address.len() {
            let Some(at) = node.children.iter().position(|(byte, _)| *byte == address[depth]) else { break };
            node = &mut node.children[at].1;
            depth += 1;
        }
        if depth == address.len() {
            return node.mark_leaf(limits, seconds);
        }
        node.mark_prefix(limits, seconds, address[depth]);
        Mark::Free
    }

    /// Brings the counters to the window of `seconds` and removes what has been silent for long. Addresses that are
    /// no longer blocked are added to `unblocked`.
    pub(super) fn advance(&mut self, limits: &Limits, seconds: u64, first: u8, unblocked: &mut Vec<Vec<u8>>) {
        let window = seconds / u64::from(limits.window);
        let passed = window.saturating_sub(self.window).min(2);
        self.window = window;
        if passed == 0 {
            return;
        }
        let Some(node) = self.node.as_deref_mut() else { return };
        let mut path = vec![first];
        for _ in 0..passed {
            node.shift(limits, &mut path, unblocked);
        }
        if node.forget(limits, seconds) {
            self.node = None;
        }
    }

    /// Adds the addresses seen as a whole to `out`.
    pub(super) fn leaves(&self, first: u8, out: &mut Vec<Leaf>) {
        if let Some(node) = self.node.as_deref() {
            node.leaves(&mut vec![first], out);
        }
    }
}

impl Node {
    fn mark_prefix(&mut self, limits: &Limits, seconds: u64, next: u8) {
        let hot = (limits.density >> 2).max(1);
        self.hits[1] += 1;
        if self.hits[1] >= hot {
            // A cold prefix is not refreshed and so disappears.
            self.touched = seconds;
        }
        if reaches(self.hits, hot) {
            let hits = [0, self.hits[1] - 1];
            self.children.push((next, Node { hits, touched: seconds, ..Node::default() }));
        }
    }

    fn mark_leaf(&mut self, limits: &Limits, seconds: u64) -> Mark {
        self.leaf_hits[1] = self.leaf_hits[1].saturating_add(1);
        self.is_leaf = true;
        self.touched = seconds;
        if self.is_blocked {
            return Mark::StillBlocked;
        }
        self.is_blocked = reaches(self.leaf_hits, limits.density);
        if self.is_blocked { Mark::Blocked } else { Mark::Free }
    }

    fn shift(&mut self, limits: &Limits, path: &mut Vec<u8>, unblocked: &mut Vec<Vec<u8>>) {
        self.hits = [self.hits[1], 0];
        self.leaf_hits = [self.leaf_hits[1], 0];
        if self.is_blocked && !reaches(self.leaf_hits, limits.density) {
            self.is_blocked = false;
            unblocked.push(path.clone());
        }
        for (byte, child) in &mut self.children {
            path.push(*byte);
            child.shift(limits, path, unblocked);
            path.pop();
        }
    }

    /// Removes silent nodes below; true when this one may go too. A node that loses its last child starts to wait.
    fn forget(&mut self, limits: &Limits, seconds: u64) -> bool {
        if !self.children.is_empty() {
            self.children.retain_mut(|(_, child)| !child.forget(limits, seconds));
            if self.children.is_empty() {
                self.touched = seconds;
            }
            return false;
        }
        seconds.saturating_sub(self.touched) >= u64::from(limits.latency)
    }

    fn leaves(&self, path: &mut Vec<u8>, out: &mut Vec<Leaf>) {
        if self.is_leaf {
            let (hits, is_blocked, touched) = (self.leaf_hits, self.is_blocked, self.touched);
            out.push(Leaf { address: path.clone(), hits, is_blocked, touched });
        }
        for (byte, child) in &self.children {
            path.push(*byte);
            child.leaves(path, out);
            path.pop();
        }
    }
}

impl Leaf {
    /// Seconds until it is forgotten unless it sends again.
    pub(super) fn left(&self, limits: &Limits, seconds: u64) -> u32 {
        let silent = seconds.saturating_sub(self.touched);
        u32::try_from(u64::from(limits.latency).saturating_sub(silent)).unwrap_or(u32::MAX)
    }
}

/// True when one window, or the mean of both, has reached the limit.
fn reaches([previous, current]: [u32; 2], limit: u32) -> bool {
    previous >= limit || current >= limit || (previous.saturating_add(current)) / 2 >= limit
}

#[cfg(test)]
mod tests {
    use super::{Limits, Mark, Root};

    const LIMITS: Limits = Limits { window: 2, density: 16, latency: 120 };

    /// How many requests within one window are let through before the first blocked one.
    fn until_blocked(root: &mut Root, limits: &Limits, seconds: u64, address: &[u8]) -> u32 {
        root.advance(limits, seconds, address[0], &mut Vec::new());
        (1..).find(|_| root.mark(limits, seconds, address) != Mark::Free).expect("it ends")
    }

    /// Seen on Kamailio 5.6.3: Q + 2 + M for IPv4, Q + 14 + M for IPv6, where Q is M / 4.
    #[test]
    fn a_new_source_is_blocked_at_the_measured_request() {
        for (density, v4, v6) in [(16, 22, 34), (30, 39, 51)] {
            let limits = Limits { density, ..LIMITS };
            assert_eq!(until_blocked(&mut Root::default(), &limits, 10, &[10, 1, 2, 3]), v4);
            assert_eq!(until_blocked(&mut Root::default(), &limits, 10, &[10; 16]), v6);
        }
    }

    #[test]
    fn a_known_source_is_blocked_at_the_density() {
        let mut root = Root::default();
        let address = [10, 1, 2, 3];
        for _ in 0..10 {
            root.mark(&LIMITS, 10, &address);
        }
        // Silent for two windows: the nodes are there, their counters are empty.
        assert_eq!(until_blocked(&mut root, &LIMITS, 16, &address), 16);
    }

    #[test]
    fn a_source_stays_blocked_until_a_quiet_window_has_passed() {
        let mut root = Root::default();
        let address = [10, 1, 2, 3];
        until_blocked(&mut root, &LIMITS, 10, &address);
        let mut unblocked = Vec::new();
        root.advance(&LIMITS, 12, 10, &mut unblocked);
        assert_eq!(root.mark(&LIMITS, 12, &address), Mark::StillBlocked);
        assert!(unblocked.is_empty());
        root.advance(&LIMITS, 14, 10, &mut unblocked);
        assert_eq!(unblocked, [address.to_vec()]);
        assert_eq!(root.mark(&LIMITS, 14, &address), Mark::Free);
    }

    #[test]
    fn silent_nodes_are_forgotten_leaves_first() {
        let mut root = Root::default();
        until_blocked(&mut root, &LIMITS, 10, &[10, 1, 2, 3]);
        let mut gone_after = 0;
        while root.node.is_some() {
            gone_after += 2;
            root.advance(&LIMITS, 10 + gone_after, 10, &mut Vec::new());
        }
        assert_eq!(gone_after, 4 * 120);
    }

    #[test]
    fn sources_of_one_request_each_are_never_blocked() {
        let mut root = Root::default();
        for number in 0..60_000u32 {
            let [_, _, high, low] = number.to_be_bytes();
            assert_eq!(root.mark(&LIMITS, 10, &[10, 1, high, low]), Mark::Free, "{number}");
        }
    }
}
