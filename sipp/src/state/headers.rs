//! A set of header names as bits, so that "is this one needed?" costs one instruction.

use sip::msg::HeaderName;

/// A set of header field names; all names outside the table share one bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderSet(u128);

impl HeaderSet {
    /// Every name.
    pub const ALL: HeaderSet = HeaderSet(u128::MAX);

    /// The set of these names.
    pub const fn of(names: &[HeaderName]) -> HeaderSet {
        let mut bits = 0;
        let mut at = 0;
        while at < names.len() {
            bits |= 1 << names[at] as u8;
            at += 1;
        }
        HeaderSet(bits)
    }

    /// Adds a name.
    pub fn insert(&mut self, name: HeaderName) {
        self.0 |= 1 << name as u8;
    }

    /// True when the name is in the set.
    pub fn contains(self, name: HeaderName) -> bool {
        self.0 & (1 << name as u8) != 0
    }
}

/// The table of names must fit the bits.
const _: () = assert!((HeaderName::Other as u8) < 128);

#[cfg(test)]
mod tests {
    use super::HeaderSet;
    use sip::msg::HeaderName;

    #[test]
    fn holds_what_was_put_in() {
        let mut set = HeaderSet::of(&[HeaderName::Via, HeaderName::To]);
        assert!(set.contains(HeaderName::Via) && !set.contains(HeaderName::Other));
        set.insert(HeaderName::Other);
        assert!(set.contains(HeaderName::Other) && HeaderSet::ALL.contains(HeaderName::Warning));
    }
}
