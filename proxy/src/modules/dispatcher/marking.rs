//! `ds_mark_dst()`, and the event routes of a change of state.

use super::reading;
use super::records;
use super::state::{Change, State};
use crate::api::{Args, Ctx, Flow, Nested, RouteKind, RouteTable};

/// `ds_mark_dst([letters])`: inactive without letters. The event route runs on the message at hand.
pub(super) fn ds_mark_dst(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let letters = args.text(ctx, 0);
    let wanted = if letters.is_empty() { Some(State::INACTIVE) } else { State::parse(&letters) };
    let rules = reading::rules(ctx.shard);
    let (Some(wanted), Some(record)) = (wanted, records::current(ctx.work, &rules)) else {
        return Flow::FALSE;
    };
    let change = {
        let table = reading::table(ctx);
        let Some(mut set) = table.set(record.set) else { return Flow::FALSE };
        let Some(place) = set.find(&record.uri) else { return Flow::FALSE };
        set.ask(place, wanted, rules.thresholds)
    };
    let route = event(change).and_then(|name| ctx.routes.find(RouteTable::Event, name));
    match route {
        None => Flow::TRUE,
        Some(route) => Flow::Call(Nested {
            route,
            kind: RouteKind::Event,
            work: None,
            then: |_, _, _| Flow::TRUE,
            kept: Box::new(()),
        }),
    }
}

/// The event route of a change of state.
pub(super) fn event(change: Change) -> Option<&'static str> {
    match change {
        Change::Same => None,
        Change::Down => Some("dispatcher:dst-down"),
        Change::Up => Some("dispatcher:dst-up"),
    }
}
