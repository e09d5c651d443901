//! Rows of audit entries.

use diesel::{Insertable, Queryable, Selectable, pg::Pg};
use entrepot_domain::{
    ApiKeyId, Fault, SessionId, Timestamp, UserId,
    audit::{AuditEntry, AuditSubject, Change, RecordedOrigin, Who},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{error::broken_row, schema::audit_entries, value::read};

const TABLE: &str = "audit_entries";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, check_for_backend(Pg))]
pub(super) struct EntryRow {
    id: Uuid,
    created_at: Timestamp,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_via: Option<Uuid>,
    address: Option<String>,
    request_id: Option<String>,
    action: String,
    subject_kind: String,
    subject_id: Uuid,
    changes: Value,
    personal: Option<Value>,
}

/// A change as JSON.
#[derive(Serialize, Deserialize)]
struct ChangeJson {
    field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

fn to_json(changes: Vec<Change>) -> Result<Value, Fault> {
    let keep = |change: Change| ChangeJson {
        field: change.field.as_str().to_owned(),
        before: change.before,
        after: change.after,
    };
    serde_json::to_value(changes.into_iter().map(keep).collect::<Vec<_>>()).map_err(Fault::unknown)
}

fn from_json(row: Uuid, column: &'static str, json: Value) -> Result<Vec<Change>, Fault> {
    let changes: Vec<ChangeJson> = serde_json::from_value(json).map_err(|why| broken_row(TABLE, column, row, why))?;
    let change = |json: ChangeJson| {
        let field = read(TABLE, column, row, json.field.parse())?;
        Ok(Change { field, before: json.before, after: json.after })
    };
    changes.into_iter().map(change).collect()
}

impl TryFrom<&AuditEntry> for EntryRow {
    type Error = Fault;

    fn try_from(entry: &AuditEntry) -> Result<Self, Fault> {
        let (actor_kind, actor_id, actor_via) = match entry.who {
            Who::User { id, session } => ("user", Some(id.0), session.map(|session| session.0)),
            Who::ApiKey { user, key } => ("api_key", Some(user.0), Some(key.0)),
            Who::CommandLine => ("command_line", None, None),
            Who::System => ("system", None, None),
            Who::Anonymous => ("nobody", None, None),
        };
        let (changes, personal) = Change::split_personal(&entry.changes, entry.subject);
        Ok(Self {
            id: entry.id,
            created_at: entry.at,
            actor_kind: actor_kind.to_owned(),
            actor_id,
            actor_via,
            address: entry.origin.as_ref().and_then(|origin| origin.address).map(|address| address.to_string()),
            request_id: entry.origin.as_ref().map(|origin| origin.request_id.clone()),
            action: entry.action.as_str().to_owned(),
            subject_kind: entry.subject.kind().to_owned(),
            subject_id: entry.subject.id(),
            changes: to_json(changes)?,
            personal: if personal.is_empty() { None } else { Some(to_json(personal)?) },
        })
    }
}

impl EntryRow {
    fn who(&self) -> Result<Who, Fault> {
        match (self.actor_kind.as_str(), self.actor_id, self.actor_via) {
            ("user", Some(id), session) => Ok(Who::User { id: UserId(id), session: session.map(SessionId) }),
            ("api_key", Some(user), Some(key)) => Ok(Who::ApiKey { user: UserId(user), key: ApiKeyId(key) }),
            ("command_line", None, None) => Ok(Who::CommandLine),
            ("system", None, None) => Ok(Who::System),
            ("nobody", None, None) => Ok(Who::Anonymous),
            (kind, ..) => Err(broken_row(TABLE, "actor_kind", self.id, format!("is {kind}, which is nobody known"))),
        }
    }

    fn origin(&mut self) -> Result<Option<RecordedOrigin>, Fault> {
        let Some(request_id) = self.request_id.take() else { return Ok(None) };
        let address = self.address.take().map(|address| address.parse()).transpose();
        let address = address.map_err(|why| broken_row(TABLE, "address", self.id, why))?;
        Ok(Some(RecordedOrigin { address, request_id }))
    }
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = Fault;

    fn try_from(mut row: EntryRow) -> Result<Self, Fault> {
        let (who, origin) = (row.who()?, row.origin()?);
        let subject = AuditSubject::new(&row.subject_kind, row.subject_id)
            .ok_or_else(|| broken_row(TABLE, "subject_kind", row.id, "is nothing known"))?;
        let all = from_json(row.id, "changes", row.changes)?;
        let personal = row.personal.map(|json| from_json(row.id, "personal", json)).transpose()?;
        Ok(Self {
            id: row.id,
            at: row.created_at,
            who,
            origin,
            action: read(TABLE, "action", row.id, row.action.parse())?,
            subject,
            changes: Change::merge_personal(all, &personal.unwrap_or_default()),
        })
    }
}
