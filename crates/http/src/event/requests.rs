//! What clients ask of the log and of feeds.

use entrepot_application::event::{FeedFilter, FeedStart, LogQuery};
use entrepot_domain::{
    Invalid, Limit, OrderId,
    event::{EventId, EventKind, EventKinds},
};
use garde::Validate;
use serde::{Deserialize, de::SeqAccess};
use utoipa::IntoParams;

use crate::request::{Field, FromJson, Mistakes, Parsed, Request, items};

/// Types of events: separated by commas, or a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Types(EventKinds);

impl FromJson for Types {
    const EXPECTED: &'static str = "a list";

    fn from_text(text: &str) -> Parsed<Self> {
        let kinds: Result<EventKinds, Invalid> = text.split(',').map(|name| name.trim().parse::<EventKind>()).collect();
        Ok(Self(kinds?))
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        let kinds = items::<EventKind, A>(list, EventKind::ALL.len())?;
        Ok(kinds.map(|kinds| Self(kinds.into_iter().collect())))
    }
}

impl FromJson for EventKind {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        Ok(text.parse()?)
    }
}

/// A part of the log.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogRequest {
    /// The id of an event: those after it; from the oldest on unless told
    #[garde(dive)]
    #[param(value_type = Option<String>, example = "000000000000000100000-5bd1e995")]
    after: Field<Option<EventId>>,
    /// Events of these types alone, separated by commas
    #[garde(dive)]
    #[param(value_type = Option<String>, example = "order.created")]
    r#type: Field<Option<Types>>,
    /// How many; 20 unless told
    #[garde(dive)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Field<Option<Limit>>,
}

impl TryFrom<LogRequest> for LogQuery {
    type Error = Mistakes;

    fn try_from(request: LogRequest) -> Parsed<Self> {
        Ok(Self {
            after: request.after.value()?,
            kinds: request.r#type.value()?.map_or(EventKinds::ALL, |Types(kinds)| kinds),
            limit: request.limit.value()?.unwrap_or_default(),
        })
    }
}

/// What a feed shows, and where it begins.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedRequest {
    /// Events of these types alone, separated by commas
    #[garde(dive)]
    #[param(value_type = Option<String>, example = "order.created,order.status_changed")]
    types: Field<Option<Types>>,
    /// Events of this order alone, and of the stock that it took or gave back
    #[garde(dive)]
    #[param(value_type = Option<Uuid>)]
    order_id: Field<Option<OrderId>>,
    /// The last id that you have: the feed begins with what comes after it. It counts more than the header
    /// `Last-Event-ID`
    #[garde(dive)]
    #[param(value_type = Option<String>)]
    last_event_id: Field<Option<String>>,
    /// A ticket of `POST /api/v1/auth/ticket`, in place of a header
    #[garde(dive)]
    #[param(value_type = Option<String>)]
    ticket: Field<Option<String>>,
}

impl FeedRequest {
    /// What it shows, and the last identifier that the client has.
    pub(super) fn into_parts(self) -> Parsed<(FeedFilter, Option<String>)> {
        self.ticket.value()?;
        Ok((filter(self.types, self.order_id)?, self.last_event_id.value()?))
    }
}

fn filter(types: Field<Option<Types>>, order: Field<Option<OrderId>>) -> Parsed<FeedFilter> {
    let kinds = types.value()?.map_or(EventKinds::ALL, |Types(kinds)| kinds);
    Ok(FeedFilter { kinds, order: order.value()? })
}

/// The one message that clients of a WebSocket send.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscribeMessage {
    #[garde(dive)]
    r#type: Field<SubscribeType>,
    #[garde(dive)]
    last_event_id: Field<Option<String>>,
    #[garde(dive)]
    types: Field<Option<Types>>,
    #[garde(dive)]
    order_id: Field<Option<OrderId>>,
}

impl Request for SubscribeMessage {}

impl SubscribeMessage {
    /// What to follow, and from where on.
    pub(super) fn into_parts(self) -> Parsed<(FeedFilter, FeedStart)> {
        let SubscribeType = self.r#type.value()?;
        let last = self.last_event_id.value()?.unwrap_or_default();
        Ok((filter(self.types, self.order_id)?, FeedStart::parse(&last)))
    }
}

/// `subscribe`.
#[derive(Debug)]
struct SubscribeType;

impl FromJson for SubscribeType {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        if text == "subscribe" { Ok(Self) } else { Err(Invalid::new("must be subscribe").into()) }
    }
}
