//! The target set of a request (RFC 3261 16.5): where it shall go, in the words of Kamailio's dset.
//!
//! A run of the script changes it (`$ru`, `$du`, `append_branch`, `lookup`), a relay takes it. The request
//! URI is target 0 as long as it is *new*: a relay consumes it, a change makes it new again.

use sip::peer::ConnId;
use smallvec::SmallVec;

use super::SocketId;

/// One target: a URI and what belongs to the branch made of it. Texts are owned, unchanged ones are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The request URI of the branch; `None` means as received.
    pub uri: Option<Box<[u8]>>,
    /// `$du`: the URI whose address the branch is sent to; `None` means the request URI's.
    pub dst_uri: Option<Box<[u8]>>,
    /// Path vector: name-addrs separated by commas that become Route fields of this branch (RFC 3327).
    pub path: Option<Box<[u8]>>,
    /// `$fs`: the socket it must leave by.
    pub socket: Option<SocketId>,
    /// The connection it should leave by, [`ConnId::NONE`] for any.
    pub conn: ConnId,
    /// q value times 1000, `None` when unspecified (sorts lowest).
    pub q: Option<u16>,
    /// Branch flags.
    pub flags: u32,
    /// `$ruid`: the registration record it came from.
    pub ruid: Option<Box<[u8]>>,
    /// `+sip.instance` of the contact it came from.
    pub instance: Option<Box<[u8]>>,
    /// reg-id of the contact it came from, 0 for none.
    pub reg_id: u32,
}

/// The target set of one request: the request URI and the appended branches.
#[derive(Clone, Debug)]
pub struct Targets {
    ruri: Target,
    is_ruri_new: bool,
    appended: Vec<Target>,
}

/// No room for a further branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBranches;

impl Default for Targets {
    fn default() -> Targets {
        Targets::received()
    }
}

impl Targets {
    /// The set of a request just received: its request URI, unchanged and new.
    pub fn received() -> Targets {
        Targets { ruri: Target::default(), is_ruri_new: true, appended: Vec::new() }
    }

    /// The request URI's target, for reading.
    pub fn ruri(&self) -> &Target {
        &self.ruri
    }

    /// The request URI's target, for changes that do not make it new (flags, socket).
    pub fn ruri_mut(&mut self) -> &mut Target {
        &mut self.ruri
    }

    /// Sets the request URI and makes it new.
    pub fn set_uri(&mut self, uri: impl Into<Box<[u8]>>) {
        self.ruri.uri = Some(uri.into());
        self.is_ruri_new = true;
    }

    /// Sets or clears `$du` and makes the request URI new (so it is forked to again).
    pub fn set_dst_uri(&mut self, uri: Option<Box<[u8]>>) {
        self.ruri.dst_uri = uri;
        self.is_ruri_new = true;
    }

    /// True while the request URI has not been relayed to since it was last changed.
    pub fn is_ruri_new(&self) -> bool {
        self.is_ruri_new
    }

    /// Makes the request URI a target again, as setting it does.
    pub fn mark_ruri_new(&mut self) {
        self.is_ruri_new = true;
    }

    /// Takes the request URI out of the target set, as a relay does (also on entering a failure route).
    pub fn mark_ruri_consumed(&mut self) {
        self.is_ruri_new = false;
    }

    /// The appended branches, in order.
    pub fn appended(&self) -> &[Target] {
        &self.appended
    }

    /// The appended branches, for changes.
    pub fn appended_mut(&mut self) -> &mut [Target] {
        &mut self.appended
    }

    /// Appends a branch. `max_branches` counts the request URI too (the core parameter of that name).
    pub fn append(&mut self, target: Target, max_branches: usize) -> Result<(), TooManyBranches> {
        if self.appended.len() + 1 >= max_branches {
            return Err(TooManyBranches);
        }
        self.appended.push(target);
        Ok(())
    }

    /// Removes the appended branch `index`; false when there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        let is_there = index < self.appended.len();
        if is_there {
            self.appended.remove(index);
        }
        is_there
    }

    /// Removes all appended branches.
    pub fn clear(&mut self) {
        self.appended.clear();
    }

    /// True when a relay would find nothing to send to.
    pub fn is_empty(&self) -> bool {
        !self.is_ruri_new && self.appended.is_empty()
    }

    /// The targets for a relay, in branch order; consumes the request URI and clears the appended ones.
    pub fn take(&mut self) -> SmallVec<[Target; 1]> {
        let mut taken = SmallVec::new();
        if self.is_ruri_new {
            taken.push(self.ruri.clone());
            self.is_ruri_new = false;
        }
        taken.extend(self.appended.drain(..));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, Targets, TooManyBranches};

    fn target(uri: &[u8]) -> Target {
        Target { uri: Some(uri.into()), ..Target::default() }
    }

    #[test]
    fn a_relay_takes_the_request_uri_once_and_all_appended_branches() {
        let mut targets = Targets::received();
        targets.append(target(b"sip:b"), 12).expect("room");
        let taken = targets.take();
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].uri, None);
        assert_eq!(taken[1].uri.as_deref(), Some(&b"sip:b"[..]));
        assert!(targets.is_empty());
        targets.set_uri(*b"sip:c");
        assert_eq!(targets.take().len(), 1);
    }

    #[test]
    fn the_request_uri_counts_against_max_branches() {
        let mut targets = Targets::received();
        for _ in 0..11 {
            targets.append(target(b"sip:b"), 12).expect("11 besides the request URI");
        }
        assert_eq!(targets.append(target(b"sip:b"), 12), Err(TooManyBranches));
    }
}
