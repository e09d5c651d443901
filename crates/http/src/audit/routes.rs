//! The routes of the audit log.

use super::{requests::AuditListQuery, view::EntryView};
use crate::{
    HttpState,
    edge::Authenticated,
    error::ApiResult,
    request::{ListRequest, PartQuery},
    response::{Listed, listed},
};
use actix_web::{HttpRequest, web::Data};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, Sort,
    audit::{AuditQuery, AuditSort},
};

/// Read the audit log
///
/// For admins; the newest first. Every change of users, roles, passwords, logins, products and stock, and of what has
/// become of orders: who asked for it, from where, and what was before and is after. An entry is written with its change
/// or not at all, and never changed. By `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", operation_id = "listAuditEntries", tag = "admin",
    params(
        AuditListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the log", body = Listed<EntryView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`: for admins"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    if !actor.is_admin() {
        return Err(Error::Forbidden.into());
    }
    let default = Sort::by(AuditSort::CreatedAt, Direction::Descending);
    let keys = &state.settings.cursor_keys;
    let (filter, asked) = ListRequest::read::<AuditListQuery>(req.query_string(), "audit", default, keys)?;
    let query = AuditQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.audit.list(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(EntryView::from).collect(), false)
}
