//! One set of destinations, and how one of them is picked: the algorithms of `ds_select_dst()`.

use std::net::IpAddr;

use bytes::Bytes;
use sip::msg::Uri;
use sip::peer::Transport;

use super::latency::Latency;
use super::list::{Attrs, Line};
use super::slots::Slots;
use super::state::{Change, Health, State, Thresholds};

/// One destination.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) uri: Bytes,
    pub(super) host: Bytes,
    pub(super) port: u16,
    /// As written; `None` without the parameter.
    pub(super) transport: Option<Transport>,
    /// `None` until the name has been looked up.
    pub(super) address: Option<IpAddr>,
    pub(super) priority: i64,
    pub(super) attrs: Attrs,
    pub(super) health: Health,
    pub(super) latency: Latency,
    /// Relative weight at present; congestion lowers it.
    pub(super) rweight: u32,
    /// Calls that count against `maxload`.
    pub(super) load: u32,
}

/// The destinations of one number, highest priority first.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) id: i64,
    pub(super) list: Vec<Destination>,
    /// Where round robin goes on.
    turn: usize,
    weights: Slots,
    rweights: Slots,
    /// Number of the next shuffle.
    shuffles: u64,
}

/// How a destination is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// By a number: a hash or a random one.
    Number(u32),
    /// One after the other.
    RoundRobin,
    /// The one with the highest priority.
    First,
    /// By attribute `weight`, whoever is active.
    Weight,
    /// The one with the fewest calls.
    CallLoad,
    /// By attribute `rweight` among those that are active.
    RelativeWeight,
    /// By priority, lowered by latency, in turns.
    Latency,
}

/// What becomes of the last destination of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastResort {
    /// It is one like the others.
    No,
    /// It is used when no other can be (`use_default`).
    Yes,
}

impl Destination {
    /// Errors: its URI cannot be read.
    pub(super) fn of_line(line: &Line) -> Result<Destination, &'static str> {
        let uri = Uri::parse(&line.uri).map_err(|_| "the URI cannot be read")?;
        let attrs = Attrs::parse(&line.attrs);
        Ok(Destination {
            host: Bytes::copy_from_slice(&uri.host.to_ascii_lowercase()),
            port: uri.effective_port(),
            transport: uri.transport_param(),
            address: uri.host_ip(),
            uri: line.uri.clone(),
            priority: line.priority,
            health: Health::new(State::of_flags(line.flags)),
            latency: match attrs.latency {
                0 => Latency::default(),
                millis => Latency::expected(f64::from(millis)),
            },
            rweight: attrs.rweight,
            attrs,
            load: 0,
        })
    }

    pub(super) fn state(&self) -> State {
        self.health.state
    }

    pub(super) fn is_usable(&self) -> bool {
        self.health.state.is_usable()
    }

    fn is_full(&self) -> bool {
        self.attrs.max_load > 0 && self.load >= self.attrs.max_load
    }

    /// The priority less one for each time the latency is as long as the priority; at least 1.
    fn adjusted_priority(&self) -> i64 {
        let latency = match self.attrs.has_congestion_control {
            true => self.latency.congestion(),
            false => self.latency.estimate,
        };
        let latency = latency as i64;
        match self.priority > 0 && latency > self.priority {
            true => (self.priority - latency / self.priority).max(1),
            false => self.priority,
        }
    }
}

impl Set {
    /// A set of these lines. Of equal priorities the last line comes first (seen on Kamailio 5.6.3).
    pub(super) fn new(id: i64, mut list: Vec<Destination>) -> Set {
        list.reverse();
        list.sort_by_key(|destination| std::cmp::Reverse(destination.priority));
        let mut set =
            Set { id, list, turn: 0, weights: Slots::default(), rweights: Slots::default(), shuffles: 0 };
        let weights: Vec<u32> = set.list.iter().map(|it| it.attrs.weight).collect();
        let seed = set.next_seed();
        set.weights = Slots::by_weight(&weights, seed);
        set.deal_rweights();
        set
    }

    /// Picks a destination and those to try behind it, in order. Empty: there is none to send to.
    pub(super) fn pick(&mut self, algorithm: Algorithm, last_resort: LastResort) -> Vec<usize> {
        if algorithm == Algorithm::Latency {
            return self.pick_by_latency(last_resort);
        }
        let count = self.span(last_resort);
        let start = match algorithm {
            Algorithm::Number(number) => number as usize % count.max(1),
            Algorithm::RoundRobin => self.turn,
            Algorithm::Weight => self.weights.deal(),
            Algorithm::RelativeWeight => self.rweights.deal(),
            Algorithm::CallLoad => match self.least_loaded(count) {
                Some(place) => place,
                None => return Vec::new(),
            },
            Algorithm::First | Algorithm::Latency => 0,
        };
        let round = |start: usize| (0..count).map(move |step| (start + step) % count);
        let usable = |place: &usize| self.list[*place].is_usable();
        let Some(first) = round(start).find(usable) else {
            return self.default_place(last_resort).into_iter().collect();
        };
        // Only calls to destinations with a name are counted; among those, the full ones are left out.
        let counts = algorithm == Algorithm::CallLoad && !self.list[first].attrs.duid.is_empty();
        let takes = |place: &usize| {
            let it = &self.list[*place];
            *place == first || (it.is_usable() && !(counts && (it.is_full() || it.attrs.duid.is_empty())))
        };
        let mut order: Vec<usize> = round(first).filter(takes).collect();
        order.extend(self.default_place(last_resort));
        if algorithm == Algorithm::RoundRobin {
            self.turn = (first + 1) % count;
        }
        order
    }

    /// All that can be used, in order.
    pub(super) fn usable(&self) -> Vec<usize> {
        (0..self.list.len()).filter(|place| self.list[*place].is_usable()).collect()
    }

    /// Asks for a state of a destination; the shares of the set follow.
    pub(super) fn ask(&mut self, place: usize, wanted: State, thresholds: Thresholds) -> Change {
        let change = self.list[place].health.ask(wanted, thresholds);
        if change != Change::Same {
            self.deal_rweights();
        }
        change
    }

    /// Sets the state of a destination.
    pub(super) fn set_state(&mut self, place: usize, wanted: State) {
        self.list[place].health.set(wanted);
        self.deal_rweights();
    }

    /// Where a destination stands.
    pub(super) fn find(&self, uri: &[u8]) -> Option<usize> {
        self.list.iter().position(|it| it.uri == uri)
    }

    /// Lowers relative weights by congestion, when all destinations of the set ask for it.
    pub(super) fn adjust_rweights(&mut self) {
        if !self.list.iter().all(|it| it.attrs.has_congestion_control) {
            return;
        }
        let congestion: Vec<u32> = self.list.iter().map(|it| it.latency.congestion() as u32).collect();
        for (it, congestion) in self.list.iter_mut().zip(&congestion) {
            it.rweight = it.attrs.weight.saturating_sub(*congestion);
        }
        if self.list.len() > 1 && self.list.iter().all(|it| it.rweight == 0) {
            // All are beyond what they bear: those that are least so get most.
            let sum: u32 = congestion.iter().sum();
            for (it, congestion) in self.list.iter_mut().zip(&congestion) {
                it.rweight = sum.saturating_mul(16) / (*congestion).max(1);
            }
        }
        self.deal_rweights();
    }

    fn deal_rweights(&mut self) {
        let usable = |it: &Destination| if it.is_usable() { it.rweight } else { 0 };
        let weights: Vec<u32> = self.list.iter().map(usable).collect();
        let seed = self.next_seed();
        self.rweights = match weights.len() {
            0 | 1 => Slots::default(),
            _ => Slots::by_share(&weights, seed),
        };
    }

    /// How many are picked from.
    fn span(&self, last_resort: LastResort) -> usize {
        match (last_resort, self.list.len()) {
            (LastResort::Yes, count) if count > 1 => count - 1,
            (_, count) => count,
        }
    }

    fn default_place(&self, last_resort: LastResort) -> Option<usize> {
        let place = self.span(last_resort);
        self.list.get(place).filter(|it| it.is_usable()).map(|_| place)
    }

    fn least_loaded(&self, count: usize) -> Option<usize> {
        let free = (0..count).filter(|place| self.list[*place].is_usable() && !self.list[*place].is_full());
        free.min_by_key(|place| self.list[*place].load)
    }

    fn pick_by_latency(&mut self, last_resort: LastResort) -> Vec<usize> {
        let count = self.span(last_resort);
        let start = self.turn;
        let round = (0..count).map(|step| (start + step) % count);
        let mut order: Vec<usize> = round.filter(|place| self.list[*place].is_usable()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(self.list[*place].adjusted_priority()));
        if let Some(first) = order.first() {
            self.turn = (first + 1) % count;
        }
        order.extend(self.default_place(last_resort));
        order
    }

    fn next_seed(&mut self) -> u64 {
        self.shuffles += 1;
        (self.id as u64).rotate_left(32) ^ self.shuffles
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::of_file;
    use super::super::state::{State, Thresholds};
    use super::{Algorithm, Destination, LastResort, Set};

    fn set(text: &str) -> Set {
        let lines = of_file(text.as_bytes()).expect("a list");
        Set::new(1, lines.iter().map(|line| Destination::of_line(line).expect("a URI")).collect())
    }

    /// Twenty picks as the last digit of the port.
    fn twenty(set: &mut Set, algorithm: Algorithm) -> String {
        let mut digit = || {
            let first = set.pick(algorithm, LastResort::No).first().copied();
            first.map_or('-', |place| char::from(*set.list[place].uri.last().expect("not empty")))
        };
        (0..20).map(|_| digit()).collect()
    }

    /// How a hundred calls are spread over nodes 1, 2 and 3.
    fn hundred(set: &mut Set, algorithm: Algorithm) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..100 {
            let place = set.pick(algorithm, LastResort::No)[0];
            let digit = set.list[place].uri.last().expect("not empty");
            counts[usize::from(digit - b'1')] += 1;
        }
        counts
    }

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn round_robin_leaves_out_those_that_are_down() {
        let mut three = set("1 sip:h:7001\n1 sip:h:7002\n1 sip:h:7003");
        assert_eq!(twenty(&mut three, Algorithm::RoundRobin), "32132132132132132132");
        let mut five =
            set("1 sip:h:7001 0 9\n1 sip:h:7002 1 8\n1 sip:h:7003 4 7\n1 sip:h:7004 2 6\n1 sip:h:7005 8 5");
        assert_eq!(twenty(&mut five, Algorithm::RoundRobin), "14514514514514514514");
        assert_eq!(twenty(&mut five, Algorithm::First), "1".repeat(20));
        let mut none = set("1 sip:h:7001 1\n1 sip:h:7002 4");
        assert_eq!(twenty(&mut none, Algorithm::RoundRobin), "-".repeat(20));
    }

    /// The worked example: weights 25, 50 and 25 for nodes 1, 2 and 3, in the order 2, 3, 1; 100 calls.
    #[test]
    fn weights_are_exact_with_one_node_inactive() {
        let rows: [([u8; 3], [usize; 3], [usize; 3]); 4] = [
            ([0, 0, 0], [25, 50, 25], [25, 50, 25]),
            ([1, 0, 0], [0, 75, 25], [0, 66, 34]),
            ([0, 1, 0], [25, 0, 75], [50, 0, 50]),
            ([0, 0, 1], [50, 50, 0], [34, 66, 0]),
        ];
        for (inactive, by_weight, by_rweight) in rows {
            let [one, two, three] = inactive;
            let mut nodes = set(&format!(
                "1 sip:h:1 {one} 1 weight=25;rweight=25\n1 sip:h:2 {two} 3 weight=50;rweight=50\n\
                 1 sip:h:3 {three} 2 weight=25;rweight=25"
            ));
            assert_eq!(hundred(&mut nodes, Algorithm::Weight), by_weight, "{inactive:?}");
            assert_eq!(hundred(&mut nodes, Algorithm::RelativeWeight), by_rweight, "{inactive:?}");
        }
    }

    #[test]
    fn relative_weights_follow_a_change_of_state() {
        let mut nodes = set("1 sip:h:1 0 3 rweight=1\n1 sip:h:2 0 2 rweight=2\n1 sip:h:3 0 1 rweight=1");
        assert_eq!(hundred(&mut nodes, Algorithm::RelativeWeight), [25, 50, 25]);
        let at_once = Thresholds { failures: 1, successes: 1 };
        nodes.ask(2, State::INACTIVE, at_once);
        assert_eq!(hundred(&mut nodes, Algorithm::RelativeWeight), [33, 67, 0]);
        nodes.ask(2, State::ACTIVE, at_once);
        assert_eq!(hundred(&mut nodes, Algorithm::RelativeWeight), [25, 50, 25]);
    }

    /// The table of the public documentation: the fastest three of the highest priority share the calls.
    #[test]
    fn latency_lowers_priority() {
        let mut list = String::new();
        for (node, latency) in [21, 91, 61, 19, 32, 0, 201].into_iter().enumerate() {
            list += &format!("1 sip:h:{} 0 30 latency={latency}\n", node + 1);
        }
        let mut gateways = set(&list);
        let adjusted: Vec<i64> = gateways.list.iter().rev().map(Destination::adjusted_priority).collect();
        assert_eq!(adjusted, [30, 27, 28, 30, 29, 30, 24]);
        let seen = twenty(&mut gateways, Algorithm::Latency);
        assert!(seen.starts_with("641641641"), "{seen}");
    }

    #[test]
    fn the_last_resort_is_kept_back() {
        let mut three = set("1 sip:h:1 0 3\n1 sip:h:2 0 2\n1 sip:h:3 0 1");
        assert_eq!(three.pick(Algorithm::RoundRobin, LastResort::Yes), [0, 1, 2]);
        assert_eq!(three.pick(Algorithm::RoundRobin, LastResort::Yes), [1, 0, 2]);
        let mut down = set("1 sip:h:1 1 3\n1 sip:h:2 1 2\n1 sip:h:3 0 1");
        assert_eq!(down.pick(Algorithm::First, LastResort::Yes), [2]);
        let mut one = set("1 sip:h:1");
        assert_eq!(one.pick(Algorithm::RoundRobin, LastResort::Yes), [0]);
    }

    #[test]
    fn full_destinations_get_no_more_calls() {
        let mut two = set("1 sip:h:1 0 2 duid=a;maxload=1\n1 sip:h:2 0 1 duid=b;maxload=1");
        assert_eq!(two.pick(Algorithm::CallLoad, LastResort::No), [0, 1]);
        two.list[0].load = 1;
        assert_eq!(two.pick(Algorithm::CallLoad, LastResort::No), [1]);
        two.list[1].load = 1;
        assert!(two.pick(Algorithm::CallLoad, LastResort::No).is_empty());
    }

    #[test]
    fn congestion_lowers_relative_weights() {
        let list = "1 sip:h:1 0 2 rweight=50;weight=50;cc=1\n1 sip:h:2 0 1 rweight=50;weight=50;cc=1";
        let mut two = set(list);
        two.list[0].latency.average = 20.0;
        two.list[0].latency.estimate = 45.0;
        two.adjust_rweights();
        assert_eq!((two.list[0].rweight, two.list[1].rweight), (25, 50));
        two.list[0].latency.estimate = 120.0;
        two.list[1].latency.estimate = 100.0;
        two.adjust_rweights();
        assert_eq!((two.list[0].rweight, two.list[1].rweight), (32, 32));
    }
}
