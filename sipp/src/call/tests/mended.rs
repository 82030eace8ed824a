//! Small defects of SIPp that a scenario's author would trip over, each with what happens here.

use sip::time::Time;

use super::language::infiles;
use super::{Origin, Side, reply, scenario};
use crate::infile::Infiles;
use crate::scenario::{Context, load};

/// SIPp 3.7 decodes some attributes twice, 3.6.1 once (measured).
#[test]
fn entities_are_decoded_once() {
    let text = scenario("<nop><action><log message=\"&amp;lt; &lt;a&gt; &quot;\"/></action></nop>");
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    assert_eq!(side.logged(), ["&lt; <a> \""]);
}

/// SIPp cuts a keyword at its first sign followed by a digit, whatever keyword it is (measured).
#[test]
fn offsets_belong_to_simple_keywords_only() {
    let text = scenario(
        "<nop><action><assignstr assign_to=\"v-1\" value=\"minus\"/><log message=\"[$v-1] [remote_port+2] \
         [last_X-2:]\"/></action></nop>",
    );
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    assert_eq!(side.logged(), ["minus 5062 "]);
}

/// SIPp prints the inner value and then garbage unless it is quoted (measured).
#[test]
fn arguments_of_keywords_need_no_quotes() {
    let text = scenario(
        "<nop><action><assign assign_to=\"l\" value=\"1\"/><log message=\"[field0 line=[$l]] [field0 \
         line=&quot;[$l]&quot;]\"/></action></nop>",
    );
    let mut side = Side::with_infiles(&text, infiles(), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    let line = side.logged().swap_remove(0);
    let (bare, quoted) = line.split_once(' ').expect("two values");
    assert!(bare == quoted && !bare.is_empty(), "{line}");
}

/// SIPp applies borders to the response times it has already read (measured).
#[test]
fn borders_written_before_the_messages_count() {
    let infiles = Infiles::default();
    let text = b"<scenario><ResponseTimeRepartition value=\"10, 20\"/><nop rtd=\"true\"/></scenario>";
    let loaded = load("t.xml", text, Context::new(&[], &infiles)).expect("correct");
    assert_eq!(loaded.program.timers[0].borders, [10, 20]);
}

/// SIPp takes a jump of an optional message to the first one for none.
#[test]
fn an_optional_message_may_jump_to_the_first_one() {
    let text = scenario(
        "<label id=\"top\"/><recv request=\"INFO\" optional=\"true\" next=\"top\"><action><log message=\"i\"/></action>\
         </recv><recv request=\"BYE\"/>",
    );
    let mut side = Side::new(&text, |_| {});
    for number in 1..4 {
        let request = format!("INFO sip:a SIP/2.0\r\nTo: a\r\nCall-ID: 1\r\nCSeq: {number} INFO\r\n\r\n");
        side.message(Time::ZERO, request.as_bytes());
    }
    assert_eq!(side.logged(), ["i", "i", "i"]);
    assert_eq!(side.outcome, None);
}

/// SIPp crashes (measured).
#[test]
fn a_search_in_a_nop_looks_at_the_last_message() {
    let search = |place: &str| {
        format!("<ereg regexp=\"tag=([a-z]+)\" search_in=\"{place}\" header=\"To:\" assign_to=\"all,tag\"/>")
    };
    let (msg, hdr) = (search("msg"), search("hdr"));
    let text = scenario(&format!(
        "<nop><action>{msg}<log message=\"none [$tag]\"/></action></nop>\
         <send><![CDATA[\nOPTIONS sip:a SIP/2.0\nTo: <sip:a>\nCall-ID: [call_id]\nCSeq: 1 OPTIONS\n]]></send>\
         <recv response=\"200\"/><nop><action>{hdr}<log message=\"then [$tag]\"/></action></nop>\
         <Reference variables=\"all\"/>"
    ));
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    let sent = side.sent[0].1.clone();
    side.message(Time::ZERO, &reply(&sent, "200 OK"));
    assert_eq!(side.logged()[0], "none ");
    assert_eq!(side.logged()[1], "then peer");
}
