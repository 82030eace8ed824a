//! Keywords for numbers and identifiers of the call and the run.

use sip::ident::MAGIC_COOKIE;

use super::super::{KeywordDef, KeywordForm, Scope};
use super::write_decimal;

pub(in crate::lang) const CALL_ID: KeywordDef = KeywordDef {
    name: "call_id",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| out.extend_from_slice(&scope.call.id)),
    doc: "The Call-ID of the call.",
};

pub(in crate::lang) const CALL_NUMBER: KeywordDef = KeywordDef {
    name: "call_number",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| write_decimal(scope.call.number.0 as i64, out)),
    doc: "The number of the call, from 1.",
};

pub(in crate::lang) const CSEQ: KeywordDef = KeywordDef {
    name: "cseq",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| write_decimal(i64::from(scope.call.cseq) + offset, out)),
    doc: "The CSeq number: one more for each request sent, except ACK and CANCEL.",
};

pub(in crate::lang) const BRANCH: KeywordDef = KeywordDef {
    name: "branch",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(branch),
    doc: "A branch made of process id, call number and message index; the offset counts messages.",
};

fn branch(scope: &mut Scope<'_>, offset: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC_COOKIE.as_bytes());
    out.push(b'-');
    write_decimal(scope.settings.pid, out);
    out.push(b'-');
    write_decimal(scope.call.number.0 as i64, out);
    out.push(b'-');
    write_decimal(i64::from(scope.index) + offset, out);
}

pub(in crate::lang) const MSG_INDEX: KeywordDef = KeywordDef {
    name: "msg_index",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| write_decimal(scope.index, out)),
    doc: "The index of the message.",
};

pub(in crate::lang) const PID: KeywordDef = KeywordDef {
    name: "pid",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_decimal(settings.pid, out)),
    doc: "The process id.",
};

pub(in crate::lang) const USERS: KeywordDef = KeywordDef {
    name: "users",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_decimal(settings.users.map_or(-1, i64::from), out)),
    doc: "The number of -users; -1 without.",
};

pub(in crate::lang) const USERID: KeywordDef = KeywordDef {
    name: "userid",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| write_decimal(scope.call.user.0, out)),
    doc: "The user of the call, from 1; 0 without.",
};

pub(in crate::lang) const TDMMAP: KeywordDef = KeywordDef {
    name: "tdmmap",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| match (&scope.settings.circuits, scope.call.circuit) {
        (Some(table), Some(circuit)) => out.extend_from_slice(table.name(circuit).as_bytes()),
        _ => scope.fail("[tdmmap] needs the option -tdmmap, and a call that the program opens"),
    }),
    doc: "The call's circuit of -tdmmap.",
};

pub(in crate::lang) const DYNAMIC_ID: KeywordDef = KeywordDef {
    name: "dynamic_id",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| {
        let id = scope.world.next_dynamic_id(scope.settings.dynamic_ids);
        write_decimal(id, out);
    }),
    doc: "The next number of -dynamicStart, -dynamicMax and -dynamicStep.",
};

pub(in crate::lang) const SIPP_VERSION: KeywordDef = KeywordDef {
    name: "sipp_version",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.extend_from_slice(settings.version.as_bytes())),
    doc: "The version of the program.",
};
