//! Tickets.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, delete,
    insert_into, pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    auth::{Credential, Ticket, TicketRepository, TokenHash},
};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::{
    PostgresStore,
    error::{broken_row, fault},
    schema::tickets,
    sweep::sweep,
    value::read,
};

/// The number of expired tickets that each new one deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_TICKETS: i64 = 8;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tickets, check_for_backend(Pg))]
struct TicketRow {
    hash: Vec<u8>,
    user_id: Uuid,
    session_id: Option<Uuid>,
    key_prefix: Option<String>,
    expires_at: Timestamp,
}

impl From<&Ticket> for TicketRow {
    fn from(ticket: &Ticket) -> Self {
        let (session_id, key_prefix) = match ticket.credential {
            Credential::Session(session) => (Some(session.0), None),
            Credential::ApiKey(prefix) => (None, Some(prefix.to_string())),
        };
        Self {
            hash: ticket.hash.0.to_vec(),
            user_id: ticket.user.0,
            session_id,
            key_prefix,
            expires_at: ticket.expires_at,
        }
    }
}

impl TryFrom<TicketRow> for Ticket {
    type Error = Fault;

    fn try_from(row: TicketRow) -> Result<Self, Fault> {
        let user = UserId(row.user_id);
        let broken = |column, why| broken_row("tickets", column, user, why);
        let credential = match (row.session_id, row.key_prefix) {
            (Some(session), None) => Credential::Session(SessionId(session)),
            (None, Some(prefix)) => Credential::ApiKey(read("tickets", "key_prefix", user, prefix.parse())?),
            _ => return Err(broken("session_id", "is not the only credential")),
        };
        let hash = row.hash.try_into().map_err(|_| broken("hash", "is not 32 bytes long"))?;
        Ok(Self { hash: TokenHash(hash), user, credential, expires_at: row.expires_at })
    }
}

#[async_trait]
impl TicketRepository for PostgresStore {
    async fn issue(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Fault> {
        self.write((*ticket, now), |connection, (ticket, now)| issue(connection, ticket, *now).boxed()).await
    }

    async fn redeem(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Ticket>, Fault> {
        let row: Option<TicketRow> = self
            .write(*hash, |connection, hash| {
                let it = delete(tickets::table.filter(tickets::hash.eq(hash.0.to_vec())));
                let it = it.returning(TicketRow::as_select());
                async move { it.get_result(connection).await.optional().map_err(fault) }.boxed()
            })
            .await?;
        let ticket = row.map(Ticket::try_from).transpose()?;
        Ok(ticket.filter(|ticket| ticket.expires_at > now))
    }
}

async fn issue(connection: &mut AsyncPgConnection, ticket: &Ticket, now: Timestamp) -> Result<(), Fault> {
    sweep(connection, "tickets", now, MAX_SWEPT_TICKETS).await?;
    insert_into(tickets::table).values(&TicketRow::from(ticket)).execute(connection).await.map_err(fault)?;
    Ok(())
}
