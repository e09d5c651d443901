//! Errors, as REST has them.

use anyhow::Result;
use entrepot_tests::PASSWORD;
use serde_json::{Value, json};

use super::{ask, data, error};
use crate::start;

#[tokio::test]
async fn token_is_needed_where_rest_needs_one() -> Result<()> {
    let server = start(&[]).await?;
    let (nobody, ada) = (server.anonymous(), server.customer("ada@example.com").await?);
    let me = ask(&nobody, 200, "{ me { id } }", Value::Null).await?;
    assert_eq!((error(&me), &me["data"]), (("missing_token", 401, vec![]), &Value::Null));
    let junk = ask(&nobody.with_token("junk"), 401, "{ products { edges { node { id } } } }", Value::Null).await?;
    assert_eq!(error(&junk), ("invalid_token", 401, vec![]));
    // Whoever has lost their session may open another.
    let query = "mutation { login(email: \"ada@example.com\", password: \"wrong wrong\") { token } }";
    assert_eq!(
        error(&ask(&ada.with_token("junk"), 200, query, Value::Null).await?),
        ("invalid_credentials", 401, vec![])
    );

    Ok(())
}

#[tokio::test]
async fn what_belongs_to_others_is_not_found() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (ada, bob) = (server.customer("ada@example.com").await?, server.customer("bob@example.com").await?);
    let mug = admin.product("MUG", 295, 2).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    for query in [
        format!("{{ it: order(id: \"{order}\") {{ id }} }}"),
        format!("{{ it: user(id: \"{}\") {{ id }} }}", ada.id()),
        "{ it: product(id: \"junk\") { id } }".to_owned(),
    ] {
        let body = ask(&bob, 200, &query, Value::Null).await?;
        assert_eq!((error(&body), &body["data"]), (("not_found", 404, vec![]), &json!({"it": null})), "{query}");
    }
    let cancel = format!("mutation {{ cancelOrder(id: \"{order}\") {{ id }} }}");
    assert_eq!(error(&ask(&bob, 200, &cancel, Value::Null).await?), ("not_found", 404, vec![]));
    let all = format!("{{ orders(userId: \"{}\") {{ edges {{ node {{ id }} }} }} }}", ada.id());
    assert_eq!(error(&ask(&bob, 200, &all, Value::Null).await?), ("forbidden", 403, vec![]));
    for query in [
        "{ users { edges { node { id } } } }",
        "mutation { createProduct(input: {sku: \"\", name: \"\", price: {amount: -1}}) { id } }",
    ] {
        assert_eq!(error(&ask(&bob, 200, query, Value::Null).await?), ("forbidden", 403, vec![]), "{query}");
    }
    let none = data(
        ask(&bob, 200, "{ orders { edges { node { id } } } me { orders { edges { node { id } } } } }", Value::Null)
            .await?,
    );
    assert_eq!(none, json!({"orders": {"edges": []}, "me": {"orders": {"edges": []}}}));

    Ok(())
}

#[tokio::test]
async fn every_bad_field_is_named() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, nobody, ada) = (server.admin().await?, server.anonymous(), server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 2).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    let bad = "mutation { signUp(input: {name: \"\", email: \"abc\", password: \"short\"}) { id } }";
    assert_eq!(
        error(&ask(&nobody, 200, bad, Value::Null).await?),
        ("validation_failed", 400, vec!["name", "email", "password"])
    );
    let taken = format!(
        "mutation {{ signUp(input: {{name: \"A\", email: \"ADA@example.com\", password: \"{PASSWORD}\"}}) {{ id }} }}"
    );
    assert_eq!(error(&ask(&nobody, 200, &taken, Value::Null).await?), ("email_taken", 409, vec![]));
    let bad = "mutation { createProduct(input: {sku: \"\", name: \"\", price: {amount: -1, currency: \"XXX\"}, stock: -1}) { id } }";
    let fields = vec!["sku", "name", "price.currency", "price.amount", "stock"];
    assert_eq!(error(&ask(&admin, 200, bad, Value::Null).await?), ("validation_failed", 400, fields));
    let bad =
        "mutation { placeOrder(items: [{productId: \"x\", quantity: 1}, {productId: \"y\", quantity: 0}]) { id } }";
    let fields = vec!["items[0].productId", "items[1].productId", "items[1].quantity"];
    assert_eq!(error(&ask(&ada, 200, bad, Value::Null).await?), ("validation_failed", 400, fields));
    let short = format!("mutation {{ placeOrder(items: [{{productId: \"{mug}\", quantity: 9}}]) {{ id }} }}");
    assert_eq!(
        error(&ask(&ada, 200, &short, Value::Null).await?),
        ("insufficient_stock", 409, vec!["items[0].quantity"])
    );
    let stale = format!("mutation {{ updateProduct(id: \"{mug}\", input: {{name: \"Cup\"}}, version: 7) {{ id }} }}");
    assert_eq!(error(&ask(&admin, 200, &stale, Value::Null).await?), ("precondition_failed", 412, vec![]));
    let early = format!("mutation {{ shipOrder(id: \"{order}\") {{ id }} }}");
    assert_eq!(error(&ask(&admin, 200, &early, Value::Null).await?), ("invalid_transition", 409, vec![]));
    let unknown = ask(&ada, 200, "{ me { shoeSize } }", Value::Null).await?;
    assert_eq!((error(&unknown), unknown.get("data")), (("validation_failed", 400, vec![]), None));
    Ok(())
}
