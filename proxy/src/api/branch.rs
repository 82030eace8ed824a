//! The attributes of a branch as scripts see them: `$branch(...)` of module zero and `$sbranch(...)` of module pv.

use sip::msg::Uri;
use sip::peer::ConnId;

use super::ctx::Ctx;
use super::pv::SetError;
use super::value::Value;
use crate::relay::Target;

/// What may stand in the parentheses; `count` and `location_ua` are not of a branch.
pub const BRANCH_ATTRIBUTES: &[&str] = &[
    "uri",
    "dst_uri",
    "path",
    "Q",
    "q",
    "send_socket",
    "flags",
    "count",
    "ruid",
    "location_ua",
    "otcpid",
    "instance",
];

impl Ctx<'_> {
    /// An attribute of a branch; q is in thousandths, 0 when it has none.
    pub fn branch_attribute(&self, target: &Target, name: &str) -> Value {
        let text = |text: &Option<Box<[u8]>>| text.as_deref().map_or(Value::Null, Value::copied);
        match name {
            "uri" => text(&target.uri),
            "dst_uri" => text(&target.dst_uri),
            "path" => text(&target.path),
            "ruid" => text(&target.ruid),
            "instance" => text(&target.instance),
            "Q" | "q" => Value::Int(i64::from(target.q.unwrap_or(0))),
            "flags" => Value::Int(i64::from(target.flags)),
            "otcpid" => Value::Int(i64::from(target.conn.0)),
            "send_socket" => target.socket.map_or(Value::Null, |id| {
                let socket = self.shard.sockets.get(id);
                Value::Str(format!("{}:{}", socket.transport.param_name(), socket.addr).into())
            }),
            _ => Value::Null,
        }
    }

    /// Sets an attribute of a branch; null clears it. Errors: `Type` for a text where a number belongs and the
    /// other way round, `Value` for what is no URI and no socket of ours, `ReadOnly` for the rest.
    pub fn set_branch_attribute(
        &self,
        target: &mut Target,
        name: &str,
        value: &Value,
    ) -> Result<(), SetError> {
        let is_number = matches!(name, "Q" | "q" | "flags" | "otcpid");
        if !value.is_null() && is_number != value.is_int() {
            return Err(SetError::Type);
        }
        let text = || -> Option<Box<[u8]>> { (!value.is_null()).then(|| value.to_text().as_ref().into()) };
        match name {
            "uri" => {
                Uri::parse(&value.to_text()).map_err(|_| SetError::Value)?;
                target.uri = text();
            }
            "dst_uri" => target.dst_uri = text(),
            "path" => target.path = text(),
            "ruid" => target.ruid = text(),
            "instance" => target.instance = text(),
            "Q" | "q" => target.q = u16::try_from(value.to_int()).ok().filter(|q| (1..=1000).contains(q)),
            "flags" => target.flags = value.to_int() as u32,
            "otcpid" => target.conn = ConnId(u32::try_from(value.to_int()).unwrap_or(0)),
            "send_socket" if value.is_null() => target.socket = None,
            "send_socket" => target.socket = Some(self.find_socket(&value.to_display())?),
            _ => return Err(SetError::ReadOnly),
        }
        Ok(())
    }
}
