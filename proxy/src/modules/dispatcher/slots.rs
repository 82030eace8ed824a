//! Tables of a hundred slots: shares of calls that are exact for each hundred of them, in a shuffled order.

/// Positions of destinations, dealt one after the other.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    table: Vec<u16>,
    next: usize,
}

impl Default for Slots {
    fn default() -> Slots {
        Slots { table: vec![0; SLOTS], next: 0 }
    }
}

impl Slots {
    /// As many slots for each position as its weight says; what is beyond a hundred is left out, and what is
    /// missing goes to the last. Without a weight for the first position, all goes to it.
    pub(super) fn by_weight(weights: &[u32], seed: u64) -> Slots {
        if weights.first().is_none_or(|weight| *weight == 0) {
            return Slots::default();
        }
        let shares = weights.iter().map(|weight| *weight as usize);
        Slots::filled(shares, weights.len() - 1, seed)
    }

    /// Slots in the proportion of the weights, rounded down; what is missing goes to the last position with a
    /// weight. Positions that get nothing have the weight 0.
    pub(super) fn by_share(weights: &[u32], seed: u64) -> Slots {
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let Some(last) = weights.iter().rposition(|weight| *weight > 0) else { return Slots::default() };
        let shares = weights.iter().map(|weight| (u64::from(*weight) * SLOTS as u64 / sum) as usize);
        Slots::filled(shares, last, seed)
    }

    /// The next position.
    pub(super) fn deal(&mut self) -> usize {
        let position = self.table[self.next];
        self.next = (self.next + 1) % SLOTS;
        usize::from(position)
    }

    fn filled(shares: impl Iterator<Item = usize>, last: usize, seed: u64) -> Slots {
        let positions = shares.enumerate().flat_map(|(at, share)| std::iter::repeat_n(at as u16, share));
        let mut table: Vec<u16> = positions.take(SLOTS).collect();
        table.resize(SLOTS, last as u16);
        shuffle(&mut table, seed);
        Slots { table, next: 0 }
    }
}

/// An order in which equal positions do not stand together. It need not be unforeseeable.
fn shuffle(table: &mut [u16], seed: u64) {
    let mut random = sip::ident::Ident::seeded(seed);
    for at in (1..table.len()).rev() {
        table.swap(at, random.below(at as u64 + 1) as usize);
    }
}

const SLOTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::Slots;

    fn counts(mut slots: Slots) -> [usize; 3] {
        let mut counts = [0; 3];
        (0..300).for_each(|_| counts[slots.deal()] += 1);
        counts.map(|count| count / 3)
    }

    /// Kamailio's rules: exact for each hundred calls.
    #[test]
    fn weights_are_shares_of_a_hundred() {
        let rows: [([u32; 3], [usize; 3]); 5] = [
            ([50, 30, 20], [50, 30, 20]),
            ([10, 20, 30], [10, 20, 70]),
            ([60, 60, 60], [60, 40, 0]),
            ([0, 50, 50], [100, 0, 0]),
            ([100, 1, 1], [100, 0, 0]),
        ];
        for (weights, expected) in rows {
            assert_eq!(counts(Slots::by_weight(&weights, 7)), expected, "{weights:?}");
        }
    }

    #[test]
    fn shares_are_rounded_down_and_the_last_takes_the_rest() {
        let rows: [([u32; 3], [usize; 3]); 4] = [
            ([1, 2, 1], [25, 50, 25]),
            ([1, 2, 0], [33, 67, 0]),
            ([1, 1, 1], [33, 33, 34]),
            ([0, 0, 0], [100, 0, 0]),
        ];
        for (weights, expected) in rows {
            assert_eq!(counts(Slots::by_share(&weights, 7)), expected, "{weights:?}");
        }
    }

    #[test]
    fn the_order_is_shuffled() {
        let mut slots = Slots::by_weight(&[50, 50], 7);
        let first: Vec<usize> = (0..50).map(|_| slots.deal()).collect();
        assert!(first.contains(&0) && first.contains(&1), "{first:?}");
    }
}
