//! The requests a client transaction makes itself, from the bytes of the INVITE it sent: ACK to a final reply
//! other than 2xx (RFC 3261 17.1.1.3) and CANCEL (RFC 3261 9.1). Rare enough to index the INVITE again.

use bytes::Bytes;

use crate::msg::{Additions, Index, View, write_ack, write_cancel};

/// The ACK to `response`, with the INVITE's fields whose names begin with `copied`; `None` when one of the two
/// lacks a mandatory field.
pub(super) fn ack(invite: &[u8], response: View<'_>, copied: &[u8]) -> Option<Bytes> {
    let index = Index::parse(invite).ok()?;
    let mut out = Vec::with_capacity(TYPICAL);
    let added = Additions { copied, lines: b"" };
    write_ack(View { bytes: invite, index: &index }, response, added, &mut out).ok()?;
    Some(out.into())
}

/// The CANCEL of `invite` and its branch, with what is added; `None` when the INVITE lacks a mandatory field.
pub(super) fn cancel(invite: &[u8], added: Additions<'_>) -> Option<(Bytes, Bytes)> {
    let index = Index::parse(invite).ok()?;
    let invite = View { bytes: invite, index: &index };
    let branch = Bytes::copy_from_slice(invite.via_top().ok()?.branch()?);
    let mut out = Vec::with_capacity(TYPICAL + added.lines.len());
    write_cancel(invite, added, &mut out).ok()?;
    Some((out.into(), branch))
}

/// Bytes enough for most ACKs and CANCELs.
const TYPICAL: usize = 400;
