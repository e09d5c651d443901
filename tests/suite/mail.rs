//! Mails, and what their tokens are good for.

use std::{fs, os::unix::fs::PermissionsExt};

use anyhow::Result;
use entrepot_tests::{
    Client, PASSWORD, Server,
    mail::{mail, mails, nth_mail},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

const NEW_PASSWORD: &str = "a better horse";

async fn forgot(server: &Server, email: &str) -> Result<()> {
    server.anonymous().post("/auth/password/forgot", json!({"email": email})).await?.expect(202);
    Ok(())
}

async fn is_verified(user: &Client) -> Result<Value> {
    Ok(user.get("/users/me").await?.expect(200).data()["emailVerified"].clone())
}

/// Logs in with this `User-Agent`.
async fn login_from(server: &Server, email: &str, agent: &str) -> Result<()> {
    let nobody = server.anonymous();
    let body = json!({"email": email, "password": PASSWORD});
    nobody.with(Method::POST, "/auth/login", ("user-agent", agent), Some(body)).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn new_user_verifies_their_email_with_the_mailed_token() -> Result<()> {
    let server = start(&[("PUBLIC_URL", "https://shop.example/app/")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let first = mail(&server, ada.email(), "email_verification").await?;
    assert!(first.link().starts_with("https://shop.example/app/verify-email?token="), "{}", first.link());
    assert!(first.html.contains(first.link()), "{}", first.html);
    assert_eq!(is_verified(&ada).await?, false);

    let verify = |token: String| {
        let nobody = server.anonymous();
        async move { nobody.post("/auth/email/verify", json!({"token": token})).await }
    };
    for bad in ["", "x", &"0".repeat(43)] {
        verify(bad.to_owned()).await?.invalid(&["token"]);
    }
    verify(first.token()).await?.expect(204);
    assert_eq!(is_verified(&ada).await?, true);
    verify(first.token()).await?.invalid(&["token"]);
    let log = server.admin().await?.get(&format!("/admin/audit?subject={}", ada.id())).await?.expect(200);
    assert!(log.each("action").contains(&"user.email_verified".to_owned()), "{}", log.body);

    // Nothing is sent to an address that is verified.
    ada.call("/auth/email/resend").await?.expect(202);
    server.anonymous().call("/auth/email/resend").await?.error(401, "missing_token");
    let change = json!({"email": "countess@example.com", "currentPassword": PASSWORD});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    assert_eq!(is_verified(&ada).await?, false);
    let second = mail(&server, "countess@example.com", "email_verification").await?;
    ada.call("/auth/email/resend").await?.expect(202);
    let third = nth_mail(server.folder(), "countess@example.com", "email_verification", 2).await?;
    assert_ne!(second.token(), third.token());
    verify(third.token()).await?.expect(204);
    assert_eq!(is_verified(&ada).await?, true);
    assert_eq!(mails(server.folder())?.iter().filter(|mail| mail.to == "ada@example.com").count(), 1);
    Ok(())
}

#[tokio::test]
async fn changed_email_ends_the_tokens_of_the_old_one() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let old = mail(&server, ada.email(), "email_verification").await?.token();
    forgot(&server, ada.email()).await?;
    let reset = mail(&server, ada.email(), "password_reset").await?.token();
    let change = json!({"email": "countess@example.com", "currentPassword": PASSWORD});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    let nobody = server.anonymous();
    nobody.post("/auth/email/verify", json!({"token": old})).await?.invalid(&["token"]);
    let reset = json!({"token": reset, "password": NEW_PASSWORD});
    nobody.post("/auth/password/reset", reset).await?.invalid(&["token"]);
    Ok(())
}

#[tokio::test]
async fn forgotten_password_is_reset_once_and_ends_all_sessions() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let tablet = ada.again().await?;
    let mut tokens = Vec::new();
    for n in 1..=2 {
        // Its case does not matter; the mail goes to the address as its owner wrote it.
        forgot(&server, "ADA@example.com").await?;
        tokens.push(nth_mail(server.folder(), ada.email(), "password_reset", n).await?.token());
    }
    let nobody = server.anonymous();
    let reset = |token: &str, password: &str| json!({"token": token, "password": password});
    nobody.post("/auth/password/reset", reset(&tokens[0], "short")).await?.invalid(&["password"]);
    nobody.post("/auth/password/reset", reset("nonsense", NEW_PASSWORD)).await?.invalid(&["token"]);
    nobody.post("/auth/email/verify", json!({"token": tokens[0]})).await?.invalid(&["token"]);
    nobody.post("/auth/password/reset", reset(&tokens[0], NEW_PASSWORD)).await?.expect(204);

    for session in [&ada, &tablet] {
        session.get("/users/me").await?.error(401, "invalid_token");
    }
    for token in &tokens {
        nobody.post("/auth/password/reset", reset(token, NEW_PASSWORD)).await?.invalid(&["token"]);
    }
    let old = json!({"email": ada.email(), "password": PASSWORD});
    nobody.post("/auth/login", old).await?.error(401, "invalid_credentials");
    let ada = nobody.login(ada.email(), NEW_PASSWORD).await?;
    mail(&server, ada.email(), "password_changed").await?;

    let change = json!({"password": PASSWORD, "currentPassword": NEW_PASSWORD});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    nth_mail(server.folder(), ada.email(), "password_changed", 2).await?;
    Ok(())
}

#[tokio::test]
async fn unknown_email_gets_the_same_answer_and_no_mail() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let nobody = server.anonymous();
    let mut bodies = Vec::new();
    for email in ["nobody@example.com", "ada@example.com"] {
        let answer = nobody.post("/auth/password/forgot", json!({"email": email})).await?.expect(202);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    nobody.post("/auth/password/forgot", json!({"email": "nobody"})).await?.invalid(&["email"]);
    // The one that was asked for last has come, and the other never does.
    mail(&server, ada.email(), "password_reset").await?;
    assert!(mails(server.folder())?.iter().all(|mail| mail.to == ada.email()));
    // What was asked for leaves no trace that an admin could see.
    let admin = server.admin().await?;
    let jobs = admin.get("/admin/jobs?kind=users.forgotten_password").await?.expect(200);
    assert_eq!(jobs.body["data"], json!([]));
    let sent = admin.get("/admin/jobs?kind=mail.send&status=succeeded").await?.expect(200);
    assert!(!sent.list().is_empty() && !sent.body.to_string().contains("ada@"), "{}", sent.body);
    Ok(())
}

#[tokio::test]
async fn account_is_not_flooded_with_mails() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, bob) = (server.customer("ada@example.com").await?, server.customer("bob@example.com").await?);
    for _ in 0..7 {
        forgot(&server, ada.email()).await?;
    }
    nth_mail(server.folder(), ada.email(), "password_reset", 5).await?;
    // Whatever is asked for later is done later, by one worker at least.
    for _ in 0..7 {
        forgot(&server, bob.email()).await?;
    }
    nth_mail(server.folder(), bob.email(), "password_reset", 5).await?;
    nth_mail(server.folder(), ada.email(), "password_reset", 5).await?;
    Ok(())
}

#[tokio::test]
async fn login_from_another_device_is_told_of_once() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    for _ in 0..2 {
        login_from(&server, ada.email(), "Tablet/1.0 <script>").await?;
    }
    login_from(&server, ada.email(), "Phone/2.0").await?;
    let told = nth_mail(server.folder(), ada.email(), "new_login", 2).await?;
    assert!(told.text.contains("Phone/2.0") && told.text.contains("127.0.0.1"), "{}", told.text);
    let all = mails(server.folder())?;
    let tablet = all.iter().find(|mail| mail.kind == "new_login").unwrap();
    assert!(tablet.text.contains("Tablet/1.0 <script>"), "{}", tablet.text);
    assert!(tablet.html.contains("Tablet/1.0 &#60;script&#62;"), "{}", tablet.html);
    Ok(())
}

#[tokio::test]
async fn name_is_escaped_and_adds_no_header() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let name = "Zoë <b>\"x\"</b>, eve@example.com & Co";
    let user = |name: &str| json!({"name": name, "email": "zoe@example.com", "password": PASSWORD});
    for bad in ["Eve\r\nBcc: eve@example.com", "Eve\nX-Entrepot-Mail: order_status"] {
        nobody.post("/users", user(bad)).await?.invalid(&["name"]);
    }
    nobody.post("/users", user(name)).await?.expect(201);
    let mail = mail(&server, "zoe@example.com", "email_verification").await?;
    assert!(mail.header("To").contains("Zoë"), "{}", mail.header("To"));
    assert!(mail.text.contains(name), "{}", mail.text);
    assert!(mail.html.contains("Zoë &#60;b&#62;&#34;x&#34;&#60;/b&#62;, eve@example.com &#38; Co"), "{}", mail.html);
    for unique in ["From", "To", "Subject", "Date", "Message-ID", "X-Entrepot-Mail", "MIME-Version"] {
        assert!(!mail.header(unique).is_empty());
    }
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.headers.len(), 9, "{:?}", mail.headers);
    Ok(())
}

#[tokio::test]
async fn mails_are_files_that_only_their_owner_reads() -> Result<()> {
    let server = start(&[("MAIL_FROM", "The Shop <shop@shop.example>")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let mail = mail(&server, ada.email(), "email_verification").await?;
    assert_eq!(mail.header("From"), "The Shop <shop@shop.example>".replace("The Shop", "\"The Shop\""));
    assert!(mail.header("Message-ID").ends_with("@shop.example>"), "{}", mail.header("Message-ID"));
    let base = server.urls().into_iter().find(|url| mail.link().starts_with(&format!("{url}/")));
    assert!(base.is_some(), "{}", mail.link());
    for file in fs::read_dir(server.folder().join("outbox"))? {
        let file = file?;
        assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600, "{}", file.path().display());
        assert!(file.path().extension().is_some_and(|extension| extension == "eml"));
    }
    let metrics = server.anonymous().get("//metrics").await?;
    assert!(metrics.body.as_str().unwrap().contains("mails_sent_total{kind=\"email_verification\"}"));
    Ok(())
}

#[tokio::test]
async fn erased_user_has_no_tokens() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let verification = mail(&server, ada.email(), "email_verification").await?.token();
    forgot(&server, ada.email()).await?;
    let reset = mail(&server, ada.email(), "password_reset").await?.token();
    ada.delete(&format!("/users/{}", ada.id())).await?.expect(204);
    let nobody = server.anonymous();
    nobody.post("/auth/email/verify", json!({"token": verification})).await?.invalid(&["token"]);
    let reset = json!({"token": reset, "password": NEW_PASSWORD});
    nobody.post("/auth/password/reset", reset).await?.invalid(&["token"]);
    Ok(())
}

#[tokio::test]
async fn buyer_is_told_of_an_order_and_of_each_status_once() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG<b>", 295, 10).await?;
    let order = ada.order(&mug, 2).await?.expect(201).id();
    let confirmation = mail(&server, ada.email(), "order_confirmation").await?;
    assert!(confirmation.text.contains(&format!("thank you for your order {order}.")), "{}", confirmation.text);
    assert!(confirmation.text.contains("2 x The MUG<b> (MUG<b>): 5.90 GBP"), "{}", confirmation.text);
    assert!(confirmation.html.contains("The MUG&#60;b&#62; (MUG&#60;b&#62;)"), "{}", confirmation.html);
    for (n, (step, happened)) in [("pay", "paid"), ("ship", "shipped")].into_iter().enumerate() {
        admin.call(&format!("/orders/{order}/{step}")).await?.expect(200);
        let told = nth_mail(server.folder(), ada.email(), "order_status", n + 1).await?;
        assert!(told.text.contains(&format!("your order {order} was {happened}.")), "{}", told.text);
    }
    nth_mail(server.folder(), ada.email(), "order_confirmation", 1).await?;
    Ok(())
}
