//! Changes the status of orders.

use entrepot_domain::{
    OrderId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    order::{Order, OrderAction, Transition, TransitionError},
};

use super::OrderService;
use crate::{Error, permission::require_scope};

impl OrderService {
    /// Applies an action to an order. Its buyer may cancel it; all other actions are for staff. Returns
    /// [`Error::InvalidTransition`] if the status does not allow the action. Cancelling restores the stock, once.
    pub async fn transition(
        &self,
        actor: &Actor,
        id: OrderId,
        action: OrderAction,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Order, Error> {
        may_do(actor, action)?;
        if action == OrderAction::Cancel {
            self.visible(actor, id).await?;
        }
        let transition = Transition { action, actor: Some(actor.user), expected, cause: self.cause(actor, origin) };
        let changed = self.ports.orders.transition(id, &transition).await;
        changed.map(|changed| changed.order).map_err(|error| match error {
            TransitionError::NotFound => Error::NotFound,
            TransitionError::Invalid { from } => Error::InvalidTransition { from, action },
            TransitionError::VersionConflict => Error::PreconditionFailed,
            TransitionError::Fault(fault) => Error::Fault(fault),
        })
    }

    /// The version of an order, for who may do this with it: that takes no right to read orders.
    pub async fn version_for(&self, actor: &Actor, id: OrderId, action: OrderAction) -> Result<Version, Error> {
        may_do(actor, action)?;
        Ok(self.visible(actor, id).await?.version)
    }
}

/// Whether the actor may do this with some order; with which, is another question.
fn may_do(actor: &Actor, action: OrderAction) -> Result<(), Error> {
    require_scope(actor, Scope::OrdersWrite)?;
    if action == OrderAction::Cancel || actor.is_staff() { Ok(()) } else { Err(Error::Forbidden) }
}
