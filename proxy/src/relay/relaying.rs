//! What the relay and the functions that drive it note on a message in work.

use sip::msg::{Edits, HeaderName, NameAddr, View};
use sip::txn::Timers;

use super::record_route::RecordRoute;
use super::{Armed, Overrides, RelayError, RelayId, Target};

/// Notes on one message; they go with its copies.
#[derive(Clone, Debug, Default)]
pub struct Relaying {
    /// Its response context, once there is one.
    pub id: Option<RelayId>,
    /// The branch being worked on, in branch, reply and branch failure routes.
    pub branch: Option<u8>,
    /// For a CANCEL: the context of the INVITE it means.
    pub cancels: Option<RelayId>,
    /// Routes armed before there was a context.
    pub armed: Armed,
    /// Timers set before there was a context.
    pub timers: Option<Timers>,
    /// Whether this request gets an automatic 100, when it says otherwise than the settings.
    pub auto_100: Option<bool>,
    /// The Record-Route asked for.
    pub record_route: Option<RecordRoute>,
    /// Parameters for a Record-Route not asked for yet (`add_rr_param()` before `record_route()`).
    pub early_rr_params: Vec<u8>,
    /// Parameters of our topmost Route entry that `loose_route()` consumed, `;` included.
    pub route_params: Option<Box<[u8]>>,
    /// The error a relay failed with; the reply for it goes out when the script ends without one.
    pub error: Option<RelayError>,
    /// The replies to what is relayed end here (`t_replicate()`).
    pub is_replicated: bool,
    /// What replies shall show of a From or To that leaves otherwise.
    pub original: Option<Box<Original>>,
    /// Rules of the transaction to come.
    pub overrides: Overrides,
    /// A final reply was sent without state.
    pub has_replied: bool,
    /// Modules look at this request when it is answered, so it is kept until then.
    pub is_looked_at: bool,
    /// The reply made here that they have seen last.
    pub shown_status: u16,
    /// Nothing could be sent, and the failure route shall run for it.
    pub is_parked: bool,
    /// What failure routes will see, once it is settled.
    pub stored: Option<Box<Stored>>,
    /// Status in a failure route and its branch; what `$T_reply_code` shows.
    pub picked_status: u16,
}

/// The request as its transaction keeps it: later changes of the script are not seen by failure routes.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The request URI and what belongs to it, as of the making of the transaction.
    pub target: Target,
    /// The changes, as of `t_save_lumps()` or the first relay; `None` before.
    pub edits: Option<Edits>,
}

/// From and To as they were received, where they leave otherwise (`uac_replace_from()`): whoever sent the request must
/// find them in replies (RFC 3261 8.2.6.2, 17.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// The value of From.
    pub from: Option<Box<[u8]>>,
    /// The value of To; the tag of the reply stays.
    pub to: Option<Box<[u8]>>,
}

impl Original {
    /// The edits of a reply, and what it must show among them.
    pub fn restored(&self, reply: View<'_>, edits: &Edits) -> Edits {
        let mut edits = edits.clone();
        self.restore(reply, &mut edits);
        edits
    }

    fn restore(&self, reply: View<'_>, edits: &mut Edits) {
        if let (Some(from), Some(value)) = (&self.from, reply.header(HeaderName::From))
            && let Some(place) = reply.locate(value)
        {
            edits.replace(place, from);
        }
        let to = reply.header(HeaderName::To).filter(|_| self.to.is_some());
        let Some((value, place)) = to.and_then(|value| Some((value, reply.locate(value)?))) else { return };
        let mut text = self.to.as_deref().unwrap_or_default().to_vec();
        let has_tag = NameAddr::parse(&text).is_ok_and(|to| to.tag().is_some());
        if let (false, Some(tag)) = (has_tag, NameAddr::parse(value).ok().and_then(|to| to.tag())) {
            text.extend_from_slice(b";tag=");
            text.extend_from_slice(tag);
        }
        edits.replace(place, &text);
    }
}
