//! What clients ask of a feed.

use async_graphql::ID;
use entrepot_application::{
    Error,
    event::{FeedFilter, FeedStart},
};
use entrepot_domain::event::{EventKind, EventKinds};

use crate::fields::Fields;

/// Which events are followed, and from where on.
pub(super) struct FeedList {
    pub(super) types: Option<Vec<String>>,
    pub(super) order: Option<ID>,
    pub(super) last: Option<String>,
}

impl FeedList {
    pub(super) fn read(self) -> Result<(FeedFilter, FeedStart), Error> {
        let mut fields = Fields::default();
        let kinds = self.types.map(|types| kinds(&types, &mut fields));
        let order = fields.optional("orderId", self.order, |order| order.parse());
        fields.check()?;
        let filter = FeedFilter { kinds: kinds.unwrap_or(EventKinds::ALL), order };
        Ok((filter, FeedStart::parse(&self.last.unwrap_or_default())))
    }
}

fn kinds(types: &[String], fields: &mut Fields) -> EventKinds {
    let known = types
        .iter()
        .enumerate()
        .filter_map(|(place, name)| fields.read(format!("types[{place}]"), name.parse::<EventKind>()));
    known.collect()
}
