//! Answers kept as long as they may be, negative ones too, and no more of them than there is room for.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Answer, Question};
use crate::time::Time;

/// How long answers are kept and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Seconds an answer with records is kept at least.
    pub min_ttl_seconds: u32,
    /// Seconds an answer with records is kept at most.
    pub max_ttl_seconds: u32,
    /// Seconds an answer without records is kept (RFC 2308 lets the operator bound it).
    pub negative_ttl_seconds: u32,
    /// Answers kept at most; 0 keeps none.
    pub entries: usize,
}

impl Default for CacheLimits {
    /// As the answers say; 60 seconds for negative ones; 10,000 answers.
    fn default() -> CacheLimits {
        CacheLimits {
            min_ttl_seconds: 0,
            max_ttl_seconds: u32::MAX,
            negative_ttl_seconds: 60,
            entries: 10_000,
        }
    }
}

/// Answers by question.
#[derive(Debug, Default)]
pub struct Cache {
    limits: CacheLimits,
    answers: FxHashMap<Question, (Arc<Answer>, Time)>,
}

impl Cache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Cache {
        Cache { limits, answers: FxHashMap::default() }
    }

    /// The answer to a question, if it is known and not too old.
    pub fn get(&self, now: Time, question: &Question) -> Option<Arc<Answer>> {
        let (answer, until) = self.answers.get(question)?;
        (now < *until).then(|| answer.clone())
    }

    /// Keeps an answer, if it may be kept. When there is no room, what is too old goes, else the one that would
    /// go next.
    pub fn put(&mut self, now: Time, question: Question, answer: Arc<Answer>) {
        let limits = self.limits;
        let seconds = match answer.records.is_empty() {
            true => limits.negative_ttl_seconds,
            // An operator may set the bounds the wrong way round: the upper one counts.
            false => answer.ttl_seconds.max(limits.min_ttl_seconds).min(limits.max_ttl_seconds),
        };
        if seconds == 0 || limits.entries == 0 {
            return;
        }
        if self.answers.len() >= limits.entries && !self.answers.contains_key(&question) {
            self.make_room(now);
        }
        self.answers.insert(question, (answer, now + Duration::from_secs(u64::from(seconds))));
    }

    /// Answers kept, too old ones included.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// True when nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    fn make_room(&mut self, now: Time) {
        self.answers.retain(|_, (_, until)| now < *until);
        if self.answers.len() < self.limits.entries {
            return;
        }
        let first = self.answers.iter().min_by_key(|(_, (_, until))| *until).map(|(key, _)| key.clone());
        if let Some(question) = first {
            self.answers.remove(&question);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Cache, CacheLimits};
    use crate::locate::{Answer, Kind, Question, Record};
    use crate::time::Time;

    fn answer(ttl_seconds: u32) -> Arc<Answer> {
        let records = vec![Record::Address([127, 0, 0, 1].into())];
        Arc::new(Answer { records, ttl_seconds })
    }

    fn question(name: &str) -> Question {
        Question::new(Kind::A, name)
    }

    #[test]
    fn answers_live_as_long_as_they_say_within_the_bounds() {
        let limits = CacheLimits { min_ttl_seconds: 5, max_ttl_seconds: 20, ..CacheLimits::default() };
        let negative = Arc::new(Answer::default());
        let rows = [(answer(10), 10), (answer(1), 5), (answer(90), 20), (negative, 60)];
        for (answer, seconds) in rows {
            let mut cache = Cache::new(limits);
            cache.put(Time::ZERO, question("a"), answer.clone());
            let at = |seconds: u64| Time::from_millis(seconds * 1000);
            assert_eq!(cache.get(at(seconds - 1), &question("a")), Some(answer));
            assert_eq!(cache.get(at(seconds), &question("a")), None);
        }
    }

    #[test]
    fn what_may_not_be_kept_is_not() {
        let mut cache = Cache::default();
        cache.put(Time::ZERO, question("a"), answer(0));
        assert!(cache.is_empty());
        let mut none = Cache::new(CacheLimits { entries: 0, ..CacheLimits::default() });
        none.put(Time::ZERO, question("a"), answer(9));
        assert!(none.is_empty());
    }

    #[test]
    fn a_full_cache_forgets_the_answer_that_ends_first() {
        let mut cache = Cache::new(CacheLimits { entries: 2, ..CacheLimits::default() });
        for (name, ttl) in [("a", 50), ("b", 9), ("c", 70)] {
            cache.put(Time::ZERO, question(name), answer(ttl));
        }
        let kept = ["a", "b", "c"].map(|name| cache.get(Time::ZERO, &question(name)).is_some());
        assert_eq!((kept, cache.len()), ([true, false, true], 2));
    }
}
