//! Connections as Relay has them, over the cursors of REST.

use async_graphql::SimpleObject;
use entrepot_api::Seal;
use entrepot_domain::{Invalid, Limit, Sort, SortField, Window};

use crate::{fields::Fields, refusal::Refusal};

/// Where a part of a list ends.
#[derive(Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether more follow.
    pub(crate) has_next_page: bool,
    /// The cursor of the last edge: the `after` of the next part.
    pub(crate) end_cursor: Option<String>,
}

/// What REST signs the cursors of a list with: its parameters as they were sent.
#[derive(Debug, Default)]
pub(crate) struct Signature(String);

impl Signature {
    /// Adds a parameter, if it was sent.
    pub(crate) fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.extend([name, "=", &value, "\n"]);
        }
        self
    }
}

/// The part of a list that is asked for.
pub(crate) struct Part<F: SortField> {
    pub(crate) sort: Sort<F>,
    pub(crate) window: Window,
    pub(crate) seal: Seal,
}

/// The arguments that every list has.
pub(crate) struct PartArguments {
    pub(crate) first: Option<i64>,
    pub(crate) after: Option<String>,
}

impl PartArguments {
    /// How many items are asked for.
    pub(crate) fn limit(&self, fields: &mut Fields) -> Option<Limit> {
        let limit = match self.first {
            None => Ok(Limit::default()),
            Some(first) => {
                u64::try_from(first).map_err(|_| Invalid::new("must be between 1 and 100")).and_then(Limit::new)
            }
        };
        fields.read("first", limit)
    }

    /// The part of the list with this name, which REST has too.
    pub(crate) fn part<F: SortField>(
        &self,
        limit: Limit,
        name: &str,
        sort: Sort<F>,
        signature: &Signature,
        keys: &[[u8; 32]],
    ) -> Result<Part<F>, Refusal> {
        let seal = Seal::new(keys, &[name, &sort.to_string(), &signature.0]);
        let place = match self.after.as_deref().filter(|after| !after.is_empty()) {
            None => None,
            Some(after) => {
                let place = seal.open(after).filter(|place| sort.may_have(place));
                Some(place.ok_or_else(Refusal::invalid_cursor)?)
            }
        };
        Ok(Part { sort, window: Window::After { place, limit }, seal })
    }
}

/// Declares a connection and its edge.
macro_rules! connection {
    ($connection:ident, $edge:ident, $node:ident, $item:ty) => {
        /// A part of a list.
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::connection::PageInfo,
        }

        /// An item of a list, with its place.
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $edge {
            /// The place of the item: `after` it the next part begins.
            cursor: String,
            node: $node,
        }

        impl $connection {
            /// The part that was read.
            pub(crate) fn new<F: entrepot_domain::SortField<Item = $item>>(
                part: &$crate::connection::Part<F>,
                listing: entrepot_domain::Listing<$item>,
            ) -> async_graphql::Result<Self> {
                let more = listing.more;
                let edge = |item: $item| -> async_graphql::Result<$edge> {
                    let cursor = part.seal.close(&part.sort.keyset_of(&item)).map_err($crate::refusal::refused)?;
                    Ok($edge { cursor, node: item.into() })
                };
                let edges: Vec<$edge> = listing.items.into_iter().map(edge).collect::<Result<_, _>>()?;
                let end_cursor = edges.last().map(|edge| edge.cursor.clone());
                Ok(Self { edges, page_info: $crate::connection::PageInfo { has_next_page: more, end_cursor } })
            }
        }
    };
}
pub(crate) use connection;
