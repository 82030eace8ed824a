//! The page of `-html` in a browser: everything on it is drawn, nothing is fetched, no script fails.

use std::fs;
use std::process::Command;

use e2e::programs::{self, Missing};
use e2e::side_by_side::{call, called, folder, ours};

/// Answers about every second call with 486.
const MOODY: &str = r#"<?xml version="1.0"?>
<scenario name="moody">
  <recv request="INVITE"/>
  <nop next="busy" chance="0.5"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=b[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:b@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <recv request="BYE"/>
  <send next="end"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="busy"/>
  <send><![CDATA[
SIP/2.0 486 <script>alert(1)</script>
[last_Via:]
[last_From:]
[last_To:];tag=b[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <label id="end"/>
  <timewait milliseconds="1"/>
</scenario>
"#;

#[test]
fn a_browser_draws_the_page() {
    let browser = match programs::locate("chromium") {
        Ok(browser) => browser,
        Err(Missing::Original(what)) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
            return;
        }
        Err(missing) => panic!("{missing:?}"),
    };
    let folder = folder("page", &[("moody.xml", MOODY)]);
    let (_called, port) = called("-sf moody.xml", &folder);
    let exit = call(&ours(), &folder, port, "-sn uac -m 60 -r 20 -d 100 -html page.html");
    assert_eq!(exit, Some(1), "some calls are refused");
    let page = folder.join("page.html");
    let text = fs::read_to_string(&page).expect("it was written");
    // Name spaces of SVG are no addresses to fetch from.
    let text = text.replace("http://www.w3.org/", "");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!text.contains(outside), "{outside}");
    }
    let seen = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("it starts");
    let (dom, log) = (String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
    assert!(!log.contains("CONSOLE"), "{log}");
    for part in ["<svg", "Calls per second", "Response times", "p99", "<h2>Failed calls</h2>", "486"] {
        assert!(dom.contains(part), "no {part:?} in {dom}");
    }
    // What a peer sent is text: the browser made no element of it.
    assert!(dom.contains("&lt;script&gt;alert(1)") && !dom.contains("<script>alert"), "{dom}");
    for drawn in ["class=\"series", "<details>"] {
        let (written, seen) = (text.matches(drawn).count(), dom.matches(drawn).count());
        assert!(seen > 1 && written == seen, "{drawn}: {seen} of {written}");
    }
    fs::remove_dir_all(folder).expect("ours");
}
