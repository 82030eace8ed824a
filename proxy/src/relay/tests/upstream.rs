//! Which reply goes upstream (RFC 3261 16.7), a row for each: what happens when, and everything that is sent. Times are
//! milliseconds; fr_timer is 2 s, fr_inv_timer 3 s. Rows are behaviour seen on Kamailio 5.6.3.

use super::Do::{Cancel, Reply};
use super::{Row, run};

const CHALLENGE_P: &str = "407 Theirs\r\nProxy-Authenticate: Digest realm=\"p\"";
const CHALLENGE_W: &str = "401 Theirs\r\nWWW-Authenticate: Digest realm=\"w\"";

#[test]
fn the_best_of_three_finals() {
    let rows: [(&str, [&str; 3], &str); 9] = [
        ("404 beats 486 and 503", ["404 A", "486 B", "503 C"], "404 A"),
        ("challenges are merged, 486 aside", ["486 A", CHALLENGE_W, CHALLENGE_P], "401 Unauthorized +wp"),
        ("a 500 beats 503s and is no 503", ["503 A", "503 B", "500 Theirs"], "500 Theirs"),
        ("302 beats 404", ["302 A", "404 B", "404 C"], "302 A"),
        ("a 6xx beats a 4xx and a 3xx", ["600 A", "404 B", "302 C"], "600 A"),
        ("of equal ones the first branch, not the first reply", ["480 A", "480 B", "480 C"], "480 A"),
        ("415 is better than other 4xx", ["404 A", "415 B", "403 C"], "415 B"),
        ("484 is better than other 4xx", ["486 A", "484 B", "404 C"], "484 B"),
        ("420 is better than other 4xx, 401 better than it", ["420 A", CHALLENGE_W, "480 C"], "401 Theirs"),
    ];
    for (name, finals, best) in rows {
        // Whatever order they come in.
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let events: Vec<_> =
                order.iter().zip(1..).map(|(at, tens)| (tens * 10, Reply(*at, finals[*at]))).collect();
            let seen = run(3, &events, 100);
            let upstream: Vec<&String> = seen.iter().filter(|line| !is_towards_branch(line)).collect();
            assert_eq!(upstream, [&format!("30 {best}")], "{name}, {order:?}");
        }
    }
}

fn is_towards_branch(line: &str) -> bool {
    ["ACK", "CANCEL", "INVITE"].iter().any(|word| line.contains(word))
}

/// Two branches; what is sent, INVITE retransmissions included.
const ROWS: &[Row] = &[
    Row {
        name: "no answer at all: 408 at fr_timer",
        branches: 1,
        events: &[],
        sent: &["500 INVITE 0", "1500 INVITE 0", "2000 408 Request Timeout"],
    },
    Row {
        name: "a single 503 becomes a 500 made here",
        branches: 1,
        events: &[(10, Reply(0, "503 Full"))],
        sent: &["10 ACK 0", "10 500 Service Unavailable"],
    },
    Row {
        name: "486 then 404: the 404 when both are there",
        branches: 2,
        events: &[(50, Reply(0, "486 A")), (100, Reply(1, "404 B"))],
        sent: &["50 ACK 0", "100 ACK 1", "100 404 B"],
    },
    Row {
        name: "404 then 486: the same",
        branches: 2,
        events: &[(50, Reply(1, "404 B")), (100, Reply(0, "486 A"))],
        sent: &["50 ACK 1", "100 ACK 0", "100 404 B"],
    },
    Row {
        name: "both 480, the second branch first: the first branch's",
        branches: 2,
        events: &[(50, Reply(1, "480 B")), (100, Reply(0, "480 A"))],
        sent: &["50 ACK 1", "100 ACK 0", "100 480 A"],
    },
    Row {
        name: "401 and 486: the 401 untouched",
        branches: 2,
        events: &[(50, Reply(0, CHALLENGE_W)), (100, Reply(1, "486 B"))],
        sent: &["50 ACK 0", "100 ACK 1", "100 401 Theirs"],
    },
    Row {
        name: "407 and 401: a 401 made here with both challenges, in branch order",
        branches: 2,
        events: &[(50, Reply(0, CHALLENGE_P)), (100, Reply(1, CHALLENGE_W))],
        sent: &["50 ACK 0", "100 ACK 1", "100 401 Unauthorized +pw"],
    },
    Row {
        name: "503 twice: one 500 made here",
        branches: 2,
        events: &[(50, Reply(0, "503 A")), (100, Reply(1, "503 B"))],
        sent: &["50 ACK 0", "100 ACK 1", "100 500 Service Unavailable"],
    },
    Row {
        name: "503 and 500: the 500 as received",
        branches: 2,
        events: &[(50, Reply(0, "503 A")), (100, Reply(1, "500 B"))],
        sent: &["50 ACK 0", "100 ACK 1", "100 500 B"],
    },
    Row {
        name: "503 and 486: the 486 as received",
        branches: 2,
        events: &[(50, Reply(0, "503 A")), (100, Reply(1, "486 B"))],
        sent: &["50 ACK 0", "100 ACK 1", "100 486 B"],
    },
    Row {
        name: "486 and silence: 408 at fr_timer",
        branches: 2,
        events: &[(50, Reply(0, "486 A"))],
        sent: &["50 ACK 0", "500 INVITE 1", "1500 INVITE 1", "2000 408 Request Timeout"],
    },
    Row {
        name: "a received 408 and silence: the received one",
        branches: 2,
        events: &[(50, Reply(0, "408 Theirs"))],
        sent: &["50 ACK 0", "500 INVITE 1", "1500 INVITE 1", "2000 408 Theirs"],
    },
    Row {
        name: "180 and silence: 408 at fr_inv_timer, then a CANCEL without Reason",
        branches: 2,
        events: &[(10, Reply(0, "180 A"))],
        sent: &[
            "10 180 A",
            "500 INVITE 1",
            "1500 INVITE 1",
            "3010 408 Request Timeout",
            "3010 CANCEL 0",
            "3510 CANCEL 0",
            "4510 CANCEL 0",
        ],
    },
    Row {
        name: "both ring, one is busy, the other never answers: its late 487 goes nowhere",
        branches: 2,
        events: &[
            (10, Reply(0, "180 A")),
            (20, Reply(1, "180 B")),
            (200, Reply(0, "486 A")),
            (3100, Reply(1, "487 B")),
        ],
        sent: &[
            "10 180 A",
            "20 180 B",
            "200 ACK 0",
            "3020 408 Request Timeout",
            "3020 CANCEL 1",
            "3100 ACK 1",
            "3520 CANCEL 1",
            "4520 CANCEL 1",
        ],
    },
    Row {
        name: "603 while the other rings: CANCEL with its cause, 603 when the 487 is there",
        branches: 2,
        events: &[(10, Reply(1, "180 B")), (100, Reply(0, "603 A")), (150, Reply(1, "487 B"))],
        sent: &[
            "10 180 B",
            "100 ACK 0",
            "100 CANCEL 1 SIP;cause=603",
            "150 ACK 1",
            "150 603 A",
            "600 CANCEL 1 SIP;cause=603",
            "1600 CANCEL 1 SIP;cause=603",
        ],
    },
    Row {
        name: "603 while the other is silent: no CANCEL, 603 at fr_timer, the INVITE goes on meanwhile",
        branches: 2,
        events: &[(100, Reply(0, "603 A"))],
        sent: &["100 ACK 0", "500 INVITE 1", "1500 INVITE 1", "2000 603 A"],
    },
    Row {
        name: "603, but the other answers after the CANCEL: its 200",
        branches: 2,
        events: &[(10, Reply(1, "180 B")), (100, Reply(0, "603 A")), (150, Reply(1, "200 B"))],
        sent: &[
            "10 180 B",
            "100 ACK 0",
            "100 CANCEL 1 SIP;cause=603",
            "150 200 B",
            "600 CANCEL 1 SIP;cause=603",
            "1600 CANCEL 1 SIP;cause=603",
        ],
    },
    Row {
        name: "200, and a 200 that crosses the CANCEL: both, in order",
        branches: 2,
        events: &[(10, Reply(1, "180 B")), (100, Reply(0, "200 A")), (110, Reply(1, "200 B"))],
        sent: &[
            "10 180 B",
            "100 200 A",
            "100 CANCEL 1 SIP;cause=200;text=\"Call completed elsewhere\"",
            "110 200 B",
            "600 CANCEL 1 SIP;cause=200;text=\"Call completed elsewhere\"",
            "1600 CANCEL 1 SIP;cause=200;text=\"Call completed elsewhere\"",
        ],
    },
    Row {
        name: "200 while the other is silent: a late 180 brings the CANCEL without text",
        branches: 2,
        events: &[(100, Reply(0, "200 A")), (700, Reply(1, "180 B")), (750, Reply(1, "487 B"))],
        sent: &[
            "100 200 A",
            "500 INVITE 1",
            "700 CANCEL 1 SIP;cause=200",
            "750 ACK 1",
            "1200 CANCEL 1 SIP;cause=200",
            "2200 CANCEL 1 SIP;cause=200",
        ],
    },
    Row {
        name: "486, then the caller cancels, then 487: the 486",
        branches: 2,
        events: &[(10, Reply(1, "180 B")), (50, Reply(0, "486 A")), (100, Cancel), (150, Reply(1, "487 B"))],
        sent: &[
            "10 180 B",
            "50 ACK 0",
            "100 CANCEL 1",
            "150 ACK 1",
            "150 486 A",
            "600 CANCEL 1",
            "1600 CANCEL 1",
        ],
    },
    Row {
        name: "the caller cancels, 487, the other is silent: 487 made here at fr_timer",
        branches: 2,
        events: &[(10, Reply(0, "180 A")), (100, Cancel), (150, Reply(0, "487 Theirs"))],
        sent: &[
            "10 180 A",
            "100 CANCEL 0",
            "150 ACK 0",
            "500 INVITE 1",
            "600 CANCEL 0",
            "1500 INVITE 1",
            "1600 CANCEL 0",
            "2000 487 Request Terminated",
        ],
    },
    Row {
        name: "the caller cancels, the callee's 200 crosses: the 200",
        branches: 1,
        events: &[(10, Reply(0, "180 A")), (100, Cancel), (110, Reply(0, "200 A"))],
        sent: &["10 180 A", "100 CANCEL 0", "110 200 A", "600 CANCEL 0", "1600 CANCEL 0"],
    },
    Row {
        name: "a 200 again, and one of another party: each goes up while the transaction lives",
        branches: 1,
        events: &[(10, Reply(0, "200 A")), (20, Reply(0, "200 A")), (30, Reply(0, "200 Other"))],
        sent: &["10 200 A", "20 200 A", "30 200 Other"],
    },
    Row {
        name: "what follows a final is ignored: 180, 486 after 404",
        branches: 2,
        events: &[
            (10, Reply(0, "404 A")),
            (20, Reply(0, "180 A")),
            (30, Reply(0, "486 A")),
            (40, Reply(1, "480 B")),
        ],
        sent: &["10 ACK 0", "30 ACK 0", "40 ACK 1", "40 404 A"],
    },
    Row {
        name: "100 stays here, 183 goes up",
        branches: 1,
        events: &[(10, Reply(0, "100 Trying")), (20, Reply(0, "183 A")), (30, Reply(0, "200 A"))],
        sent: &["20 183 A", "30 200 A"],
    },
];

#[test]
fn rows() {
    for row in ROWS {
        assert_eq!(run(row.branches, row.events, 4_990), row.sent, "{}", row.name);
    }
}
