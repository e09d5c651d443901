//! Entries as admins see them.

use entrepot_domain::audit::{AuditEntry, Change, Who};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryView<'a> {
    /// The identifier of the entry; later entries have greater ones.
    id: Uuid,
    /// The time of the action.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The actor.
    actor: ActorView,
    /// The `x-request-id` of the request; null for the command line and for the program itself.
    #[schema(example = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55")]
    request_id: Option<&'a str>,
    /// The client's address; null if there is no client, or if the user of the client was erased.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
    /// The action.
    #[schema(example = "user.roles_changed")]
    action: &'static str,
    /// The subject of the action.
    subject: SubjectView,
    /// The changed fields; may be empty.
    changes: Vec<ChangeView<'a>>,
}

/// The actor of an audit entry.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActorView {
    /// `user`, `apiKey`, `commandLine`, `system` for the program itself, or `anonymous` for a sign-up or an invalid
    /// token.
    #[serde(rename = "type")]
    #[schema(example = "user")]
    kind: &'static str,
    /// The user, or the user for whom the API key acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<Uuid>,
    /// The login of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<Uuid>,
    /// The API key of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    api_key_id: Option<Uuid>,
}

impl From<Who> for ActorView {
    fn from(who: Who) -> Self {
        let somebody = |kind| Self { kind, id: None, session_id: None, api_key_id: None };
        match who {
            Who::User { id, session } => {
                Self { id: Some(id.0), session_id: session.map(|session| session.0), ..somebody("user") }
            }
            Who::ApiKey { user, key } => Self { id: Some(user.0), api_key_id: Some(key.0), ..somebody("apiKey") },
            Who::CommandLine => somebody("commandLine"),
            Who::System => somebody("system"),
            Who::Anonymous => somebody("anonymous"),
        }
    }
}

/// The subject of an audit entry.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditSubject)]
pub(crate) struct SubjectView {
    /// `user`, `product`, `order` or `webhook`. The subject of an action on a login is its user.
    #[serde(rename = "type")]
    #[schema(example = "user")]
    kind: &'static str,
    /// The identifier of the subject.
    id: Uuid,
}

/// A changed field.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditChange)]
pub(crate) struct ChangeView<'a> {
    /// The name of the field.
    #[schema(example = "roles")]
    field: &'static str,
    /// The value before the change; null if there was none, or if it was erased with its user.
    #[schema(example = "customer")]
    before: Option<&'a str>,
    /// The value after the change; null if there is none, or if it was erased with its user.
    #[schema(example = "customer, staff")]
    after: Option<&'a str>,
}

impl<'a> From<&'a Change> for ChangeView<'a> {
    fn from(change: &'a Change) -> Self {
        Self { field: change.field.as_str(), before: change.before.as_deref(), after: change.after.as_deref() }
    }
}

impl<'a> From<&'a AuditEntry> for EntryView<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        let origin = entry.origin.as_ref();
        Self {
            id: entry.id,
            created_at: Rfc3339(entry.at),
            actor: entry.who.into(),
            request_id: origin.map(|origin| origin.request_id.as_str()),
            address: origin.and_then(|origin| origin.address).map(|address| address.to_string()),
            action: entry.action.as_str(),
            subject: SubjectView { kind: entry.subject.kind(), id: entry.subject.id() },
            changes: entry.changes.iter().map(ChangeView::from).collect(),
        }
    }
}
