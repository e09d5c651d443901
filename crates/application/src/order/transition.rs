//! The life of an order.

use entrepot_domain::{
    OrderId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    order::{Order, OrderAction, Transition, TransitionError},
};

use super::OrderService;
use crate::{Error, proof::must_have};

impl OrderService {
    /// Does something with an order. Its buyer may cancel it; all else is for staff. [`Error::InvalidTransition`] if
    /// its status does not allow it; a cancelled order gives its stock back once.
    pub async fn transition(
        &self,
        actor: &Actor,
        id: OrderId,
        action: OrderAction,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Order, Error> {
        must_have(actor, Scope::OrdersWrite)?;
        if action == OrderAction::Cancel {
            self.visible(actor, id).await?;
        } else if !actor.is_staff() {
            return Err(Error::Forbidden);
        }
        let transition = Transition { action, actor: actor.user, expected, cause: self.cause(actor, origin) };
        let changed = self.ports.orders.transition(id, &transition).await;
        changed.map(|changed| changed.order).map_err(|error| match error {
            TransitionError::NotFound => Error::NotFound,
            TransitionError::Invalid { from } => Error::InvalidTransition { from, action },
            TransitionError::VersionConflict => Error::PreconditionFailed,
            TransitionError::Fault(fault) => Error::Fault(fault),
        })
    }
}
