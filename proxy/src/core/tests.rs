//! Tests of the core: variables, transformations and functions, as measured on Kamailio 5.6.3.

use crate::trial::{OPTIONS, Trial};

const MODULES: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"textops.so\"\n";

/// The log lines of a request route with this body, on a message.
fn lines_on(message: &str, body: &str) -> Vec<String> {
    let block = if message.starts_with("SIP/") { "reply_route" } else { "request_route" };
    let text = format!("{MODULES}{block} {{ {body} }}");
    let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{body}: {}", findings[0]));
    trial.run(message.as_bytes()).lines
}

/// The text of a format on an OPTIONS request, after some statements.
fn text(before: &str, format: &str) -> String {
    let options = std::str::from_utf8(OPTIONS).expect("text");
    lines_on(options, &format!("{before} xlog(\"{format}\");")).pop().expect("xlog() writes a line")
}

/// A transformation of a text in `$var(t)`.
fn transformed(input: &str, transformation: &str) -> String {
    text(&format!("$var(t) = '{input}';"), &format!("[$(var(t){{{transformation}}})]"))
}

#[test]
fn transformations_of_texts() {
    let rows = [
        ("abcdef", "s.len", "6"),
        ("12a", "s.int", ""),
        ("-12", "s.int", "-12"),
        ("abC", "s.toupper", "ABC"),
        ("abC", "s.TOLOWER", "abc"),
        ("abc", "s.md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("abcdef", "s.encode.hexa", "616263646566"),
        ("616263", "s.decode.hexa", "abc"),
        ("abcdef", "s.encode.base64", "YWJjZGVm"),
        ("12345", "s.encode.base64", "MTIzNDU="),
        ("12345", "s.encode.base64t", "MTIzNDU"),
        ("MTIzNDU=", "s.decode.base64", "12345"),
        ("*", "s.decode.base64", ""),
        ("abcdef", "s.encode.base58", "qVgfxYy3"),
        ("a1b2+*", "s.numeric", "12"),
        ("abcdef", "s.substr,1,2", "bc"),
        ("abcdef", "s.substr,-3,2", "de"),
        ("abcdef", "s.substr,2,0", "cdef"),
        ("abcdef", "s.substr, 1 , 2 ", "bc"),
        ("abcdef", "s.substr,4,9", "ef"),
        ("abcdef", "s.substr,6,1", ""),
        ("a,b,,d", "s.select,0,,", "a"),
        ("a,b,,d", "s.select,2,,", ""),
        ("a,b,,d", "s.select,-1,,", "d"),
        ("a,b,,d", "s.select,-4,,", "a"),
        ("a,b,,d", "s.select,9,,", ""),
        ("abcdef", "s.strip,2", "cdef"),
        ("abcdef", "s.strip,9", ""),
        ("abcdef", "s.striptail,2", "abcd"),
        ("abcdef", "s.stripto,d", "def"),
        ("abcdef", "s.stripto,x", ""),
        ("a-b-c", "s.before,-", "a"),
        ("a-b-c", "s.after,-", "b-c"),
        ("a-b-c", "s.rbefore,-", "a-b"),
        ("a-b-c", "s.rafter,-", "c"),
        ("abc", "s.before,-", "abc"),
        ("abc", "s.after,-", ""),
        ("abab", "s.replace,ab,x", "xx"),
        ("abab", "s.rm,b", "aa"),
        (" a b ", "s.trim", "a b"),
        (" a b ", "s.rmws", "ab"),
        ("\"a\"", "s.unquote", "a"),
        ("<a>", "s.unbracket", "a"),
        ("abcabc", "s.count,b", "2"),
        ("abc", "s.prefixes", "a,ab,abc"),
        ("abc", "s.prefixes.quoted,2", "'a','ab'"),
        ("a@b c", "s.escape.user", "a%40b%20c"),
        ("a%40b", "s.unescape.user", "a@b"),
        ("a b+:", "s.urlencode.param", "a%20b%2b%3a"),
        ("a\"b", "s.escape.csv", "\"a\"\"b\""),
        ("abcdef", "s.corehash", "1834986995"),
        ("abcdef", "s.corehash,16", "3"),
    ];
    for (input, transformation, expected) in rows {
        assert_eq!(transformed(input, transformation), format!("[{expected}]"), "{input} {transformation}");
    }
}

#[test]
fn transformations_of_uris_lists_and_names() {
    let uri = "sip:u:p@h.ex:5070;transport=tcp;x=1?h=v";
    let rows = [
        (uri, "uri.user", "u"),
        (uri, "uri.passwd", "p"),
        (uri, "uri.host", "h.ex"),
        (uri, "uri.port", "5070"),
        (uri, "uri.params", "transport=tcp;x=1"),
        (uri, "uri.headers", "h=v"),
        (uri, "uri.transport", "tcp"),
        (uri, "uri.param,X", "1"),
        (uri, "uri.param,none", ""),
        (uri, "uri.scheme", "sip"),
        (uri, "uri.tosocket", "tcp:h.ex:5070"),
        (uri, "uri.duri", "sip:h.ex:5070;transport=tcp"),
        (uri, "uri.saor", "sip:u@h.ex"),
        (uri, "uri.suri", "sip:u@h.ex:5070;transport=tcp"),
        ("sip:h", "uri.port", ""),
        ("sip:h;", "uri.host", "h"),
        ("tel:+49", "uri.user", "+49"),
        ("garbage", "uri.host", ""),
        ("a=1;B=\"2\";c", "param.value,b", "2"),
        ("a=1;B=\"2\";c", "param.in,c", "1"),
        ("a=1;B=\"2\";c", "param.in,d", "0"),
        ("a=1;B=\"2\";c", "param.count", "3"),
        ("a=1;B=\"2\";c", "param.name,-1", "c"),
        ("a=1;B=\"2\";c", "param.valueat,0", "1"),
        ("a=1&b=2", "param.value,b,&", "2"),
        ("", "param.count", ""),
        ("\"A B\" <sip:a@b;x>;y", "nameaddr.name", "\"A B\""),
        ("\"A B\" <sip:a@b;x>;y", "nameaddr.uri", "sip:a@b;x"),
        ("\"A B\" <sip:a@b;x>;y", "nameaddr.len", "17"),
        ("sip:a@b;x", "nameaddr.uri", "sip:a@b;x"),
        ("\"A\" <sip:a@b;x>;tag=tt;x=1", "tobody.tag", "tt"),
        ("\"A\" <sip:a@b;x>;tag=tt;x=1", "tobody.params", "tag=tt;x=1"),
        ("\"A\" <sip:a@b;x>;tag=tt;x=1", "tobody.user", "a"),
        ("sip:a@b;tag=t", "tobody.uri", "sip:a@b"),
        ("sip:1.2.3.4:5060;transport=tcp", "urialias.encode", "1.2.3.4~5060~2"),
        ("1.2.3.4~5060~1", "urialias.decode", "sip:1.2.3.4:5060"),
        ("1.2.3.4~5060~2", "urialias.decode", "sip:1.2.3.4:5060;transport=tcp"),
        ("a\nb\nc", "line.count", "3"),
        ("a\nb\nc", "line.at,-1", "c"),
        ("a\nbx\nc", "line.sw,b", "bx"),
    ];
    for (input, transformation, expected) in rows {
        assert_eq!(transformed(input, transformation), format!("[{expected}]"), "{input} {transformation}");
    }
}

#[test]
fn variables_of_the_request_uri() {
    let rows = [
        ("", "$ru $rU $rd $rp $rP $rz $rUl", "sip:bob@example.com bob example.com 5060 UDP sip 3"),
        ("$ru = \"sip:u:p@h:1;transport=tcp\";", "$rU $rd $rp $rP", "u h 1 tcp"),
        ("$ru = \"sip:u@h;transport=tls\";", "$rp", "5061"),
        ("$ru = \"sips:u@h\";", "$rp $rz", "5060 sips"),
        ("$ru = \"tel:+49\";", "$rU $rd $rp $rz", "+49 <null> 5060 tel"),
        ("$ru = \"sip:+49@h;user=phone\";", "$rz", "tel"),
        ("$ru = \"urn:service:sos\";", "$rU $rd", "service sos"),
        ("$ru = \"garbage\";", "$ru $rU $rd $rp $rUl", "<null> <null> <null> <null> <null>"),
        ("$ru = \"sip:u:p@h\"; $rU = $null;", "$ru", "sip:h"),
        ("$ru = \"sip:u:p@h\"; $rU = \"n\";", "$ru", "sip:n:p@h"),
        ("$rd = \"n\"; $rp = 0;", "$ru", "sip:bob@n:0"),
        ("$rp = \"5081\"; $rp = $null;", "$ru", "sip:bob@example.com"),
        ("$ru = \"sip:x@y\";", "$ou $oU $od", "sip:bob@example.com bob example.com"),
        ("", "$du $dd", "<null> <null>"),
        ("$du = \"sip:1.2.3.4:99;transport=tcp\";", "$dd $dp $dP $nh(d)", "1.2.3.4 99 tcp 1.2.3.4"),
        ("$du = \"sip:1.2.3.4\"; $du = \"\";", "$du $nh(u)", "<null> sip:bob@example.com"),
        ("strip(1); prefix(\"00\");", "$ru", "sip:00ob@example.com"),
        ("rewritehostport(\"n:5\"); userphone();", "$ru", "sip:bob@n:5;user=phone"),
        ("seturi(\"$x\"); revert_uri();", "$ru", "sip:bob@example.com"),
    ];
    for (before, format, expected) in rows {
        assert_eq!(text(before, format), expected, "{before} {format}");
    }
}

#[test]
fn variables_of_the_message() {
    let rows = [
        ("$fu $fU $fd $fn $ft", "sip:alice@a.example alice a.example \"Alice\" ft"),
        ("$tu $tU $td $tn $tt", "sip:bob@example.com bob example.com <null> <null>"),
        ("$ci $cs $csb $rm $rmid $rv", "c1 7 7 OPTIONS OPTIONS 512 SIP/2.0"),
        ("$rs $rsi $rr $mt $mts", "<null> 0 <null> 1 rq"),
        ("[$rb] $bs $cl $cT $ct $ua", "[] 0 0 <null> <null> tester"),
        ("$hdr(user-agent) $hdrc(Via) $(hdr(Via)[-1]{s.len}) $hdr(X)", "tester 1 42 <null>"),
        (
            "$si $sp $su $sut $sas",
            "127.0.0.1 5070 sip:127.0.0.1:5070 sip:127.0.0.1:5070;transport=udp udp:127.0.0.1:5070",
        ),
        ("$Ri $Rp $pr $prid $af(name) $af(id)", "127.0.0.1 5060 udp 1 IPv4 2"),
        ("$K(TCP) $version(num) $cfg(route) $Ts $true", "2 5.6.3 DEFAULT_ROUTE 1700000000 1"),
        ("$_s(a-$rU) $conid", "a-bob <null>"),
    ];
    for (format, expected) in rows {
        assert_eq!(text("", format), expected, "{format}");
    }
    let reply = "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
    assert_eq!(lines_on(reply, "xlog(\"$rs $rr $rm $ru $mts\");"), ["404 Not Found INVITE <null> rp"]);
    assert_eq!(lines_on(reply, "if (status == \"404\") xlog(\"yes\");"), ["yes"]);
}

#[test]
fn avps_are_stacks_and_xavps_are_lists_of_elements() {
    let rows = [
        (
            "$avp(a) = 1; $avp(a) = \"two\";",
            "$avp(a) $(avp(a)[1]) $(avp(a)[-1]) $(avp(a)[*]) $cnt($avp(a))",
            "two 1 1 two, 1 2",
        ),
        ("$avp(a) = 1; $avp(a) = 2; $avp(a) = $null;", "$avp(a) $avp(s:a) $avp(i:1)", "1 1 <null>"),
        ("$avp(a) = 1; $avp(a) = 2; $(avp(a)[*]) = 3;", "$(avp(a)[*])", "3"),
        ("$avp(a) = 1; $avp(a) = 2; $(avp(a)[*]) = $null;", "$avp(a)", "<null>"),
        ("$var(n) = \"x\"; $avp(x) = 5;", "$avp($var(n))", "5"),
        ("$xavp(b=>f) = 1; $xavp(b=>g) = 2;", "$xavp(b=>f) $xavp(b[1]=>f) $xavp(b=>g)", "<null> 1 2"),
        ("$xavp(b=>f) = 1; $xavp(b[0]=>g) = 2;", "$xavp(b=>f) $xavp(b=>g) $cnt($xavp(b))", "1 2 1"),
        ("$xavp(b=>f) = 1; $xavp(b[0]=>f) = 2;", "$xavp(b[0]=>f[*]) $xavp(b)", "2, 1 <<xavp:b>>"),
        ("$xavp(b) = 1; $xavp(b) = 2; $xavp(b) = $null;", "$xavp(b)", "1"),
        ("$vn(a) = 1; $vn(a) = $null;", "$vn(a) $var(never)", "<null> 0"),
    ];
    for (before, format, expected) in rows {
        assert_eq!(text(before, format), expected, "{before} {format}");
    }
}

#[test]
fn branches_and_flags() {
    let rows = [
        (
            "append_branch(\"sip:b1@h\", \"0.5\"); append_branch(\"sip:b2@h\");",
            "$ds",
            "Contact: <sip:b1@h>;q=0.5, <sip:b2@h>",
        ),
        ("$br = \"sip:b1@h\";", "$br $bR $branch(count) $(branch(uri)[0])", "sip:b1@h sip:b1@h 1 sip:b1@h"),
        ("", "$branch(count) $br", "<null> <null>"),
        ("append_branch(); clear_branches();", "$bR", "<null>"),
        (
            "append_branch(\"sip:a\"); append_branch(\"sip:b\"); remove_branch(1); remove_branch(-1);",
            "$bR",
            "sip:a",
        ),
        ("setflag(1); setflag(3); resetflag(1);", "$mf $mF $Mf(3)", "8 00000008 1"),
        ("setbflag(6); setsflag(2);", "$bf $sf", "64 4"),
    ];
    for (before, format, expected) in rows {
        assert_eq!(text(before, format), expected, "{before} {format}");
    }
}

#[test]
fn changes_of_from_and_to_show_in_the_sent_message() {
    let rows = [
        ("$fu = \"sip:x@y\"; $fu = \"sip:one@f\";", "From: \"Alice\" <sip:one@f>;tag=ft"),
        ("$fU = \"n\"; $fd = \"d\";", "From: \"Alice\" <sip:n@d>;tag=ft"),
        ("$fn = \"\\\"Bob\\\"\"; $fu = \"sip:z@z\";", "From: \"Bob\" <sip:z@z>;tag=ft"),
        ("$tn = \"\\\"T\\\"\";", "To: \"T\" <sip:bob@example.com>"),
    ];
    for (body, expected) in rows {
        let text = format!("{MODULES}request_route {{ {body} xlog(\"$fU $tn\"); }}");
        let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{body}: {}", findings[0]));
        let outcome = trial.run(OPTIONS);
        assert_eq!(outcome.lines, ["alice <null>"], "{body}");
        let mut out = Vec::new();
        outcome.work.edits.write(outcome.work.view(), &mut out);
        let sent = String::from_utf8_lossy(&out).into_owned();
        assert!(sent.contains(expected), "{body}: {sent}");
    }
}
