//! Paging through lists.

use crate::{Fault, Invalid, Keyset};

/// Up to here a total is exact. One that a store gives above it may be an estimate, where counting would take long.
pub const EXACT_TOTAL: i64 = 10_000;

/// The page size: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limit(u8);

impl Limit {
    /// The maximum.
    pub const MAX: u8 = 100;

    /// Checks the range.
    pub fn new(limit: u64) -> Result<Self, Invalid> {
        match u8::try_from(limit) {
            Ok(limit @ 1..=Self::MAX) => Ok(Self(limit)),
            _ => Err(Invalid::new("must be between 1 and 100")),
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Limit {
    /// 20, as the contract says.
    fn default() -> Self {
        Self(20)
    }
}

/// A page number, starting at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber(u32);

impl PageNumber {
    /// Checks that it is at least 1.
    pub fn new(page: u64) -> Result<Self, Invalid> {
        match u32::try_from(page) {
            Ok(page) if page > 0 => Ok(Self(page)),
            _ => Err(Invalid::new("must be between 1 and 4294967295")),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageNumber {
    fn default() -> Self {
        Self(1)
    }
}

/// The requested part of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// A numbered page, with the total count. Its cost grows with the page number.
    Page { page: PageNumber, limit: Limit },
    /// The same without the total count, for a caller that knows it.
    UncountedPage { page: PageNumber, limit: Limit },
    /// The items after a place in the order, without a total count. Its cost does not depend on the place.
    After {
        /// The place of the last item of the previous part; `None` starts at the first item.
        place: Option<Keyset>,
        limit: Limit,
    },
}

impl Window {
    /// The maximum number of items.
    pub const fn limit(&self) -> Limit {
        match self {
            Self::Page { limit, .. } | Self::UncountedPage { limit, .. } | Self::After { limit, .. } => *limit,
        }
    }

    /// The number of rows that a store reads, one more than it returns, and the number of rows that it skips.
    pub fn rows(&self) -> (i64, i64) {
        (i64::from(self.limit().get()) + 1, i64::try_from(self.offset()).unwrap_or(i64::MAX))
    }

    /// The number of items before the part; zero except for numbered pages.
    pub fn offset(&self) -> u64 {
        match self {
            Self::Page { page, limit } | Self::UncountedPage { page, limit } => {
                u64::from(page.get() - 1) * u64::from(limit.get())
            }
            Self::After { .. } => 0,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// The total count; only for [`Window::Page`], and no older than the request. Above [`EXACT_TOTAL`] it may be an
    /// estimate. Of a search, of an empty page, and from a cache, it may be of another snapshot than `items`.
    pub total: Option<u64>,
    /// Whether more items follow.
    pub more: bool,
}

impl<T> Listing<T> {
    /// Creates a listing from rows, of which one more than the limit was requested: it shows whether more follow.
    pub fn from_rows(mut rows: Vec<T>, limit: Limit, total: Option<u64>) -> Self {
        let limit = usize::from(limit.get());
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { items: rows, total, more }
    }

    /// Creates a listing from rows of a store that have to be converted, with its count.
    pub fn try_from_rows<R>(rows: Vec<R>, window: &Window, total: Option<i64>) -> Result<Self, Fault>
    where
        T: TryFrom<R, Error = Fault>,
    {
        let items: Vec<T> = rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?;
        let total = total.map(u64::try_from).transpose().map_err(Fault::unknown)?;
        Ok(Self::from_rows(items, window.limit(), total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_pages_have_ranges() {
        assert!(Limit::new(0).is_err());
        assert!(Limit::new(101).is_err());
        assert_eq!(Limit::new(100).unwrap().get(), 100);
        assert!(PageNumber::new(0).is_err());
        assert!(PageNumber::new(u64::MAX).is_err());
    }

    #[test]
    fn offset_of_the_last_page_does_not_overflow() {
        let page = PageNumber::new(u64::from(u32::MAX)).unwrap();
        let window = Window::Page { page, limit: Limit::new(100).unwrap() };
        assert_eq!(window.offset(), (u64::from(u32::MAX) - 1) * 100);
        assert_eq!(window.rows(), (101, (i64::from(u32::MAX) - 1) * 100));
    }

    #[test]
    fn additional_row_means_that_more_follow() {
        let limit = Limit::new(2).unwrap();
        assert!(Listing::from_rows(vec![1, 2, 3], limit, None).more);
        assert!(!Listing::from_rows(vec![1, 2], limit, None).more);
        assert_eq!(Listing::from_rows(vec![1, 2, 3], limit, None).items, [1, 2]);
    }
}
