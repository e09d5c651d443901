//! The routes of the audit log.

use actix_web::{HttpRequest, web::Data};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, Invalid, Sort,
    audit::{AuditAction, AuditFilter, AuditQuery, AuditSort},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};
use uuid::Uuid;

use super::view::EntryView;
use crate::{
    HttpState,
    edge::Authenticated,
    error::ApiResult,
    request::{Day, ListRequest, Moment, Params, moment},
    response::{Listed, listed},
};

/// The name of an action, as the document has it.
struct Action;

impl PartialSchema for Action {
    fn schema() -> RefOr<Schema> {
        let names = AuditAction::ALL.iter().map(|action| action.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Action {}

/// Read the audit log
///
/// For admins; the newest first. Every change of users, roles, passwords, logins, products and stock, and of what has
/// become of orders: who asked for it, from where, and what was before and is after. An entry is written with its change
/// or not at all, and never changed. By `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", operation_id = "listAuditEntries", tag = "admin",
    params(
        ("actor" = Option<Uuid>, Query, description = "What this user did"),
        ("action" = inline(Option<Action>), Query, description = "Where this was done", example = "user.roles_changed"),
        ("subject" = Option<Uuid>, Query, description = "What was done to this user, product or order"),
        ("from" = inline(Option<Moment>), Query, description = "What was done then or later: RFC 3339, or a date", example = "2026-11-01"),
        ("to" = inline(Option<Moment>), Query, description = "What was done then or earlier: RFC 3339, or a date, which is meant whole", example = "2026-11-30"),
        ("sort" = Option<String>, Query, pattern = "^-?createdAt$", description = "`-createdAt` or `createdAt`", example = "-createdAt"),
        ("page" = Option<u64>, Query, minimum = 1, maximum = 4_294_967_295_u32, description = "Which page; not together with `cursor`"),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "How many; 20 unless told"),
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
    let mut params = Params::new(req.query_string());
    let filter = filter(&mut params);
    let default = Sort::by(AuditSort::CreatedAt, Direction::Descending);
    let asked = ListRequest::read(params, "audit", default, &state.settings.cursor_keys)?;
    let query = AuditQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.audit.list(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(EntryView::from).collect(), false)
}

fn filter(params: &mut Params) -> AuditFilter {
    let filter = AuditFilter {
        actor: params.get("actor", str::parse),
        action: params.get("action", str::parse::<AuditAction>),
        subject: params.get("subject", identifier),
        from: params.get("from", |text| moment(text, Day::Start)),
        to: params.get("to", |text| moment(text, Day::End)),
    };
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from > to
    {
        params.refuse("from", "must not be later than to");
    }
    filter
}

/// That of a user, a product or an order.
fn identifier(text: &str) -> Result<Uuid, Invalid> {
    // Identifiers of all kinds are written alike.
    text.parse().map(|entrepot_domain::UserId(id)| id)
}
