//! Which part of which list is wanted.

use entrepot_domain::{Limit, PageNumber, Sort, SortField, Window};

use super::{Params, params::natural};
use crate::{error::ApiResult, response::Seal};

/// The `page`, `limit`, `cursor` and `sort` of a list.
pub(crate) struct ListRequest<F: SortField> {
    /// In what order.
    pub(crate) sort: Sort<F>,
    /// Which part.
    pub(crate) window: Window,
    /// Signs the cursors of this list, with these filters and this sort.
    pub(crate) seal: Seal,
}

impl<F: SortField> ListRequest<F> {
    /// Reads them, once all filters were read from `params`: a cursor belongs to a list with its filters. `name` tells
    /// the list from others, and whose it is. All that is wrong with the query is told at once.
    pub(crate) fn read(mut params: Params, name: &str, default: Sort<F>, keys: &[[u8; 32]]) -> ApiResult<Self> {
        let sort = params.get("sort", Sort::parse).unwrap_or(default);
        let seal = Seal::new(keys, &[name, &sort.to_string(), params.signature()]);
        let limit = params.get("limit", |text| natural(text).and_then(Limit::new)).unwrap_or_default();
        let page = params.get("page", |text| natural(text).and_then(PageNumber::new));
        let cursor = params.raw("cursor");
        if cursor.is_some() && page.is_some() {
            params.refuse("cursor", "cannot be used together with page");
        }
        params.finish()?;
        let window = match cursor {
            None => Window::Page { page: page.unwrap_or_default(), limit },
            Some(cursor) if cursor.is_empty() => Window::After { place: None, limit },
            Some(cursor) => Window::After { place: Some(seal.open(&cursor)?), limit },
        };
        Ok(Self { sort, window, seal })
    }
}
