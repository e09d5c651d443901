//! The routes that move an order along: one handler for every action.

use actix_web::{Handler, web::Data};
use entrepot_domain::{OrderId, order::OrderAction};
use utoipa::{
    Modify,
    openapi::{
        OpenApi,
        path::{HttpMethod, PathItem},
    },
};

use super::views::OrderView;
use crate::{
    API, HttpState,
    edge::{Caller, Granted, outlive},
    error::ApiResult,
    request::{PathId, Preconditions, RequestBody},
    response::{Success, changed},
};

/// Each action with its summary and its description.
pub(super) const TRANSITIONS: [(OrderAction, &str, &str); 5] = [
    (
        OrderAction::Cancel,
        "Cancel an order",
        "For its buyer and for staff. `pending` or `paid` becomes `cancelled`, and the stock is given back, once.",
    ),
    (OrderAction::Pay, "Mark an order as paid", "For staff. `pending` becomes `paid`."),
    (OrderAction::Ship, "Mark an order as shipped", "For staff. `paid` becomes `shipped`."),
    (OrderAction::Deliver, "Mark an order as delivered", "For staff. `shipped` becomes `delivered`."),
    (
        OrderAction::Refund,
        "Mark an order as refunded",
        "For staff. `paid` or `delivered` becomes `refunded`. The stock stays as it is: goods that come back are counted \
         by hand.",
    ),
];

/// The path under which the handler is declared.
const TEMPLATE_PATH: &str = "/api/v1/orders/{id}/{action}";

type Arguments = (Data<HttpState>, Granted, Caller, PathId<OrderId>, Preconditions, RequestBody);

/// The handler of an action.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/{action}", tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    responses(
        (status = 200, description = "The order as it is now", body = Success<OrderView<'static>>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`invalid_transition`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["orders:write"])),
)]
pub(super) fn transition(action: OrderAction) -> impl Handler<Arguments, Output = ApiResult> {
    move |state: Data<HttpState>,
          Granted(actor): Granted,
          Caller { origin, .. }: Caller,
          PathId(id): PathId<OrderId>,
          conditions: Preconditions,
          body: RequestBody| async move {
        body.expect_empty()?;
        let current = async { state.app.orders.version_for(&actor, id, action).await };
        let expected = conditions.expected(current).await?;
        let moved = async move { state.app.orders.transition(&actor, id, action, expected, &origin).await };
        let order = outlive(moved).await??;
        changed(order.version, OrderView::from(&order))
    }
}

/// Documents one operation for each action in place of the one that the handler declares.
pub(super) struct Transitions;

impl Modify for Transitions {
    fn modify(&self, document: &mut OpenApi) {
        let template = document.paths.paths.remove(TEMPLATE_PATH).and_then(|item| item.post);
        let Some(template) = template else { return };
        for (action, summary, description) in TRANSITIONS {
            let name = action.as_str();
            let mut operation = template.clone();
            operation.operation_id = Some(format!("{name}Order"));
            operation.summary = Some(summary.to_owned());
            operation.description = Some(description.to_owned());
            if action == OrderAction::Cancel {
                // Customers may do this.
                operation.responses.responses.remove("403");
            }
            let item = PathItem::new(HttpMethod::Post, operation);
            document.paths.paths.insert(format!("{API}/orders/{{id}}/{name}"), item);
        }
    }
}
