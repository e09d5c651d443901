//! The catalogue.

mod create;
mod import;
mod read;
mod stock;
mod update;

use std::sync::Arc;

pub use create::NewProduct;
use entrepot_domain::{
    Clock, IdGenerator,
    api_key::Scope,
    audit::{Cause, Origin, Who},
    auth::Actor,
    product::ProductRepository,
};
pub use import::ImportRow;

use crate::{Error, permission::require_scope};

/// The ports that [`ProductService`] holds.
pub struct ProductPorts {
    pub products: Arc<dyn ProductRepository>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// The catalogue.
pub struct ProductService {
    ports: ProductPorts,
}

impl ProductService {
    /// Creates a service over these ports.
    pub fn new(ports: ProductPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, who: impl Into<Who>, origin: Option<&Origin>) -> Cause {
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: who.into(), origin: origin.cloned() }
    }
}

fn require_staff(actor: &Actor, scope: Scope) -> Result<(), Error> {
    require_scope(actor, scope)?;
    if actor.is_staff() { Ok(()) } else { Err(Error::Forbidden) }
}
