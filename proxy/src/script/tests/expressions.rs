//! Operators, conversions and comparisons.

use super::{lines, run};

/// The variables of the table: i=5, n=-3, z=0, s=abc, d=12, x=12abc, e empty, u undefined, big.
fn value(expression: &str) -> String {
    let mut text = String::new();
    for token in expression.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = token.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let rest = &token[name.len()..];
        match name {
            "i" | "n" | "z" | "s" | "d" | "x" | "e" | "big" => text.push_str(&format!("$var({name}){rest}")),
            "u" => text.push_str(&format!("$avp(u){rest}")),
            _ => text.push_str(token),
        }
    }
    value_of(&text)
}

fn value_of(expression: &str) -> String {
    let outcome = run(&format!(
        "request_route {{
            $var(i) = 5; $var(n) = -3; $var(z) = 0; $var(s) = \"abc\"; $var(d) = \"12\"; $var(x) = \"12abc\";
            $var(e) = \"\"; $var(big) = 9223372036854775807; $var(bad) = \"a(\";
            $var(r) = \"failed\"; $var(r) = {expression}; xlog(\"$var(r)\");
        }}
        route[R7] {{ return 7; }}
        route[neg] {{ return -7; }}"
    ));
    outcome.lines.last().expect("xlog() writes a line").clone()
}

#[test]
fn addition_follows_the_left_operand() {
    let rows = [
        ("i+\"3\"", "8"),
        ("\"3\"+i", "35"),
        ("d+1", "121"),
        ("d-1", "11"),
        ("x-1", "-1"),
        ("e-1", "-1"),
        ("u-1", "-1"),
        ("u+\"a\"", "a"),
        ("1+u", "1"),
        ("u+u", ""),
        ("1+2+s", "3"),
        ("s+1+2", "abc12"),
        ("s+i*2", "abc10"),
        ("i+s", "5"),
        ("\"a\" + 1", "a1"),
        ("\"3\" + 4", "34"),
        ("\"y\" + 1 + 2", "y12"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value(expression), expected, "{expression}");
    }
    assert_eq!(value_of("$null+1"), "1");
    assert_eq!(value_of("$rp + 1"), "50601");
    assert_eq!(value_of("(int)$rp + 1"), "5061");
    assert_eq!(value_of("$cs + 1"), "71");
    assert_eq!(value_of("$sp + 1"), "5071");
}

#[test]
fn operators_with_one_operand() {
    let rows = [
        ("-s", "0"),
        ("-u", "0"),
        ("--5", "5"),
        ("~0", "-1"),
        ("~i", "-6"),
        ("!0", "1"),
        ("!-1", "0"),
        ("!s", "1"),
        ("!d", "0"),
        ("!u", "1"),
        ("!e", "1"),
        ("1 - -1", "2"),
        ("!1 + 1", "1"),
        ("-i+1", "-4"),
        ("2 * -3", "-6"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn arithmetic_is_64_bits_and_zero_does_not_divide() {
    let rows = [
        ("7/2", "3"),
        ("-7/2", "-3"),
        ("-7 mod 3", "-1"),
        ("7 mod -3", "1"),
        ("i/z", "failed"),
        ("i mod z", "failed"),
        ("big+1", "-9223372036854775808"),
        ("1<<31", "2147483648"),
        ("1<<64", "1"),
        ("-8>>1", "-4"),
        ("-1>>31", "-1"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn precedence_is_not_that_of_c() {
    let rows = [
        ("6&3", "2"),
        ("6|3", "7"),
        ("6^3", "5"),
        ("4 & 4 == 4", "0"),
        ("1 | 2 ^ 3 & 5", "1"),
        ("1 ^ 3 & 1", "0"),
        ("6 & 3 ^ 1", "2"),
        ("1 << 2 + 1", "8"),
        ("16 >> 1 << 2", "32"),
        ("1 << 4 >> 2", "2"),
        ("10-3-2", "5"),
        ("100/10/5", "2"),
        ("3 > 2 > 1", "0"),
        ("1 == 2 < 3", "1"),
        ("1 || 0 && 0", "1"),
        ("-1 && 1", "1"),
        ("-1 || 0", "1"),
        ("!i == 5", "0"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn comparisons_follow_the_left_operand() {
    let rows = [
        ("s == \"ABC\"", "0"),
        ("s eq \"abc\"", "1"),
        ("d == 12", "1"),
        ("12 == d", "1"),
        ("d ieq 12", "1"),
        ("x ieq 12", "0"),
        ("i == \"05\"", "1"),
        ("z == \"\"", "0"),
        ("e == \"\"", "1"),
        ("u == 0", "1"),
        ("u == \"\"", "1"),
        ("u == u", "1"),
        ("u == \"a\"", "0"),
        ("u != 0", "0"),
        ("u > -1", "1"),
        ("0 == u", "1"),
        ("\"\" == u", "1"),
        ("u eq \"\"", "1"),
        ("u ieq 0", "1"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn comparing_with_null_asks_for_definedness() {
    let rows = [
        ("$var(e) == $null", "0"),
        ("$var(z) == $null", "0"),
        ("$null == $null", "1"),
        ("$avp(u) == $null", "1"),
        ("$avp(u) != $null", "0"),
        ("$rU != $null", "1"),
        ("$null + 1", "1"),
        ("defined $avp(u)", "0"),
        ("defined $var(e)", "1"),
        ("defined $var(never)", "1"),
        ("defined \"a\"", "1"),
        ("defined $avp(u) == 0", "1"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value_of(expression), expected, "{expression}");
    }
}

#[test]
fn patterns_ignore_case_and_bad_ones_fail() {
    let rows = [
        ("$var(s) =~ \"B\"", "1"),
        ("$var(s) =~ \"\"", "1"),
        ("$avp(u) =~ \"^$\"", "1"),
        ("$var(i) =~ \"5\"", "1"),
        ("$var(s) =~ $var(bad)", "failed"),
        ("!($var(s) =~ $var(bad))", "failed"),
        ("$var(s) =~ $var(d)", "0"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value_of(expression), expected, "{expression}");
    }
}

#[test]
fn functions_of_the_language_and_casts() {
    let rows = [
        ("strlen($var(i))", "1"),
        ("strlen($avp(u))", "0"),
        ("strempty($var(z))", "0"),
        ("strempty($avp(u))", "1"),
        ("selval(-1,\"a\",\"b\")", "b"),
        ("selval($var(s),1,2)", "2"),
        ("(int)$var(x)", "0"),
        ("(int)$var(d)+1", "13"),
        ("(str)$var(i)+1", "51"),
        ("(str)$avp(u)", ""),
        ("010+1", "9"),
        ("0x10+1", "17"),
        ("11b+1", "4"),
        ("yes+1", "2"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value_of(expression), expected, "{expression}");
    }
}

#[test]
fn a_call_is_one_or_zero_unless_it_is_all() {
    let rows = [
        ("is_method(\"INVITE\")", "-1"),
        ("is_method(\"INVITE\") + 1", "1"),
        ("is_method(\"INVITE\") == -1", "0"),
        ("route(R7)", "7"),
        ("route(R7) + 2", "3"),
        ("route(R7) == 7", "0"),
        ("!route(neg)", "1"),
        ("route(neg) < 0", "0"),
        ("{ return 5; }", "5"),
        ("($var(a) = 3) + 1", "2"),
    ];
    for (expression, expected) in rows {
        assert_eq!(value_of(expression), expected, "{expression}");
    }
}

#[test]
fn truth_in_if_is_above_zero() {
    let rows = [
        ("-1", "no"),
        ("$var(n)", "no"),
        ("\"yes\" + \"\"", "no"),
        ("1/$var(zero)", "no"),
        ("!(1/$var(zero))", "no"),
        ("$rm == \"options\"", "no"),
        ("method == \"options\"", "yes"),
        ("method == OPTIONS", "yes"),
        ("uri == \"SIP:bob@EXAMPLE.com\"", "yes"),
        ("from_uri =~ \"ALICE@\"", "yes"),
        ("src_ip == 127.0.0.0/8", "yes"),
        ("src_ip != 127.0.0.1", "no"),
        ("src_ip == \"127.0.0.0/255.0.0.0\"", "yes"),
        ("src_ip =~ \"^127\"", "yes"),
        ("src_port > 5000 + 10", "yes"),
        ("dst_port == 5060", "yes"),
        ("proto == UDP", "yes"),
        ("proto == TCP", "no"),
        ("af == INET", "yes"),
        ("msg:len > 100", "yes"),
        ("src_ip == myself", "yes"),
        ("uri == myself", "no"),
        ("uri != myself", "yes"),
    ];
    for (cond, expected) in rows {
        let body = format!("$var(n) = -1; $var(zero) = 0; if ({cond}) xlog(\"yes\"); else xlog(\"no\");");
        assert_eq!(lines(&body).last().expect("a line"), expected, "{cond}");
    }
}
