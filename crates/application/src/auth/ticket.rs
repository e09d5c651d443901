//! Tickets, which open a live feed where no header can be set.

use std::{sync::Arc, time::Duration};

use entrepot_domain::{
    Clock,
    api_key::{Randomness, Scope},
    auth::{Actor, Credential, Ticket, TicketRepository, TicketSecret},
    saturating_add,
};

use super::AccessChecker;
use crate::{Error, permission::require_scope};

/// How long a ticket is good.
const TICKET_TTL: Duration = Duration::from_secs(30);

/// The ports that [`TicketService`] holds.
pub struct TicketPorts {
    pub tickets: Arc<dyn TicketRepository>,
    /// Tells what the credential of a ticket is good for when it is redeemed.
    pub access: Arc<AccessChecker>,
    /// Generates the secrets.
    pub random: Arc<dyn Randomness>,
    pub clock: Arc<dyn Clock>,
}

/// Tickets, which open a live feed where no header can be set.
pub struct TicketService {
    ports: TicketPorts,
}

/// A ticket with its secret, which is shown once.
#[derive(Debug)]
pub struct IssuedTicket {
    pub secret: TicketSecret,
    /// How long it is good.
    pub expires_in: Duration,
}

impl TicketService {
    /// Creates a service over these ports.
    pub fn new(ports: TicketPorts) -> Self {
        Self { ports }
    }

    /// Issues a ticket for the actor's session or API key, which needs the scope `events:read`.
    pub async fn issue(&self, actor: &Actor, credential: Credential) -> Result<IssuedTicket, Error> {
        require_scope(actor, Scope::EventsRead)?;
        let now = self.ports.clock.now();
        let secret = TicketSecret::from_random(self.ports.random.bytes()?);
        let expires_at = saturating_add(now, TICKET_TTL);
        let ticket = Ticket { hash: secret.hash(), user: actor.user, credential, expires_at };
        self.ports.tickets.issue(&ticket, now).await?;
        Ok(IssuedTicket { secret, expires_in: TICKET_TTL })
    }

    /// Redeems a ticket, once, and returns its actor with their present roles. [`Error::InvalidToken`] for one that was
    /// used, has expired or never was, and if its session or key has ended.
    pub async fn redeem(&self, ticket: &str) -> Result<(Actor, Credential), Error> {
        let secret = TicketSecret::parse(ticket).map_err(|_| Error::InvalidToken)?;
        let redeemed = self.ports.tickets.redeem(&secret.hash(), self.ports.clock.now()).await?;
        let ticket = redeemed.ok_or(Error::InvalidToken)?;
        let actor = self.ports.access.actor(ticket.user, ticket.credential).await?;
        Ok((actor, ticket.credential))
    }
}
