//! A request for every route that writes.

use anyhow::{Context, Result};
use entrepot_tests::{Client, PASSWORD, mail::nth_mail};
use reqwest::Method;
use serde_json::{Value, json};

use super::World;
use crate::suite::second_factor::{App, protect};

/// One route.
pub(super) struct Case {
    /// Its method and path in the OpenAPI document.
    pub(super) route: &'static str,
    /// The status of the same request when it has been done before.
    pub(super) again: u16,
    made: Made,
}

/// What is created before the request, and the path of the request.
#[derive(Clone, Copy)]
enum Made {
    Admin(fn(&World) -> String, fn(&World) -> Value),
    Ada(fn(&World) -> String, fn(&World) -> Value),
    /// A transition of an order, after these.
    Step(&'static str, &'static [&'static str]),
    Order,
    ArchivedProduct,
    ApiKey,
    Delivery,
    OtherSession,
    Totp(&'static str),
    /// A token that a mail of this kind has, and what is sent with it.
    Mailed(&'static str, &'static str, fn(String) -> Value),
}

/// A request that can be sent again.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) by_admin: bool,
    pub(super) keyed: bool,
    body: Value,
    /// The app whose code is put into the body when it is sent: a code is valid for a minute.
    app: Option<App>,
}

impl Request {
    pub(super) fn body(&self) -> Option<Value> {
        match &self.app {
            Some(app) => Some(json!({"code": app.code(0)})),
            None => (!self.body.is_null()).then(|| self.body.clone()),
        }
    }
}

fn user(world: &World) -> String {
    format!("/users/{}", world.ada.id())
}

fn product(world: &World) -> String {
    format!("/products/{}", world.product)
}

fn job(world: &World) -> String {
    format!("/admin/jobs/{}", world.job)
}

fn webhook(world: &World) -> String {
    format!("/webhooks/{}", world.webhook)
}

fn token(world: &World) -> Value {
    json!({"refreshToken": world.ada.refresh_token()})
}

fn nothing(_: &World) -> Value {
    Value::Null
}

/// In the order of the document.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = cases_of_accounts();
    cases.extend(cases_of_the_shop());
    cases.extend(cases_of_webhooks());
    cases
}

fn case(route: &'static str, again: u16, made: Made) -> Case {
    Case { route, again, made }
}

fn cases_of_accounts() -> Vec<Case> {
    use Made::{Ada, Admin, ApiKey, Mailed, OtherSession, Totp};
    vec![
        case("POST /admin/jobs/{id}/cancel", 409, Admin(|world| job(world) + "/cancel", nothing)),
        case("POST /admin/jobs/{id}/retry", 202, Admin(|world| job(world) + "/retry", nothing)),
        case(
            "POST /auth/api-keys",
            201,
            Ada(|_| "/auth/api-keys".into(), |_| json!({"name": "a", "scopes": ["orders:read"]})),
        ),
        case("DELETE /auth/api-keys/{id}", 404, ApiKey),
        case("POST /auth/email/resend", 202, Ada(|_| "/auth/email/resend".into(), nothing)),
        case(
            "POST /auth/email/verify",
            400,
            Mailed("email_verification", "/auth/email/verify", |token| json!({"token": token})),
        ),
        case(
            "POST /auth/login",
            200,
            Ada(|_| "/auth/login".into(), |world| json!({"email": world.ada.email(), "password": PASSWORD})),
        ),
        case("POST /auth/logout", 204, Ada(|_| "/auth/logout".into(), token)),
        case(
            "POST /auth/password/forgot",
            202,
            Ada(|_| "/auth/password/forgot".into(), |world| json!({"email": world.ada.email()})),
        ),
        case(
            "POST /auth/password/reset",
            400,
            Mailed(
                "password_reset",
                "/auth/password/reset",
                |token| json!({"token": token, "password": "another one"}),
            ),
        ),
        case("POST /auth/refresh", 401, Ada(|_| "/auth/refresh".into(), token)),
        case("DELETE /auth/sessions", 401, Ada(|_| "/auth/sessions".into(), nothing)),
        case("DELETE /auth/sessions/{id}", 404, OtherSession),
        case("POST /auth/ticket", 200, Ada(|_| "/auth/ticket".into(), nothing)),
        case("POST /auth/totp", 200, Ada(|_| "/auth/totp".into(), |_| json!({"currentPassword": PASSWORD}))),
        case("DELETE /auth/totp", 404, Totp("remove")),
        case("POST /auth/totp/confirm", 409, Totp("confirm")),
        case("POST /auth/totp/recovery-codes", 400, Totp("renew")),
    ]
}

fn cases_of_the_shop() -> Vec<Case> {
    use Made::{Ada, Admin, ArchivedProduct, Order, Step, Totp};
    vec![
        case("POST /orders", 201, Order),
        case("POST /orders/{id}/cancel", 409, Step("cancel", &[])),
        case("POST /orders/{id}/pay", 409, Step("pay", &[])),
        case("POST /orders/{id}/ship", 409, Step("ship", &["pay"])),
        case("POST /orders/{id}/deliver", 409, Step("deliver", &["pay", "ship"])),
        case("POST /orders/{id}/refund", 409, Step("refund", &["pay"])),
        case(
            "POST /products",
            409,
            Admin(
                |_| "/products".into(),
                |world| json!({"sku": format!("{}-CUP", world.name), "name": "Cup", "price": {"amount": 1}, "stock": 1}),
            ),
        ),
        case("DELETE /products/{id}", 404, Admin(product, nothing)),
        case("PATCH /products/{id}", 200, Admin(product, |_| json!({"name": "Other"}))),
        case("POST /products/{id}/restore", 200, ArchivedProduct),
        case(
            "POST /products/{id}/stock",
            200,
            Admin(|world| product(world) + "/stock", |_| json!({"delta": 5, "reason": "delivery"})),
        ),
        case(
            "POST /users",
            409,
            Ada(
                |_| "/users".into(),
                |world| json!({"name": "Bob", "email": format!("{}-bob@example.com", world.name), "password": PASSWORD}),
            ),
        ),
        case("DELETE /users/{id}", 404, Admin(user, nothing)),
        case("PATCH /users/{id}", 200, Admin(user, |_| json!({"password": "another one", "name": "Countess"}))),
        case("PUT /users/{id}/roles", 200, Admin(|world| user(world) + "/roles", |_| json!({"roles": ["staff"]}))),
        case("DELETE /users/{id}/totp", 404, Totp("help")),
    ]
}

fn cases_of_webhooks() -> Vec<Case> {
    use Made::{Admin, Delivery};
    let body =
        |world: &World| json!({"url": "http://127.0.0.1:9/", "types": ["product.archived"], "description": world.name});
    vec![
        case("POST /webhooks", 201, Admin(|_| "/webhooks".into(), body)),
        case("DELETE /webhooks/{id}", 404, Admin(webhook, nothing)),
        case("PATCH /webhooks/{id}", 200, Admin(webhook, |_| json!({"types": ["user.deleted"]}))),
        case("POST /webhooks/{id}/deliveries/{deliveryId}/retry", 202, Delivery),
        case("POST /webhooks/{id}/secret", 200, Admin(|world| webhook(world) + "/secret", nothing)),
        case("POST /webhooks/{id}/test", 202, Admin(|world| webhook(world) + "/test", nothing)),
    ]
}

impl Case {
    /// Creates what the request needs, and the request.
    pub(super) async fn prepare(&self, world: &World, admin: &Client) -> Result<Request> {
        let method = self.route.split(' ').next().unwrap_or_default().parse()?;
        let request = |path: String, body| Request { method, path, body, by_admin: false, keyed: false, app: None };
        let ada = &world.ada;
        Ok(match self.made {
            Made::Ada(path, body) => request(path(world), body(world)),
            Made::Admin(path, body) => Request { by_admin: true, ..request(path(world), body(world)) },
            Made::Step(step, behind) => {
                for step in behind {
                    admin.call(&format!("/orders/{}/{step}", world.order)).await?.expect(200);
                }
                let path = format!("/orders/{}/{step}", world.order);
                Request { by_admin: true, ..request(path, Value::Null) }
            }
            Made::Order => {
                let body = json!({"items": [{"productId": world.product, "quantity": 2}]});
                Request { keyed: true, ..request("/orders".into(), body) }
            }
            Made::ArchivedProduct => {
                admin.delete(&product(world)).await?.expect(204);
                Request { by_admin: true, ..request(product(world) + "/restore", Value::Null) }
            }
            Made::ApiKey => {
                let key = json!({"name": "till", "scopes": ["orders:read"]});
                let key = ada.post("/auth/api-keys", key).await?.expect(201).id();
                request(format!("/auth/api-keys/{key}"), Value::Null)
            }
            Made::Delivery => {
                let path = webhook(world);
                let delivery = admin.call(&format!("{path}/test")).await?.expect(202).id();
                super::shown::sent(admin, &world.webhook).await?;
                Request { by_admin: true, ..request(format!("{path}/deliveries/{delivery}/retry"), Value::Null) }
            }
            Made::OtherSession => request(format!("/auth/sessions/{}", other_session(ada).await?), Value::Null),
            Made::Mailed(kind, path, body) => request(path.into(), body(mailed_token(world, kind).await?)),
            Made::Totp("confirm") => {
                let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
                let app = App::new(begun.data()["secret"].as_str().context("no secret")?);
                Request { app: Some(app), ..request("/auth/totp/confirm".into(), Value::Null) }
            }
            Made::Totp(what) => {
                let (_, codes) = protect(ada).await?;
                let code = &codes[0];
                match what {
                    "remove" => request("/auth/totp".into(), json!({"currentPassword": PASSWORD, "code": code})),
                    "renew" => request("/auth/totp/recovery-codes".into(), json!({"code": code})),
                    _ => Request { by_admin: true, ..request(user(world) + "/totp", Value::Null) },
                }
            }
        })
    }
}

/// Logs in once more, and returns the session of that login.
async fn other_session(ada: &Client) -> Result<String> {
    ada.again().await?;
    let sessions = ada.get("/auth/sessions").await?.expect(200);
    let other = sessions.list().iter().find(|session| session["current"] == false);
    Ok(other.and_then(|session| session["id"].as_str()).context("no other session")?.to_owned())
}

/// The token of the first mail of a kind to Ada.
async fn mailed_token(world: &World, kind: &str) -> Result<String> {
    let ada = &world.ada;
    if kind == "password_reset" {
        ada.post("/auth/password/forgot", json!({"email": ada.email()})).await?.expect(202);
    }
    Ok(nth_mail(&world.folder, ada.email(), kind, 1).await?.token())
}
