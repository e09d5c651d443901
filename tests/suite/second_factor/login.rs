//! Logins with a code.

use anyhow::Result;
use entrepot_tests::PASSWORD;
use serde_json::{Value, json};

use super::{App, login, protect, recovery_codes};
use crate::start;

#[tokio::test]
async fn login_needs_a_code_and_each_code_works_once() -> Result<()> {
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
    // With a wrong password the response does not reveal the second factor.
    let guess = json!({"email": "ada@example.com", "password": "not the one", "code": app.code(1)});
    let refused = nobody.post("/auth/login", guess).await?;
    refused.error(401, "invalid_credentials");
    // A user without a second factor may send a code.
    server.customer("eve@example.com").await?;
    login(&nobody, "eve@example.com", Some("123456")).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn of_concurrent_logins_with_one_code_one_succeeds() -> Result<()> {
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
async fn recovery_code_works_once_and_codes_can_be_renewed() -> Result<()> {
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
    // A recovery code works for its user only.
    let eve = server.customer("eve@example.com").await?;
    protect(&eve).await?;
    login(&nobody, "eve@example.com", Some(&new[1])).await?.error(401, "invalid_credentials");
    Ok(())
}

/// The response has the documented fields and no others.
#[tokio::test]
async fn login_response_has_the_same_fields_with_a_code() -> Result<()> {
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
