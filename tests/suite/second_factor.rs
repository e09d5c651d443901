//! The second proof of who somebody is.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use entrepot_tests::{Answer, Client, PASSWORD, stores};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::start;

/// An authenticator app: RFC 6238, written once more.
pub(crate) struct App(Vec<u8>);

impl App {
    /// One that was told a secret in base 32.
    pub(crate) fn new(secret: &str) -> Self {
        let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
        for letter in secret.chars() {
            bits = bits << 5 | u32::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap()).unwrap();
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 255).unwrap());
            }
        }
        Self(bytes)
    }

    /// What it shows now, or so many steps of thirty seconds later.
    #[expect(clippy::disallowed_methods, reason = "a device shows the code of its own clock")]
    pub(crate) fn code(&self, later: u64) -> String {
        let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30 + later;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// None of those that may be good within the next minutes.
    fn wrong(&self) -> String {
        let good: Vec<_> = (0..20).map(|later| self.code(later)).collect();
        (0..100).map(|n| format!("{n:06}")).find(|code| !good.contains(code)).unwrap()
    }
}

/// A user who has turned it on: their app, of which the present code is taken, and their recovery codes.
pub(crate) async fn protect(who: &Client) -> Result<(App, Vec<String>)> {
    let begun = who.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let app = App::new(begun.data()["secret"].as_str().context("no secret")?);
    let confirmed = who.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    Ok((app, recovery_codes(&confirmed)))
}

fn recovery_codes(answer: &Answer) -> Vec<String> {
    let codes = answer.data()["recoveryCodes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Logs somebody in, with a code if there is one.
async fn login(who: &Client, email: &str, code: Option<&str>) -> Result<Answer> {
    let mut body = json!({"email": email, "password": PASSWORD});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    who.post("/auth/login", body).await
}

#[tokio::test]
async fn it_comes_into_force_by_a_code_and_ends_the_other_sessions() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let phone = ada.again().await?;
    for _ in 0..2 {
        phone.get("/users/me").await?.expect(200);
    }
    assert_eq!(ada.get("/auth/totp").await?.expect(200).data(), &json!({"enabled": false, "recoveryCodesLeft": 0}));
    ada.post("/auth/totp/confirm", json!({"code": "123456"})).await?.error(404, "not_found");

    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    assert_eq!(begun.header("cache-control"), "no-store");
    let secret = begun.data()["secret"].as_str().unwrap().to_owned();
    let uri = begun.data()["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Entrepot:ada%40example.com?") && uri.contains(&secret), "{uri}");
    // It is not in force yet, and neither is what was begun before.
    login(&ada, "ada@example.com", None).await?.expect(200);
    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let app = App::new(begun.data()["secret"].as_str().unwrap());
    let too_old = App::new(&secret).code(0);
    if too_old != app.code(0) && too_old != app.code(1) {
        ada.post("/auth/totp/confirm", json!({"code": too_old})).await?.invalid(&["code"]);
    }

    let confirmed = ada.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    assert_eq!((recovery_codes(&confirmed).len(), confirmed.header("cache-control")), (10, "no-store"));
    for _ in 0..2 {
        phone.get("/users/me").await?.error(401, "invalid_token");
        let status = ada.get("/auth/totp").await?.expect(200);
        assert_eq!(status.data(), &json!({"enabled": true, "recoveryCodesLeft": 10}));
    }
    ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.error(409, "second_factor_enabled");
    ada.post("/auth/totp/confirm", json!({"code": app.code(1)})).await?.error(409, "second_factor_enabled");
    // The account as others see it is the same as ever.
    let me = ada.get("/users/me").await?.expect(200);
    let mut fields: Vec<_> = me.data().as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["createdAt", "email", "emailVerified", "id", "name", "roles", "updatedAt"]);
    Ok(())
}

#[tokio::test]
async fn a_login_takes_a_code_and_each_code_once() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let used = {
        let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
        let app = App::new(begun.data()["secret"].as_str().unwrap());
        let code = app.code(0);
        ada.post("/auth/totp/confirm", json!({"code": code})).await?.expect(200);
        (app, code)
    };
    let (app, confirmed_by) = used;
    let nobody = server.anonymous();
    let asked = login(&nobody, "ada@example.com", None).await?;
    asked.error(401, "second_factor_required");
    assert!(asked.header("www-authenticate").starts_with("Bearer"));
    login(&nobody, "ada@example.com", Some(&confirmed_by)).await?.error(401, "invalid_credentials");
    login(&nobody, "ada@example.com", Some(&app.wrong())).await?.error(401, "invalid_credentials");
    let code = app.code(1);
    let logged_in =
        login(&nobody, "ada@example.com", Some(&format!("{} {}", &code[..3], &code[3..]))).await?.expect(200);
    ada.with_token(logged_in.data()["token"].as_str().unwrap()).get("/users/me").await?.expect(200);
    for _ in 0..2 {
        login(&nobody, "ada@example.com", Some(&code)).await?.error(401, "invalid_credentials");
    }
    for bad in ["12345", "abcdef", "", "1234567"] {
        login(&nobody, "ada@example.com", Some(bad)).await?.invalid(&["code"]);
    }
    // Without the password nobody hears of it.
    let guess = json!({"email": "ada@example.com", "password": "not the one", "code": app.code(1)});
    let refused = nobody.post("/auth/login", guess).await?;
    refused.error(401, "invalid_credentials");
    // Who has none may send a code all the same.
    server.customer("eve@example.com").await?;
    login(&nobody, "eve@example.com", Some("123456")).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn of_many_logins_at_once_with_one_code_one_wins() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (app, codes) = protect(&ada).await?;
    for code in [app.code(1), codes[0].clone()] {
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (nobody, code) = (server.anonymous(), code.clone());
            logins.spawn(async move { anyhow::Ok(login(&nobody, "ada@example.com", Some(&code)).await?.status) });
        }
        let mut statuses = logins.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
    }
    Ok(())
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_they_can_be_renewed() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (app, codes) = protect(&ada).await?;
    let nobody = server.anonymous();
    login(&nobody, "ada@example.com", Some(&codes[0].to_lowercase())).await?.expect(200);
    login(&nobody, "ada@example.com", Some(&codes[0])).await?.error(401, "invalid_credentials");
    login(&nobody, "ada@example.com", Some(&codes[1].replace('-', ""))).await?.expect(200);
    assert_eq!(ada.get("/auth/totp").await?.expect(200).data()["recoveryCodesLeft"], 8);

    ada.post("/auth/totp/recovery-codes", json!({"code": app.wrong()})).await?.invalid(&["code"]);
    let renewed = ada.post("/auth/totp/recovery-codes", json!({"code": app.code(1)})).await?.expect(200);
    assert_eq!(renewed.header("cache-control"), "no-store");
    let new = recovery_codes(&renewed);
    assert_eq!((new.len(), new.iter().any(|code| codes.contains(code))), (10, false));
    login(&nobody, "ada@example.com", Some(&codes[2])).await?.error(401, "invalid_credentials");
    login(&nobody, "ada@example.com", Some(&new[0])).await?.expect(200);
    // A code is its user's alone.
    let eve = server.customer("eve@example.com").await?;
    protect(&eve).await?;
    login(&nobody, "eve@example.com", Some(&new[1])).await?.error(401, "invalid_credentials");
    Ok(())
}

#[tokio::test]
async fn codes_are_not_to_be_guessed() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3")]).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    let (app, _) = protect(&ada).await?;
    let nobody = server.anonymous();
    // To be asked for a code is no failure.
    for _ in 0..4 {
        login(&nobody, "ada@example.com", None).await?.error(401, "second_factor_required");
    }
    for _ in 0..3 {
        login(&nobody, "ada@example.com", Some(&app.wrong())).await?.error(401, "invalid_credentials");
    }
    login(&nobody, "ada@example.com", Some(&app.code(1))).await?.error(429, "rate_limited");
    // Nor by somebody who found a session open.
    let (app, _) = protect(&eve).await?;
    for n in 0..3 {
        let code = app.wrong();
        match n {
            0 => eve.post("/auth/totp/recovery-codes", json!({"code": code})).await?.invalid(&["code"]),
            1 => remove(&eve, PASSWORD, &code).await?.invalid(&["code"]),
            _ => remove(&eve, "a guess", &code).await?.invalid(&["currentPassword"]),
        };
    }
    remove(&eve, PASSWORD, &app.code(1)).await?.error(429, "rate_limited");
    Ok(())
}

/// Whoever has the password and many addresses has no more guesses than one address gives, and its owner comes in.
#[tokio::test]
async fn codes_are_not_to_be_guessed_from_many_addresses() -> Result<()> {
    let settings = [("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3"), ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = start(&settings).await?;
    let ada = server.customer("ada@example.com").await?;
    let (app, codes) = protect(&ada).await?;
    let from = async |who: &Client, method: reqwest::Method, path: &str, n: u8, body: Value| {
        let request = who.request(method, path).header("x-forwarded-for", format!("192.0.2.{n}"));
        who.send(request.json(&body)).await
    };
    let nobody = server.anonymous();
    let login = async |n, code: &str| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "code": code});
        from(&nobody, reqwest::Method::POST, "/auth/login", n, body).await
    };
    for n in 0..3 {
        login(n, &app.wrong()).await?.error(401, "invalid_credentials");
    }
    let refused = login(100, &app.code(1)).await?;
    refused.error(429, "rate_limited");
    assert!((1..=900).contains(&refused.header("retry-after").parse::<u64>()?));
    let renewal = from(&ada, reqwest::Method::POST, "/auth/totp/recovery-codes", 101, json!({"code": app.code(1)}));
    renewal.await?.error(429, "rate_limited");
    login(102, &codes[0]).await?.expect(200);
    // A session that somebody left open is no way to guess its password either.
    let path = format!("/users/{}", ada.id());
    let change = async |n, password: &str| {
        let body = json!({"password": "another one", "currentPassword": password});
        from(&ada, reqwest::Method::PATCH, &path, n, body).await
    };
    for n in 0..3 {
        change(n + 10, "a guess").await?.invalid(&["currentPassword"]);
    }
    change(110, PASSWORD).await?.error(429, "rate_limited");
    for instance in server.urls() {
        let text = nobody.at(&instance).get("//metrics").await?.body;
        let text = text.as_str().unwrap_or_default();
        for limit in ["address", "user", "api_key", "login", "password", "code"] {
            assert!(text.contains(&format!("rate_limited_total{{limit=\"{limit}\"}} ")), "{limit}: {text}");
        }
    }
    Ok(())
}

async fn remove(who: &Client, password: &str, code: &str) -> Result<Answer> {
    let body = json!({"currentPassword": password, "code": code});
    who.send(who.request(reqwest::Method::DELETE, "/auth/totp").json(&body)).await
}

#[tokio::test]
async fn it_is_removed_by_password_and_code() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    remove(&ada, PASSWORD, "123456").await?.error(404, "not_found");
    let (app, codes) = protect(&ada).await?;
    remove(&ada, "not the one", &codes[0]).await?.invalid(&["currentPassword"]);
    remove(&ada, PASSWORD, &app.wrong()).await?.invalid(&["code"]);
    ada.send(ada.request(reqwest::Method::DELETE, "/auth/totp").json(&json!({})))
        .await?
        .invalid(&["currentPassword", "code"]);
    remove(&ada, PASSWORD, &codes[0]).await?.expect(204);
    assert_eq!(ada.get("/auth/totp").await?.expect(200).data(), &json!({"enabled": false, "recoveryCodesLeft": 0}));
    login(&server.anonymous(), "ada@example.com", None).await?.expect(200);
    let (app, codes) = protect(&ada).await?;
    remove(&ada, PASSWORD, &app.code(1)).await?.expect(204);
    // Old codes are worth nothing when it is turned on again.
    protect(&ada).await?;
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.error(401, "invalid_credentials");
    Ok(())
}

#[tokio::test]
async fn an_admin_helps_who_has_lost_it_and_a_new_password_does_not() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    protect(&ada).await?;
    let path = format!("/users/{}/totp", ada.id());
    for other in [&ada, &server.staff().await?] {
        other.delete(&path).await?.error(403, "forbidden");
    }
    admin.patch(&format!("/users/{}", ada.id()), json!({"password": PASSWORD})).await?.expect(200);
    let nobody = server.anonymous();
    login(&nobody, "ada@example.com", None).await?.error(401, "second_factor_required");
    admin.delete(&path).await?.expect(204);
    login(&nobody, "ada@example.com", None).await?.expect(200);
    admin.delete(&path).await?.error(404, "not_found");
    admin.delete("/users/0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55/totp").await?.error(404, "not_found");
    // Their own takes a code: a session that was left open must not be enough.
    protect(&admin).await?;
    admin.delete(&format!("/users/{}/totp", admin.id())).await?.error(403, "forbidden");
    Ok(())
}

#[tokio::test]
async fn keys_go_on_and_what_was_begun_needs_the_password() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.post("/auth/totp", json!({"currentPassword": "not the one"})).await?.invalid(&["currentPassword"]);
    ada.post("/auth/totp", json!({})).await?.invalid(&["currentPassword"]);
    let made = ada.post("/auth/api-keys", json!({"name": "till", "scopes": ["users:read"]})).await?.expect(201);
    protect(&ada).await?;
    let till = ada.with_token(made.data()["key"].as_str().unwrap());
    till.get("/users/me").await?.expect(200);
    till.get("/auth/totp").await?.error(403, "login_required");
    Ok(())
}

#[tokio::test]
async fn nothing_of_it_is_in_a_log_or_to_be_read_in_a_store() -> Result<()> {
    let mut server = start(&[("LOG_LEVEL", "trace")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let secret = begun.data()["secret"].as_str().unwrap().to_owned();
    let app = App::new(&secret);
    let confirmed = ada.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    let codes = recovery_codes(&confirmed);
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.expect(200);
    let kept = stores::kept(&server).await?;
    assert!(server.stop()?.success());
    let log = server.log().into_bytes();
    let is_in = |part: &[u8], all: &[u8]| all.windows(part.len()).any(|found| found == part);
    assert!(is_in(ada.email().as_bytes(), &kept), "this is not where things are kept");
    let mut secrets = vec![secret.into_bytes(), app.0];
    secrets.extend(codes.iter().map(|code| code.clone().into_bytes()));
    secrets.extend(codes.iter().map(|code| code.replace('-', "").into_bytes()));
    for secret in secrets {
        assert!(!is_in(&secret, &log) && !is_in(&secret, &kept), "{}", String::from_utf8_lossy(&secret));
    }
    Ok(())
}

/// The fields of a user are those of the contract, whatever else an account has.
#[tokio::test]
async fn a_login_with_it_answers_as_every_login_does() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (_, codes) = protect(&ada).await?;
    let form = [("email", "ada@example.com"), ("password", PASSWORD), ("code", &codes[0])];
    let nobody = server.anonymous();
    let answer = nobody.send(nobody.request(reqwest::Method::POST, "/auth/login").form(&form)).await?.expect(200);
    let mut fields: Vec<_> = answer.data().as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["expiresIn", "refreshToken", "token", "tokenType", "user"]);
    assert_ne!(answer.data()["refreshToken"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn admins_read_what_was_done_to_keys_and_second_factors() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let made = ada.post("/auth/api-keys", json!({"name": "till", "scopes": ["orders:read"]})).await?.expect(201);
    ada.delete(&format!("/auth/api-keys/{}", made.id())).await?.expect(204);
    let (app, codes) = protect(&ada).await?;
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.expect(200);
    ada.post("/auth/totp/recovery-codes", json!({"code": app.code(1)})).await?.expect(200);
    admin.delete(&format!("/users/{}/totp", ada.id())).await?.expect(204);
    let log = admin.get(&format!("/admin/audit?subject={}&limit=100", ada.id())).await?.expect(200);
    let mut actions = log.each("action");
    actions.retain(|action| !action.starts_with("user.") && !action.starts_with("session."));
    let expected = [
        "second_factor.removed",
        "second_factor.recovery_codes_renewed",
        "second_factor.recovery_code_used",
        "second_factor.enabled",
        "api_key.revoked",
        "api_key.created",
    ];
    assert_eq!(actions, expected);
    let removed = &log.list()[0];
    assert_eq!((&removed["actor"]["id"], &removed["actor"]["type"]), (&json!(admin.id()), &json!("user")));
    // What a machine does is told of the key that did it.
    let staff = server.staff().await?;
    let made = staff.post("/auth/api-keys", json!({"name": "till", "scopes": ["products:write"]})).await?.expect(201);
    let till = staff.with_token(made.data()["key"].as_str().context("no key")?);
    till.product("MUG", 295, 1).await?;
    let log = admin.get("/admin/audit?action=product.created").await?.expect(200);
    let actor = json!({"type": "apiKey", "id": staff.id(), "apiKeyId": made.id()});
    assert_eq!(log.list()[0]["actor"], actor);
    Ok(())
}
