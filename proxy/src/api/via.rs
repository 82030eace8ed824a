//! What our Via of a copy says beside the branch, as the script wants it.

use super::avps::Xavp;
use super::ctx::Ctx;
use super::pv::At;
use super::value::Value;
use super::work::Sending;
use crate::relay::SocketId;
use crate::relay::branch::ViaWords;

impl Ctx<'_> {
    /// What our Via of a copy of this message says beside the branch (`set_advertised_address()`,
    /// `via_add_srvid()`, `xavp_via_params` and their kin). `sending`: of the message, or of a branch of it.
    pub fn via_words(&self, socket: SocketId, sending: &Sending) -> ViaWords {
        let mut words = ViaWords::default();
        let mut host = sending.advertised_host.clone();
        let mut port = sending.advertised_port;
        if sending.via_fields
            && let Some(fields) = self.named_xavp("xavp_via_fields")
        {
            host = fields.field(b"address").next().map(Value::to_text).or(host);
            port = fields.field(b"port").next().and_then(|port| u16::try_from(port.to_int()).ok()).or(port);
        }
        if host.is_some() || port.is_some() {
            let host = host.as_deref().map(String::from_utf8_lossy);
            words.sent_by = Some(self.shard.sockets.get(socket).sent_by_as(host.as_deref(), port).into());
        }
        let server = self.catalog.setting_int("server_id", 0);
        if sending.via_server_id && server != 0 {
            words.params.extend_from_slice(format!(";srvid={server}").as_bytes());
        }
        if sending.via_params
            && let Some(Xavp::Fields(fields)) = self.named_xavp("xavp_via_params")
        {
            for (name, value) in fields {
                words.params.push(b';');
                words.params.extend_from_slice(name);
                if value.text_len() > 0 {
                    words.params.push(b'=');
                    value.write_text(&mut words.params);
                }
            }
        }
        words
    }

    /// The first element of the XAVP that a global parameter names.
    fn named_xavp(&self, setting: &str) -> Option<&Xavp> {
        let name = self.catalog.setting(setting)?.to_text();
        self.work.xavps.get(&name, At::None)
    }
}
