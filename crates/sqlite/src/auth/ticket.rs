//! Tickets.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    SqliteConnection, delete, insert_into, sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    auth::{Credential, Ticket, TicketRepository, TokenHash},
};

use crate::{
    SqliteStore,
    error::{broken_row, fault},
    schema::tickets,
    value::{Id, moment, read},
};

/// The number of expired tickets that each new one deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_TICKETS: i64 = 8;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tickets, check_for_backend(Sqlite))]
struct TicketRow {
    hash: Vec<u8>,
    user_id: Id,
    session_id: Option<Id>,
    key_prefix: Option<String>,
    expires_at: i64,
}

impl From<&Ticket> for TicketRow {
    fn from(ticket: &Ticket) -> Self {
        let (session_id, key_prefix) = match ticket.credential {
            Credential::Session(session) => (Some(Id(session.0)), None),
            Credential::ApiKey(prefix) => (None, Some(prefix.to_string())),
        };
        Self {
            hash: ticket.hash.0.to_vec(),
            user_id: Id(ticket.user.0),
            session_id,
            key_prefix,
            expires_at: ticket.expires_at.timestamp_millis(),
        }
    }
}

impl TryFrom<TicketRow> for Ticket {
    type Error = Fault;

    fn try_from(row: TicketRow) -> Result<Self, Fault> {
        let user = UserId(row.user_id.0);
        let broken = |column, why| broken_row("tickets", column, user, why);
        let credential = match (row.session_id, row.key_prefix) {
            (Some(session), None) => Credential::Session(SessionId(session.0)),
            (None, Some(prefix)) => Credential::ApiKey(read("tickets", "key_prefix", user, prefix.parse())?),
            _ => return Err(broken("session_id", "is not the only credential")),
        };
        let hash = row.hash.try_into().map_err(|_| broken("hash", "is not 32 bytes long"))?;
        let expires_at = moment("tickets", "expires_at", user, row.expires_at)?;
        Ok(Self { hash: TokenHash(hash), user, credential, expires_at })
    }
}

#[async_trait]
impl TicketRepository for SqliteStore {
    async fn issue(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Fault> {
        let row = TicketRow::from(ticket);
        self.write(move |connection| {
            sweep(connection, now.timestamp_millis())?;
            insert_into(tickets::table).values(&row).execute(connection).map_err(fault)?;
            Ok(())
        })
        .await
    }

    async fn redeem(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Ticket>, Fault> {
        let hash = hash.0;
        let row: Option<TicketRow> = self
            .write(move |connection| {
                let it = tickets::table.filter(tickets::hash.eq(hash.as_slice()));
                let row = it.select(TicketRow::as_select()).get_result(connection).optional().map_err(fault)?;
                if row.is_some() {
                    delete(it).execute(connection).map_err(fault)?;
                }
                Ok::<_, Fault>(row)
            })
            .await?;
        let ticket = row.map(Ticket::try_from).transpose()?;
        Ok(ticket.filter(|ticket| ticket.expires_at > now))
    }
}

fn sweep(connection: &mut SqliteConnection, now: i64) -> Result<(), Fault> {
    let expired: Vec<Vec<u8>> = tickets::table
        .filter(tickets::expires_at.le(now))
        .select(tickets::hash)
        .limit(MAX_SWEPT_TICKETS)
        .load(connection)
        .map_err(fault)?;
    if !expired.is_empty() {
        delete(tickets::table.filter(tickets::hash.eq_any(expired))).execute(connection).map_err(fault)?;
    }
    Ok(())
}
