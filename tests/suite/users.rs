//! Accounts and roles.

use anyhow::Result;
use entrepot_tests::{Answer, Client, PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

async fn register(who: &Client, name: &str, email: &str, password: &str) -> Result<Answer> {
    who.post("/users", json!({"name": name, "email": email, "password": password})).await
}

#[tokio::test]
async fn anyone_can_register() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let made = register(&nobody, "Ada Lovelace", " Ada@Example.com ", PASSWORD).await?.expect(201);
    let user = made.data();
    assert_eq!((&user["name"], &user["roles"]), (&json!("Ada Lovelace"), &json!(["customer"])));
    assert_eq!(user["email"].as_str().unwrap().to_lowercase(), "ada@example.com");
    assert_eq!(user["emailVerified"], false);
    for stamp in ["createdAt", "updatedAt"] {
        assert!(user[stamp].as_str().unwrap().ends_with('Z'));
    }
    let mut fields: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["createdAt", "email", "emailVerified", "id", "name", "roles", "updatedAt"]);
    assert_eq!(&made.id()[14..15], "7");
    assert_eq!(made.header("location"), format!("/api/v1/users/{}", made.id()));
    Ok(())
}

#[tokio::test]
async fn email_is_unique_ignoring_case() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    register(&nobody, "Ada", "ada@example.com", PASSWORD).await?.expect(201);
    register(&nobody, "Eve", " ADA@example.COM", PASSWORD).await?.error(409, "email_taken");
    let (one, two) = tokio::join!(
        register(&nobody, "A", "both@example.com", PASSWORD),
        register(&nobody, "B", "Both@example.com", PASSWORD),
    );
    let mut statuses = [one?.status, two?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    Ok(())
}

#[tokio::test]
async fn password_length_is_checked_and_never_truncated() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let longest = "x".repeat(72);
    for bad in ["seven77", &"x".repeat(73), &"é".repeat(37), "nul\0nul\0nul"] {
        register(&nobody, "A", "a@example.com", bad).await?.invalid(&["password"]);
    }
    register(&nobody, "A", "a@example.com", &longest).await?.expect(201);
    register(&nobody, "B", "b@example.com", "éééééééé").await?.expect(201);
    nobody.login("b@example.com", "éééééééé").await?;
    for wrong in [&longest[1..], &format!("{longest}y")] {
        let body = json!({"email": "a@example.com", "password": wrong});
        nobody.post("/auth/login", body).await?.error(401, "invalid_credentials");
    }
    nobody.login("a@example.com", &longest).await?;
    Ok(())
}

#[tokio::test]
async fn users_see_themselves_and_admins_see_all() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    let (staff, admin) = (server.staff().await?, server.admin().await?);
    let me = ada.get("/users/me").await?.expect(200);
    assert_eq!(me.id(), ada.id());
    let path = format!("/users/{}", ada.id());
    assert_eq!(ada.get(&path).await?.expect(200).data(), me.data());
    assert_eq!(admin.get(&path).await?.expect(200).data(), me.data());
    for other in [&eve, &staff] {
        other.get(&path).await?.error(404, "not_found");
        other.patch(&path, json!({"name": "X"})).await?.error(404, "not_found");
        other.delete(&path).await?.error(404, "not_found");
        other.get("/users").await?.error(403, "forbidden");
        other.put(&format!("/users/{}/roles", other.id()), json!({"roles": ["admin"]})).await?.error(403, "forbidden");
    }
    server.anonymous().get(&path).await?.error(401, "missing_token");
    Ok(())
}

#[tokio::test]
async fn admins_list_filter_and_sort() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, staff) = (server.admin().await?, server.staff().await?);
    let nobody = server.anonymous();
    for (name, email) in [("Barbara", "b@example.org"), ("Alan", "a@example.org"), ("100%_\\'", "c@example.org")] {
        register(&nobody, name, email, PASSWORD).await?.expect(201);
    }
    let all = admin.get("/users?sort=name&limit=100").await?.expect(200);
    assert!(!all.body.to_string().contains("password"));
    assert!(!all.body.to_string().contains("$2"));
    let names = admin.get("/users?sort=-name&q=example.org").await?.expect(200).each("name");
    assert_eq!(names, ["Barbara", "Alan", "100%_\\'"]);
    assert_eq!(admin.get("/users?q=BARB").await?.expect(200).each("name"), ["Barbara"]);
    for literal in ["%25", "_", "%5C", "'"] {
        assert_eq!(
            admin.get(&format!("/users?q={literal}")).await?.expect(200).each("name"),
            ["100%_\\'"],
            "{literal}"
        );
    }
    assert_eq!(admin.get("/users?role=staff").await?.expect(200).each("id"), [staff.id()]);
    admin.get("/users?role=king&sort=password").await?.invalid(&["role", "sort"]);
    Ok(())
}

#[tokio::test]
async fn name_is_changed_and_read_only_fields_are_refused() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let path = format!("/users/{}", ada.id());
    let changed = ada.patch(&path, json!({"name": "Ada King"})).await?.expect(200);
    assert_eq!((&changed.data()["name"], &changed.data()["email"]), (&json!("Ada King"), &json!("ada@example.com")));
    let sly = json!({"name": "X", "roles": ["admin"], "id": ada.id(), "emailVerified": true, "createdAt": "x"});
    ada.patch(&path, sly).await?.invalid(&["roles", "id", "emailVerified", "createdAt"]);
    ada.patch(&path, json!({"name": null})).await?.invalid(&["name"]);
    let me = ada.get("/users/me").await?.expect(200);
    assert_eq!((&me.data()["name"], &me.data()["roles"]), (&json!("Ada King"), &json!(["customer"])));
    Ok(())
}

#[tokio::test]
async fn own_email_and_password_need_the_current_password() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let path = format!("/users/{}", ada.id());
    for change in [json!({"email": "new@example.com"}), json!({"password": "another password"})] {
        ada.patch(&path, change.clone()).await?.invalid(&["currentPassword"]);
        let mut wrong = change.clone();
        wrong["currentPassword"] = json!("not the one");
        ada.patch(&path, wrong).await?.invalid(&["currentPassword"]);
    }
    server.anonymous().login("ada@example.com", PASSWORD).await?;
    let right = json!({"email": "New@example.com", "currentPassword": PASSWORD});
    ada.patch(&path, right).await?.expect(200);
    server.anonymous().login("new@example.com", PASSWORD).await?;
    let taken = json!({"email": "NEW@example.com"});
    admin
        .patch(&format!("/users/{}", server.customer("eve@example.com").await?.id()), taken)
        .await?
        .error(409, "email_taken");
    Ok(())
}

#[tokio::test]
async fn wrong_current_password_counts_as_a_failed_login() -> Result<()> {
    let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3"), ("RATE_LIMIT_MAX", "1000")];
    let server = start(&limits).await?;
    let ada = server.customer("ada@example.com").await?;
    let path = format!("/users/{}", ada.id());
    let guess = json!({"password": "another password", "currentPassword": "a guess of it"});
    for _ in 0..3 {
        ada.patch(&path, guess.clone()).await?.invalid(&["currentPassword"]);
    }
    ada.patch(&path, guess).await?.error(429, "rate_limited");
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    server.anonymous().post("/auth/login", login).await?.error(429, "rate_limited");
    Ok(())
}

#[tokio::test]
async fn new_password_ends_the_other_sessions() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let phone = ada.again().await?;
    phone.get("/users/me").await?.expect(200);
    let change = json!({"password": "another password", "currentPassword": PASSWORD});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    ada.get("/users/me").await?.expect(200);
    phone.get("/users/me").await?.error(401, "invalid_token");
    let refresh = json!({"refreshToken": phone.refresh_token()});
    assert_eq!(phone.post("/auth/refresh", refresh).await?.status, 401);
    let old = json!({"email": "ada@example.com", "password": PASSWORD});
    server.anonymous().post("/auth/login", old).await?.error(401, "invalid_credentials");
    server.anonymous().login("ada@example.com", "another password").await?;
    Ok(())
}

#[tokio::test]
async fn password_set_by_an_admin_ends_all_sessions() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    admin.patch(&format!("/users/{}", ada.id()), json!({"password": "another password"})).await?.expect(200);
    ada.get("/users/me").await?.error(401, "invalid_token");
    server.anonymous().login("ada@example.com", "another password").await?;
    Ok(())
}

#[tokio::test]
async fn role_changes_apply_to_issued_tokens_at_once() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let product = json!({"sku": "A", "name": "A", "price": {"amount": 1}});
    ada.post("/products", product.clone()).await?.error(403, "forbidden");
    let path = format!("/users/{}/roles", ada.id());
    let given = admin.put(&path, json!({"roles": ["customer", "staff"]})).await?.expect(200);
    assert_eq!(given.data()["roles"], json!(["customer", "staff"]));
    ada.post("/products", product).await?.expect(201);
    admin.put(&path, json!({"roles": ["customer"]})).await?.expect(200);
    ada.post("/products", json!({"sku": "B", "name": "B", "price": {"amount": 1}})).await?.error(403, "forbidden");
    admin.put(&path, json!({"roles": ["king"]})).await?.invalid(&["roles[0]"]);
    admin.put(&path, json!({"roles": []})).await?.invalid(&["roles"]);
    Ok(())
}

#[tokio::test]
async fn last_admin_cannot_be_removed() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let path = format!("/users/{}", admin.id());
    admin.delete(&path).await?.error(409, "last_admin");
    admin.put(&format!("{path}/roles"), json!({"roles": ["staff"]})).await?.error(409, "last_admin");

    let other = server.admin().await?;
    let other_path = format!("/users/{}", other.id());
    // Of two admins who leave at the same time one must remain.
    let (one, two) = tokio::join!(admin.delete(&path), other.delete(&other_path));
    let mut statuses = [one?.status, two?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    Ok(())
}

#[tokio::test]
async fn deleted_user_is_erased_and_the_orders_remain() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let product = admin.product("MUG", 295, 5).await?;
    let order = ada.order(&product, 1).await?.expect(201);
    assert!(ada.delete(&format!("/users/{}", ada.id())).await?.expect(204).body.is_null());
    ada.get("/users/me").await?.error(401, "invalid_token");
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    server.anonymous().post("/auth/login", login).await?.error(401, "invalid_credentials");
    let kept = admin.get(&format!("/orders/{}", order.id())).await?.expect(200);
    assert_eq!(kept.data(), order.data());
    assert!(!admin.all("/users").await?.iter().any(|user| user["email"] == "ada@example.com"));
    server.customer("ada@example.com").await?;
    Ok(())
}

#[tokio::test]
async fn change_with_a_stale_version_is_refused() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let path = format!("/users/{}", ada.id());
    let tag = ada.get(&path).await?.expect(200).header("etag").to_owned();
    let same = ada.with(Method::GET, &path, ("if-none-match", &tag), None).await?;
    assert_eq!((same.status, &same.body, same.header("etag")), (304, &Value::Null, tag.as_str()));
    let name = Some(json!({"name": "Ada King"}));
    let changed = ada.with(Method::PATCH, &path, ("if-match", &tag), name.clone()).await?.expect(200);
    assert_ne!(changed.header("etag"), tag);
    ada.with(Method::PATCH, &path, ("if-match", &tag), name).await?.error(412, "precondition_failed");
    let roles = Some(json!({"roles": ["staff"]}));
    let stale = admin.with(Method::PUT, &format!("{path}/roles"), ("if-match", &tag), roles).await?;
    stale.error(412, "precondition_failed");
    ada.with(Method::DELETE, &path, ("if-match", &tag), None).await?.error(412, "precondition_failed");
    ada.with(Method::DELETE, &path, ("if-match", changed.header("etag")), None).await?.expect(204);
    Ok(())
}
