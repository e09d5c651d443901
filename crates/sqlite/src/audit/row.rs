//! Rows of audit entries.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use entrepot_domain::{
    ApiKeyId, Fault, SessionId, UserId,
    audit::{AuditEntry, AuditSubject, Change, RecordedOrigin, Who},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::broken_row,
    schema::audit_entries,
    value::{Id, moment, read},
};

const TABLE: &str = "audit_entries";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(super) struct EntryRow {
    id: Id,
    created_at: i64,
    actor_kind: String,
    actor_id: Option<Id>,
    actor_via: Option<Id>,
    address: Option<String>,
    request_id: Option<String>,
    action: String,
    subject_kind: String,
    subject_id: Id,
    changes: String,
    personal: Option<String>,
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

fn to_json(changes: Vec<Change>) -> Result<String, Fault> {
    let keep = |change: Change| ChangeJson {
        field: change.field.as_str().to_owned(),
        before: change.before,
        after: change.after,
    };
    serde_json::to_string(&changes.into_iter().map(keep).collect::<Vec<_>>()).map_err(Fault::unknown)
}

fn from_json(row: Id, column: &'static str, json: &str) -> Result<Vec<Change>, Fault> {
    let changes: Vec<ChangeJson> = serde_json::from_str(json).map_err(|why| broken_row(TABLE, column, row.0, why))?;
    let change = |json: ChangeJson| {
        let field = read(TABLE, column, row.0, json.field.parse())?;
        Ok(Change { field, before: json.before, after: json.after })
    };
    changes.into_iter().map(change).collect()
}

impl TryFrom<&AuditEntry> for EntryRow {
    type Error = Fault;

    fn try_from(entry: &AuditEntry) -> Result<Self, Fault> {
        let (actor_kind, actor_id, actor_via) = match entry.who {
            Who::User { id, session } => ("user", Some(Id(id.0)), session.map(|session| Id(session.0))),
            Who::ApiKey { user, key } => ("api_key", Some(Id(user.0)), Some(Id(key.0))),
            Who::CommandLine => ("command_line", None, None),
            Who::System => ("system", None, None),
            Who::Anonymous => ("nobody", None, None),
        };
        let (changes, personal) = Change::split_personal(&entry.changes, entry.subject);
        Ok(Self {
            id: Id(entry.id),
            created_at: entry.at.timestamp_millis(),
            actor_kind: actor_kind.to_owned(),
            actor_id,
            actor_via,
            address: entry.origin.as_ref().and_then(|origin| origin.address).map(|address| address.to_string()),
            request_id: entry.origin.as_ref().map(|origin| origin.request_id.clone()),
            action: entry.action.as_str().to_owned(),
            subject_kind: entry.subject.kind().to_owned(),
            subject_id: Id(entry.subject.id()),
            changes: to_json(changes)?,
            personal: if personal.is_empty() { None } else { Some(to_json(personal)?) },
        })
    }
}

impl EntryRow {
    fn who(&self) -> Result<Who, Fault> {
        match (self.actor_kind.as_str(), self.actor_id, self.actor_via) {
            ("user", Some(id), session) => {
                Ok(Who::User { id: UserId(id.0), session: session.map(|session| SessionId(session.0)) })
            }
            ("api_key", Some(user), Some(key)) => Ok(Who::ApiKey { user: UserId(user.0), key: ApiKeyId(key.0) }),
            ("command_line", None, None) => Ok(Who::CommandLine),
            ("system", None, None) => Ok(Who::System),
            ("nobody", None, None) => Ok(Who::Anonymous),
            (kind, ..) => Err(broken_row(TABLE, "actor_kind", self.id.0, format!("is {kind}, which is nobody known"))),
        }
    }

    fn origin(&mut self) -> Result<Option<RecordedOrigin>, Fault> {
        let Some(request_id) = self.request_id.take() else { return Ok(None) };
        let address = self.address.take().map(|address| address.parse()).transpose();
        let address = address.map_err(|why| broken_row(TABLE, "address", self.id.0, why))?;
        Ok(Some(RecordedOrigin { address, request_id }))
    }
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = Fault;

    fn try_from(mut row: EntryRow) -> Result<Self, Fault> {
        let (who, origin) = (row.who()?, row.origin()?);
        let subject = AuditSubject::new(&row.subject_kind, row.subject_id.0)
            .ok_or_else(|| broken_row(TABLE, "subject_kind", row.id.0, "is nothing known"))?;
        let all = from_json(row.id, "changes", &row.changes)?;
        let personal = row.personal.as_deref().map(|json| from_json(row.id, "personal", json)).transpose()?;
        Ok(Self {
            id: row.id.0,
            at: moment(TABLE, "created_at", row.id.0, row.created_at)?,
            who,
            origin,
            action: read(TABLE, "action", row.id.0, row.action.parse())?,
            subject,
            changes: Change::merge_personal(all, &personal.unwrap_or_default()),
        })
    }
}
