//! The texts of automatic messages, in the line order SIPp 3.6.1 and 3.7 send them (measured).

/// One row: the id of DefaultMessage and the text it replaces.
pub struct AutomaticDef {
    /// Value of `id`.
    pub id: &'static str,
    /// The text, with keywords.
    pub text: &'static str,
}

const ACK: &str = "
ACK [last_Request_URI] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: [last_cseq_number] ACK
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Subject: Performance Test
Content-Length: 0
";

/// All automatic messages.
pub const TABLE: &[AutomaticDef] = &[
    AutomaticDef { id: "ack", text: ACK },
    // Taken, and never sent: SIPp 3.6.1 sends the other one in all cases (measured).
    AutomaticDef { id: "ack2", text: ACK },
    AutomaticDef {
        id: "bye",
        text: "
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: [last_cseq_number+1] BYE
Max-Forwards: 70
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0
",
    },
    AutomaticDef {
        id: "cancel",
        text: "
CANCEL [last_Request_URI] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
CSeq: [last_cseq_number] CANCEL
Max-Forwards: 70
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0
",
    },
    AutomaticDef {
        id: "200",
        text: "
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
Call-ID: [call_id]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0
",
    },
    AutomaticDef {
        id: "3pcc_abort",
        text: "
call-id: [call_id]
internal-cmd: abort_call
",
    },
];
