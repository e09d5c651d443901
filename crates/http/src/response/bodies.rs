//! A cache of rendered bodies.

use std::{cell::RefCell, collections::HashMap};

use bytes::Bytes;
use entrepot_domain::Version;
use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::error::ApiResult;

/// About how many bytes the cache of a worker holds.
const MAX_SIZE: usize = 1 << 20;

/// About how many bytes an entry takes beside its body.
const ENTRY_OVERHEAD: usize = 100;

/// The bodies that a worker has rendered, by identifier and version of the resource. A version always has the same
/// body, as its strong `ETag` promises. So no entry is ever stale: the caller knows the present version from the store
/// or its cache.
#[derive(Default)]
pub(crate) struct Bodies(RefCell<Entries>);

#[derive(Default)]
struct Entries {
    // A fast hash suffices: identifiers are made by the server, so clients cannot choose ones that collide.
    bodies: HashMap<(Uuid, Version), Bytes, RandomState>,
    size: usize,
}

impl Bodies {
    /// The body of this version; `render` makes it if it is not cached.
    pub(crate) fn of(
        &self,
        id: Uuid,
        version: Version,
        render: impl FnOnce() -> ApiResult<Vec<u8>>,
    ) -> ApiResult<Bytes> {
        let known = self.0.borrow().bodies.get(&(id, version)).cloned();
        if let Some(body) = known {
            return Ok(body);
        }
        let body = Bytes::from(render()?);
        let entries = &mut *self.0.borrow_mut();
        entries.size += body.len() + ENTRY_OVERHEAD;
        if entries.size > MAX_SIZE {
            // Popular bodies are soon back, and those of older versions go away.
            entries.bodies.clear();
            entries.size = body.len() + ENTRY_OVERHEAD;
        }
        entries.bodies.insert((id, version), body.clone());
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;

    const ID: Uuid = Uuid::from_u128(7);

    #[test]
    fn version_is_rendered_once() {
        let bodies = Bodies::default();
        let of = |id, version, text: &str| bodies.of(id, Version(version), || Ok(text.into())).unwrap();
        assert_eq!(of(ID, 1, "a"), "a");
        assert_eq!(of(ID, 1, "not rendered"), "a");
        assert_eq!(of(ID, 2, "b"), "b");
        assert_eq!(of(Uuid::from_u128(8), 1, "c"), "c");
    }

    #[test]
    fn failed_rendering_is_tried_again() {
        let bodies = Bodies::default();
        assert!(bodies.of(ID, Version(1), || Err(ApiError::Internal)).is_err());
        assert_eq!(bodies.of(ID, Version(1), || Ok("a".into())).unwrap(), "a");
    }

    #[test]
    fn cache_stays_within_its_size() {
        let bodies = Bodies::default();
        for version in 0..3_000 {
            bodies.of(ID, Version(version), || Ok(vec![b'x'; 1_000])).unwrap();
            let entries = bodies.0.borrow();
            assert!(entries.size <= MAX_SIZE && entries.bodies.len() * 1_000 <= MAX_SIZE);
        }
    }
}
