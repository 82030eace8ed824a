//! Requests to one side of a dialog made here: BYE, REFER, and OPTIONS to keep it alive (RFC 3261 12.2.1.1).

use std::time::Duration;

use super::context::Direction;
use super::life;
use super::params::rules;
use super::table::{DialogId, Dialogs, Options, State};
use crate::api::{DoneFn, Kept, LocalRequest, Outcome, Shard};

/// Sends BYE to the side a request of this direction goes to.
pub(super) fn send_bye(shard: &mut Shard, id: DialogId, towards: Direction) {
    if let Some(request) = within(shard, id, ("BYE", towards, b"")) {
        shard.send_request(request.then(bye_answered as DoneFn, id));
    }
}

/// The dialog ends with the outcome of a BYE, whatever it is.
fn bye_answered(shard: &mut Shard, _: Outcome, kept: Kept) {
    if let Ok(id) = kept.downcast::<DialogId>() {
        life::finish(shard, *id);
    }
}

/// Sends REFER to one side.
pub(super) fn refer(shard: &mut Shard, id: DialogId, (towards, address): (Direction, &[u8])) -> bool {
    let by = rules(shard).controller.clone();
    let lines = [b"Refer-To: ", address, b"\r\nReferred-By: ", &by, b"\r\n"].concat();
    let request = within(shard, id, ("REFER", towards, &lines));
    let is_made = request.is_some();
    request.into_iter().for_each(|request| shard.send_request(request));
    is_made
}

/// Sends OPTIONS to the sides that are kept alive, and will again.
pub(super) fn keep_alive(shard: &mut Shard, id: DialogId) {
    let (rules, now) = (rules(shard), shard.now);
    let Some(dialog) = shard.states.get::<Dialogs>().get(id) else { return };
    if dialog.state != State::Confirmed {
        return;
    }
    let sides = [(Options::KEEP_CALLER, Direction::Upstream), (Options::KEEP_CALLEE, Direction::Downstream)];
    let options = dialog.options;
    for (_, towards) in sides.into_iter().filter(|(option, _)| options.has(*option)) {
        if let Some(request) = within(shard, id, ("OPTIONS", towards, b"")) {
            // The number is one that was used: it must not stand in the way of the parties' own requests.
            let cseq = request.cseq.saturating_sub(1);
            shard.send_request(LocalRequest { cseq, ..request }.then(kept_alive as DoneFn, id));
        }
    }
    shard.states.get::<Dialogs>().keep_alive_at(id, now + Duration::from_secs(rules.keep_alive));
}

fn kept_alive(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let Ok(id) = kept.downcast::<DialogId>() else { return };
    let limit = rules(shard).failed_limit;
    let Some(dialog) = shard.states.get::<Dialogs>().get_mut(*id) else { return };
    if !matches!(outcome.status, 408 | 481) {
        dialog.failed_pings = 0;
        return;
    }
    dialog.failed_pings = dialog.failed_pings.saturating_add(1);
    if dialog.failed_pings >= limit {
        life::set_time(shard, *id, life::SHORT_LIFE);
    }
}

/// A request within a dialog. `None`: the side it is for is not known.
fn within(
    shard: &mut Shard,
    id: DialogId,
    (method, towards, lines): (&'static str, Direction, &[u8]),
) -> Option<LocalRequest> {
    let rules = rules(shard);
    let dialog = shard.states.get::<Dialogs>().get_mut(id)?;
    let (to_uri, from_uri) = match towards {
        Direction::Downstream => (&dialog.to_uri, &dialog.from_uri),
        Direction::Upstream => (&dialog.from_uri, &dialog.to_uri),
    };
    let (to_leg, from_leg) = match towards {
        Direction::Downstream => (&dialog.callee, &dialog.caller),
        Direction::Upstream => (&dialog.caller, &dialog.callee),
    };
    if to_leg.contact.is_empty() {
        return None;
    }
    let address = |uri: &[u8], tag: &[u8]| [b"<", uri, b">;tag=", tag].concat();
    let mut headers = b"Max-Forwards: 70\r\n".to_vec();
    if !to_leg.routes.is_empty() {
        headers.extend_from_slice(&[b"Route: ", &to_leg.routes[..], b"\r\n"].concat());
    }
    headers.extend_from_slice(lines);
    headers.extend_from_slice(&rules.extra_headers);
    if towards == Direction::Downstream {
        headers.extend_from_slice(&rules.callee_headers);
    }
    let mut request = LocalRequest::new(method, to_leg.contact.to_vec());
    request.to = address(to_uri, &to_leg.tag).into();
    request.from = address(from_uri, &from_leg.tag).into();
    request.call_id = dialog.call_id.to_vec().into();
    request.cseq = from_leg.cseq.saturating_add(1);
    request.socket = to_leg.socket;
    request.max_forwards = None;
    request.headers = headers.into();
    Some(request)
}
