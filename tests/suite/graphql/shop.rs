//! What a shop does.

use anyhow::{Context, Result};
use entrepot_tests::{Client, PASSWORD};
use serde_json::{Value, json};

use super::{ask, data, error};
use crate::start;

async fn logged_in(nobody: &Client, email: &str) -> Result<Client> {
    let query = "mutation ($email: String!, $password: String!) {
        login(email: $email, password: $password) { token refreshToken tokenType expiresIn user { email roles } } }";
    let login = data(ask(nobody, 200, query, json!({"email": email, "password": PASSWORD})).await?);
    assert_eq!(login["login"]["tokenType"], "Bearer");
    assert_eq!(login["login"]["user"], json!({"email": email, "roles": ["customer"]}));
    Ok(nobody.with_token(login["login"]["token"].as_str().context("no token")?))
}

#[tokio::test]
async fn purchase_is_made_from_sign_up_to_delivery() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, nobody) = (server.admin().await?, server.anonymous());
    let query = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { id version price { amount currency } } }";
    let input = json!({"sku": "MUG", "name": "Enamel mug", "price": {"amount": 295}, "stock": 10});
    let mug = data(ask(&admin, 200, query, json!({"input": input})).await?)["createProduct"].clone();
    assert_eq!((&mug["version"], &mug["price"]), (&json!(1), &json!({"amount": 295, "currency": "GBP"})));

    let query = "mutation ($input: SignUpInput!) { signUp(input: $input) { id name emailVerified roles createdAt } }";
    let input = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD});
    let user = data(ask(&nobody, 200, query, json!({"input": input})).await?)["signUp"].clone();
    assert_eq!((&user["name"], &user["roles"]), (&json!("Ada"), &json!(["customer"])));
    let ada = logged_in(&nobody, "ada@example.com").await?;
    assert_eq!(data(ask(&ada, 200, "{ me { id } }", Value::Null).await?)["me"]["id"], user["id"]);

    let found = data(
        ask(&ada, 200, "{ products(q: \"enamel\", inStock: true) { edges { node { id stock } } } }", Value::Null)
            .await?,
    );
    assert_eq!(found["products"]["edges"], json!([{"node": {"id": mug["id"], "stock": 10}}]));
    let query =
        "mutation ($items: [OrderItemInput!]!, $key: String) { placeOrder(items: $items, idempotencyKey: $key) {
        id userId status version total { amount } items { sku quantity lineTotal { amount } product { stock } } } }";
    let variables = json!({"items": [{"productId": mug["id"], "quantity": 3}], "key": "one"});
    let placed = data(ask(&ada, 200, query, variables.clone()).await?)["placeOrder"].clone();
    assert_eq!((&placed["status"], &placed["total"]["amount"]), (&json!("pending"), &json!(885)));
    assert_eq!(placed["userId"], user["id"]);
    let again = data(ask(&ada, 200, query, variables).await?)["placeOrder"].clone();
    assert_eq!(again["id"], placed["id"]);

    for (step, status) in [("payOrder", "paid"), ("shipOrder", "shipped"), ("deliverOrder", "delivered")] {
        let query = format!("mutation ($id: ID!) {{ order: {step}(id: $id) {{ status user {{ name }} }} }}");
        let order = data(ask(&admin, 200, &query, json!({"id": placed["id"]})).await?)["order"].clone();
        assert_eq!(order, json!({"status": status, "user": {"name": "Ada"}}));
    }
    let query = "query ($id: ID!) { order(id: $id) { events { type from to actorId } items { product { stock } } } }";
    let seen = data(ask(&ada, 200, query, json!({"id": placed["id"]})).await?)["order"].clone();
    assert_eq!(seen["items"][0]["product"]["stock"], 7);
    let events: Vec<_> =
        seen["events"].as_array().into_iter().flatten().map(|event| (&event["from"], &event["to"])).collect();
    let steps = [
        (Value::Null, "pending"),
        (json!("pending"), "paid"),
        (json!("paid"), "shipped"),
        (json!("shipped"), "delivered"),
    ];
    let steps: Vec<_> = steps.iter().map(|(from, to)| (from.clone(), json!(to))).collect();
    assert_eq!(events, steps.iter().map(|(from, to)| (from, to)).collect::<Vec<_>>());
    let rest = ada.get(&format!("/orders/{}", placed["id"].as_str().unwrap_or_default())).await?.expect(200);
    assert_eq!((&rest.data()["status"], &rest.data()["version"]), (&json!("delivered"), &json!(4)));
    Ok(())
}

#[tokio::test]
async fn catalogue_is_changed_by_staff() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 2).await?;
    let query = "mutation ($id: ID!) { updateProduct(id: $id, input: {name: \"Cup\", price: {amount: 300}}, version: 1) { name version price { amount } }
        adjustStock(id: $id, delta: 5, reason: \"delivery\") { stock version } }";
    let changed = data(ask(&admin, 200, query, json!({"id": mug})).await?);
    assert_eq!(changed["updateProduct"], json!({"name": "Cup", "version": 2, "price": {"amount": 300}}));
    assert_eq!(changed["adjustStock"], json!({"stock": 7, "version": 3}));
    let archived =
        ask(&admin, 200, "mutation ($id: ID!) { archiveProduct(id: $id, version: 3) }", json!({"id": mug})).await?;
    assert_eq!(data(archived)["archiveProduct"], true);
    let gone = ask(&admin, 200, "query ($id: ID!) { product(id: $id) { id } }", json!({"id": mug})).await?;
    assert_eq!(error(&gone), ("not_found", 404, vec![]));
    Ok(())
}

#[tokio::test]
async fn session_is_refreshed_once_and_ended() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, nobody) = (server.customer("ada@example.com").await?, server.anonymous());
    let refresh = "mutation ($token: String!) { refresh(refreshToken: $token) { token refreshToken } }";
    let pair = data(ask(&nobody, 200, refresh, json!({"token": ada.refresh_token()})).await?)["refresh"].clone();
    let ada = ada.with_token(pair["token"].as_str().unwrap_or_default());
    data(ask(&ada, 200, "{ me { id } }", Value::Null).await?);
    let logout = "mutation ($token: String!) { logout(refreshToken: $token) }";
    assert_eq!(data(ask(&nobody, 200, logout, json!({"token": pair["refreshToken"]})).await?)["logout"], true);
    assert_eq!(error(&ask(&ada, 401, "{ me { id } }", Value::Null).await?).0, "invalid_token");
    Ok(())
}
