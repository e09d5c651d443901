//! Bodies that were rendered before.

use std::{cell::RefCell, collections::HashMap};

use bytes::Bytes;
use entrepot_domain::Version;
use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::error::ApiResult;

/// About how many bytes a worker keeps.
const ROOM: usize = 1 << 20;

/// What an entry takes beside its bytes, roughly.
const OVERHEAD: usize = 100;

/// The bodies that a worker has rendered, by what they show and in which version. A version of a thing never shows
/// anything else, which is what its strong `ETag` says too. So nothing here is ever stale: whoever looks knows the
/// present version from the store or its cache.
#[derive(Default)]
pub(crate) struct Bodies(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    /// By a hash that is quick: identifiers are made here, so nobody can choose ones that collide.
    bodies: HashMap<(Uuid, Version), Bytes, RandomState>,
    taken: usize,
}

impl Bodies {
    /// The body of this version, by `render` if it was not asked for before.
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
        let kept = &mut *self.0.borrow_mut();
        kept.taken += body.len() + OVERHEAD;
        if kept.taken > ROOM {
            // What is asked for often is soon back, and older versions go this way too.
            kept.bodies.clear();
            kept.taken = body.len() + OVERHEAD;
        }
        kept.bodies.insert((id, version), body.clone());
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;

    const ID: Uuid = Uuid::from_u128(7);

    #[test]
    fn a_version_is_rendered_once() {
        let bodies = Bodies::default();
        let of = |id, version, text: &str| bodies.of(id, Version(version), || Ok(text.into())).unwrap();
        assert_eq!(of(ID, 1, "a"), "a");
        assert_eq!(of(ID, 1, "not asked for"), "a");
        assert_eq!(of(ID, 2, "b"), "b");
        assert_eq!(of(Uuid::from_u128(8), 1, "c"), "c");
    }

    #[test]
    fn what_could_not_be_rendered_is_tried_again() {
        let bodies = Bodies::default();
        assert!(bodies.of(ID, Version(1), || Err(ApiError::Internal)).is_err());
        assert_eq!(bodies.of(ID, Version(1), || Ok("a".into())).unwrap(), "a");
    }

    #[test]
    fn they_do_not_grow_beyond_their_room() {
        let bodies = Bodies::default();
        for version in 0..3_000 {
            bodies.of(ID, Version(version), || Ok(vec![b'x'; 1_000])).unwrap();
            let kept = bodies.0.borrow();
            assert!(kept.taken <= ROOM && kept.bodies.len() * 1_000 <= ROOM);
        }
    }
}
