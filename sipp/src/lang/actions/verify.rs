//! `verifyauth`: checks the credentials of a received request (RFC 3261 22.4, RFC 7616, RFC 8760).

use sip::digest::{Credentials, Ha1};
use sip::msg::{HeaderName, Index, StartLine, View};

use super::super::{Action, ActionDef, Effect, Flow, Scope, Subject, Template};
use crate::state::{Value, VarSlot};

pub(in crate::lang) const VERIFYAUTH: ActionDef = ActionDef {
    name: "verifyauth",
    attributes: &["assign_to", "username", "password"],
    parse: |attributes| {
        Ok(Box::new(VerifyAuth {
            to: attributes.required_var("assign_to")?,
            username: attributes.required_template("username")?,
            password: attributes.required_template("password")?,
        }))
    },
    doc: "Assigns whether the Authorization header proves the knowledge of a password.",
};

#[derive(Debug)]
struct VerifyAuth {
    to: VarSlot,
    username: Template,
    password: Template,
}

impl Action for VerifyAuth {
    fn run(&self, scope: &mut Scope<'_>, subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let (username, password) = (self.username.to_vec(scope), self.password.to_vec(scope));
        let proven = is_proven(subject.text.unwrap_or_default(), &username, &password);
        scope.set_var(self.to, Value::Bool(proven == Some(true)));
        Flow::Continue
    }
}

/// `None` when there is nothing to verify. The nonce and the user name sent are not looked at, as in SIPp.
fn is_proven(message: &[u8], username: &[u8], password: &[u8]) -> Option<bool> {
    let index = Index::parse(message).ok()?;
    let view = View { bytes: message, index: &index };
    let StartLine::Request { method_text, .. } = index.start else { return None };
    let auth = view.auths(HeaderName::Authorization).next()?.ok()?;
    let credentials = Credentials::parse(&auth).ok()?;
    let ha1 = Ha1::compute(credentials.algorithm, username, &credentials.realm, password);
    Some(credentials.verify(&ha1, method_text.of(message), view.body()))
}
