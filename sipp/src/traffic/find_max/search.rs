//! The machine that chooses rates: doubles while they hold, halves while they do not, then closes in.
//!
//! It is repeated from where the round before ended, since one run may have been lucky: the rounds together give
//! an interval. What breaks because of the generator is tried once more before it is believed.

use super::Culprit;

/// What the search is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    /// Where it begins.
    pub(crate) first: f64,
    /// How often the answer is looked for.
    pub(crate) rounds: usize,
}

/// The state of a search.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    wishes: Wishes,
    rate: f64,
    /// The highest rate of this round that held.
    holds: Option<f64>,
    /// The lowest one that did not, and why.
    breaks: Option<(f64, Culprit)>,
    /// By how much the rate is raised or lowered until both are known.
    factor: f64,
    /// This rate broke once because of the generator.
    doubted: bool,
    rounds: Vec<Round>,
}

/// What one round found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    /// The highest rate that held; `None` when none did.
    pub(crate) holds: Option<f64>,
    /// The lowest rate that did not and why; `None` when all did.
    pub(crate) breaks: Option<(f64, Culprit)>,
}

/// What all rounds found together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The middle one of the rounds' highest rates; `None` when no rate held.
    pub(crate) highest: Option<f64>,
    /// Their least and their largest.
    pub(crate) interval: Option<(f64, f64)>,
    /// Who broke the round of `highest`; `None` when nobody did up to the largest rate there is.
    pub(crate) limit: Option<Culprit>,
}

impl Search {
    /// A search that begins with the first rate.
    pub(crate) fn new(wishes: Wishes) -> Search {
        Search {
            wishes,
            rate: rounded(wishes.first.clamp(LOWEST, HIGHEST)),
            holds: None,
            breaks: None,
            factor: FIRST_FACTOR,
            doubted: false,
            rounds: Vec::new(),
        }
    }

    /// The rate to try next; `None` when the search is over.
    pub(crate) fn next_rate(&self) -> Option<f64> {
        (self.rounds.len() < self.wishes.rounds).then_some(self.rate)
    }

    /// The round it is in, from 1.
    pub(crate) fn round(&self) -> usize {
        self.rounds.len() + 1
    }

    /// The rounds that are over.
    pub(crate) fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// Takes what the run at [`Search::next_rate`] came to: `None` when it held.
    pub(crate) fn tell(&mut self, culprit: Option<Culprit>) {
        match culprit {
            None => self.holds = Some(self.rate),
            Some(Culprit::Generator) if !self.doubted => {
                self.doubted = true;
                return;
            }
            Some(culprit) => self.breaks = Some((self.rate, culprit)),
        }
        self.doubted = false;
        let next = match (self.holds, self.breaks) {
            (Some(holds), None) => Some(holds * self.factor).filter(|_| holds < HIGHEST),
            (None, Some((breaks, _))) => Some(breaks / self.factor).filter(|_| breaks > LOWEST),
            (Some(holds), Some((breaks, _))) => {
                Some((holds + breaks) / 2.0).filter(|_| breaks > holds * PRECISION)
            }
            (None, None) => None,
        };
        let next = next.map(|rate| rounded(rate.clamp(LOWEST, HIGHEST)));
        let between = |rate: &f64| Some(*rate) != self.holds && self.breaks.is_none_or(|(at, _)| at != *rate);
        match next.filter(between) {
            Some(rate) => self.rate = rate,
            None => self.end_round(),
        }
    }

    /// The finding of the rounds that are over.
    pub(crate) fn finding(&self) -> Finding {
        let mut rounds: Vec<&Round> = self.rounds.iter().filter(|round| round.holds.is_some()).collect();
        rounds.sort_by(|one, other| one.holds.partial_cmp(&other.holds).expect("rates are numbers"));
        let middle = rounds.get(rounds.len() / 2).copied().or(self.rounds.last());
        let ends = rounds.first().and_then(|least| Some((least.holds?, rounds.last()?.holds?)));
        Finding {
            highest: middle.and_then(|round| round.holds),
            interval: ends,
            limit: middle.and_then(|round| round.breaks).map(|(_, culprit)| culprit),
        }
    }

    fn end_round(&mut self) {
        let round = Round { holds: self.holds.take(), breaks: self.breaks.take() };
        self.rounds.push(round);
        self.factor = NEXT_FACTOR;
        match round.holds {
            Some(holds) => self.rate = holds,
            // Not even the lowest rate holds: trying again would only repeat that.
            None => self.wishes.rounds = self.rounds.len(),
        }
    }
}

/// Rates are whole numbers, small ones have tenths.
fn rounded(rate: f64) -> f64 {
    if rate >= 20.0 { rate.round() } else { (rate * 10.0).round() / 10.0 }
}

/// No lower rate is tried.
const LOWEST: f64 = 0.5;
/// No higher one.
const HIGHEST: f64 = 1_000_000.0;
/// The first round doubles and halves.
const FIRST_FACTOR: f64 = 2.0;
/// The others begin near the answer.
const NEXT_FACTOR: f64 = 1.2;
/// A round ends when the rate that breaks is at most this many times the one that holds.
const PRECISION: f64 = 1.05;

#[cfg(test)]
mod tests {
    use sip::ident::Ident;

    use super::{Culprit, Finding, Search, Wishes};

    /// A target that carries `capacity` calls per second, give or take two percent, and a generator that makes
    /// `most`. Gives the finding and how many runs it took.
    fn search(first: f64, capacity: f64, most: f64) -> (Finding, usize) {
        let mut chance = Ident::seeded(first as u64);
        let mut search = Search::new(Wishes { first, rounds: 3 });
        let mut runs = 0;
        while let Some(rate) = search.next_rate() {
            let today = capacity * (0.98 + 0.04 * chance.below(1000) as f64 / 1000.0);
            let culprit = if rate > most {
                Some(Culprit::Generator)
            } else {
                (rate > today).then_some(Culprit::Target)
            };
            search.tell(culprit);
            runs += 1;
            assert!(runs < 60, "it must end");
        }
        (search.finding(), runs)
    }

    #[test]
    fn the_limit_of_a_simulated_target_is_found() {
        for (first, capacity) in
            [(10.0, 1337.0), (100_000.0, 1337.0), (50.0, 50.0), (10.0, 3.0), (1.0, 90_000.0)]
        {
            let (finding, runs) = search(first, capacity, f64::MAX);
            let (low, high) = finding.interval.expect("a rate holds");
            let highest = finding.highest.expect("a rate holds");
            assert!(low <= highest && highest <= high && high <= capacity * 1.03, "{capacity}: {finding:?}");
            assert!(low >= capacity * 0.92 - 0.2, "{capacity}: {finding:?} after {runs}");
            assert_eq!(finding.limit, Some(Culprit::Target), "{capacity}");
            assert!(runs <= 45, "{runs} runs for {capacity}");
        }
    }

    #[test]
    fn a_weak_generator_is_named() {
        let (finding, _) = search(10.0, 50_000.0, 8_000.0);
        assert_eq!(finding.limit, Some(Culprit::Generator));
        assert!(finding.highest.is_some_and(|rate| (7_500.0..=8_000.0).contains(&rate)), "{finding:?}");
    }

    #[test]
    fn a_single_stumble_of_the_generator_is_not_believed() {
        let mut search = Search::new(Wishes { first: 100.0, rounds: 1 });
        search.tell(Some(Culprit::Generator));
        assert_eq!(search.next_rate(), Some(100.0), "once more");
        search.tell(None);
        assert_eq!(search.next_rate(), Some(200.0));
        search.tell(Some(Culprit::Generator));
        search.tell(Some(Culprit::Generator));
        assert_eq!(search.next_rate(), Some(150.0));
    }

    #[test]
    fn there_may_be_no_rate_that_holds_and_none_that_breaks() {
        let (dead, runs) = search(10.0, 0.0, f64::MAX);
        assert_eq!(dead, Finding { highest: None, interval: None, limit: Some(Culprit::Target) });
        assert!(runs < 10, "{runs}");
        let (endless, _) = search(10.0, 1e9, f64::MAX);
        assert_eq!((endless.highest, endless.limit), (Some(1_000_000.0), None));
    }
}
