//! Which part of which list is wanted.

use entrepot_api::Seal;
use entrepot_domain::{Limit, PageNumber, Sort, SortField, Window};
use garde::Validate;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use super::{Field, Params, Parsed};
use crate::error::{ApiError, ApiResult};

/// The parameters of a list that are its own: a struct of [`Field`]s with filters and a sort.
pub(crate) trait ListQuery: DeserializeOwned + Validate<Context = ()> {
    /// What the list can be sorted by.
    type SortField: SortField;

    /// What the list can be filtered by.
    type Filter;

    /// The values of its fields, after they were validated.
    fn into_parts(self) -> Parsed<ListParts<Self::Filter, Self::SortField>>;
}

/// A filter, and a sort if one was asked for.
pub(crate) type ListParts<T, F> = (T, Option<Sort<F>>);

/// The part of a list that is wanted.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartQuery {
    /// How many; 20 unless told
    #[garde(dive)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Field<Option<Limit>>,
    /// Which page; not together with `cursor`
    #[garde(dive)]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32)]
    page: Field<Option<PageNumber>>,
}

/// A list as it was asked for.
pub(crate) struct ListRequest<F: SortField> {
    /// In what order.
    pub(crate) sort: Sort<F>,
    /// Which part.
    pub(crate) window: Window,
    /// Signs the cursors of this list, with these filters and this sort.
    pub(crate) seal: Seal,
}

impl<F: SortField> ListRequest<F> {
    /// Reads a query string. `name` tells the list from others, and whose it is: a cursor belongs to one list with its
    /// filters and its sort. All that is wrong with the query is reported at once.
    pub(crate) fn read<Q: ListQuery<SortField = F>>(
        query: &str,
        name: &str,
        default: Sort<F>,
        keys: &[[u8; 32]],
    ) -> ApiResult<(Q::Filter, Self)> {
        let mut params = Params::new(query);
        let own: Q = params.read()?;
        let signature = params.signature().to_owned();
        let part: PartQuery = params.read()?;
        let cursor = params.raw("cursor");
        if cursor.is_some() && part.page.get().is_some_and(Option::is_some) {
            params.refuse("cursor", "cannot be used together with page");
        }
        params.finish()?;
        let (filter, sort) = own.into_parts()?;
        let sort = sort.unwrap_or(default);
        let seal = Seal::new(keys, &[name, &sort.to_string(), &signature]);
        let limit = part.limit.value()?.unwrap_or_default();
        let window = match cursor {
            None => Window::Page { page: part.page.value()?.unwrap_or_default(), limit },
            Some(cursor) if cursor.is_empty() => Window::After { place: None, limit },
            Some(cursor) => {
                let place = seal.open(&cursor).ok_or(ApiError::InvalidCursor)?;
                if !sort.may_have(&place) {
                    return Err(ApiError::InvalidCursor);
                }
                Window::After { place: Some(place), limit }
            }
        };
        Ok((filter, Self { sort, window, seal }))
    }
}
