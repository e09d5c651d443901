//! The catalogue.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

#[tokio::test]
async fn product_created_by_staff_is_public() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let mug = json!({
        "sku": "MUG-1", "name": "Enamel mug", "description": "Holds tea.", "stock": 10,
        "price": {"amount": 295, "currency": "EUR"},
    });
    let made = staff.post("/products", mug.clone()).await?.expect(201);
    let product = made.data();
    for (field, value) in mug.as_object().unwrap() {
        assert_eq!(&product[field], value);
    }
    let mut fields: Vec<_> = product.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["createdAt", "description", "id", "name", "price", "sku", "stock", "updatedAt", "version"]);
    assert_eq!(made.header("location"), format!("/api/v1/products/{}", made.id()));
    let seen = server.anonymous().get(&format!("/products/{}", made.id())).await?.expect(200);
    assert_eq!((seen.data(), seen.header("etag")), (product, made.header("etag")));
    Ok(())
}

#[tokio::test]
async fn omitted_fields_have_defaults() -> Result<()> {
    let server = start(&[("DEFAULT_CURRENCY", "CHF")]).await?;
    let admin = server.admin().await?;
    let made = admin.post("/products", json!({"sku": "A", "name": "A", "price": {"amount": 0}})).await?.expect(201);
    assert_eq!(made.data()["price"], json!({"amount": 0, "currency": "CHF"}));
    assert_eq!((&made.data()["stock"], &made.data()["description"]), (&json!(0), &json!("")));
    Ok(())
}

#[tokio::test]
async fn only_staff_change_the_catalogue() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let path = format!("/products/{}", admin.product("MUG", 295, 5).await?);
    let body = json!({"sku": "A", "name": "A", "price": {"amount": 1}});
    for (who, status, code) in [(&ada, 403, "forbidden"), (&server.anonymous(), 401, "missing_token")] {
        who.post("/products", body.clone()).await?.error(status, code);
        who.patch(&path, json!({"name": "X"})).await?.error(status, code);
        who.delete(&path).await?.error(status, code);
        who.post(&format!("{path}/stock"), json!({"delta": 1, "reason": "x"})).await?.error(status, code);
    }
    Ok(())
}

#[tokio::test]
async fn invalid_product_names_each_field() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let bad = json!({
        "sku": "", "name": "", "stock": -1, "price": {"amount": -1, "currency": "POUNDS", "x": 1}, "id": "x", "version": 3,
    });
    admin.post("/products", bad).await?.invalid(&[
        "sku",
        "name",
        "stock",
        "price.amount",
        "price.currency",
        "price.x",
        "id",
        "version",
    ]);
    for amount in [json!(2.95), json!("295"), json!(1e30), json!(9_223_372_036_854_775_808_u64), Value::Null] {
        let body = json!({"sku": "A", "name": "A", "price": {"amount": amount}});
        admin.post("/products", body).await?.invalid(&["price.amount"]);
    }
    admin.post("/products", json!({"sku": "A", "name": "A", "price": 295})).await?.invalid(&["price"]);
    Ok(())
}

#[tokio::test]
async fn sku_is_unique() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    admin.product("MUG", 1, 1).await?;
    let other = admin.product("CUP", 1, 1).await?;
    let again = json!({"sku": "MUG", "name": "A", "price": {"amount": 1}});
    admin.post("/products", again).await?.error(409, "sku_taken");
    admin.patch(&format!("/products/{other}"), json!({"sku": "MUG"})).await?.error(409, "sku_taken");
    Ok(())
}

#[tokio::test]
async fn read_after_a_change_never_returns_the_old_value() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let id = admin.product("MUG", 0, 100).await?;
    let path = format!("/products/{id}");
    for n in 1..20 {
        // Now it is in the cache.
        admin.get(&path).await?.expect(200);
        admin.patch(&path, json!({"price": {"amount": n}})).await?.expect(200);
        assert_eq!(admin.get(&path).await?.expect(200).data()["price"]["amount"], n);
        admin.order(&id, 1).await?.expect(201);
        assert_eq!(admin.stock(&id).await?, 100 - n);
    }
    Ok(())
}

#[tokio::test]
async fn version_is_returned_as_etag_and_checked() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let path = format!("/products/{}", admin.product("MUG", 295, 5).await?);
    let first = admin.get(&path).await?.expect(200).header("etag").to_owned();
    for known in [first.clone(), format!("W/{first}"), format!("\"x\", {first}"), "*".to_owned()] {
        let same = admin.with(Method::GET, &path, ("if-none-match", &known), None).await?;
        assert_eq!((same.status, &same.body, same.header("etag")), (304, &Value::Null, first.as_str()), "{known}");
    }
    let price = Some(json!({"price": {"amount": 325, "currency": "GBP"}}));
    let changed = admin.with(Method::PATCH, &path, ("if-match", &first), price.clone()).await?.expect(200);
    assert_eq!(changed.data()["version"], 2);
    let seen = admin.with(Method::GET, &path, ("if-none-match", &first), None).await?.expect(200);
    assert_eq!(seen.header("etag"), changed.header("etag"));
    for (method, path, body) in [
        (Method::PATCH, path.clone(), price.clone()),
        (Method::DELETE, path.clone(), None),
        (Method::POST, format!("{path}/stock"), Some(json!({"delta": 1, "reason": "x"}))),
    ] {
        let stale = admin.with(method, &path, ("if-match", &first), body).await?;
        stale.error(412, "precondition_failed");
    }
    admin.with(Method::PATCH, &path, ("if-match", "*"), price).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn preconditions_hold_for_every_method() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let path = format!("/products/{}", admin.product("MUG", 295, 5).await?);
    let change = async |header: (&'static str, &'static str)| {
        admin.with(Method::PATCH, &path, header, Some(json!({"name": "Cup"}))).await
    };
    for present in ["*", "\"1\"", "W/\"1\"", "\"7\", \"1\""] {
        change(("if-none-match", present)).await?.error(412, "precondition_failed");
    }
    for other in ["\"2\"", "\"1\"x", "\"01\"", "\"+1\""] {
        change(("if-match", other)).await?.error(412, "precondition_failed");
    }
    assert_eq!(change(("if-match", "\"5\", \"1\"")).await?.expect(200).data()["version"], 2, "one of a list matches");
    assert_eq!(change(("if-none-match", "\"1\"")).await?.expect(200).data()["version"], 3);
    let get = async |header: (&'static str, &'static str)| admin.with(Method::GET, &path, header, None).await;
    get(("if-match", "\"3\"")).await?.expect(200);
    get(("if-match", "\"2\"")).await?.error(412, "precondition_failed");
    for spelling in ["\"+3\"", "\"03\""] {
        get(("if-none-match", spelling)).await?.expect(200);
    }
    let (whole, known) = (get(("accept", "*/*")).await?, get(("if-none-match", "\"3\"")).await?);
    assert_eq!((whole.status, known.status), (200, 304));
    for name in ["etag", "cache-control", "vary"] {
        assert_eq!(whole.header(name), known.header(name), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn archived_product_remains_in_old_orders_only() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (id, path) = {
        let id = admin.product("MUG", 295, 5).await?;
        (id.clone(), format!("/products/{id}"))
    };
    let order = admin.order(&id, 1).await?.expect(201);
    admin.delete(&path).await?.expect(204);
    admin.get(&path).await?.error(404, "not_found");
    admin.delete(&path).await?.error(404, "not_found");
    admin.patch(&path, json!({"name": "X"})).await?.error(404, "not_found");
    assert!(admin.get("/products").await?.expect(200).list().is_empty());
    admin.order(&id, 1).await?.invalid(&["items[0].productId"]);
    assert_eq!(admin.get(&format!("/orders/{}", order.id())).await?.expect(200).data(), order.data());
    Ok(())
}

#[tokio::test]
async fn archived_product_is_restored_unless_its_sku_is_taken() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let old = admin.product("MUG", 295, 5).await?;
    let restore = format!("/products/{old}/restore");
    admin.delete(&format!("/products/{old}")).await?.expect(204);
    let new = admin.product("MUG", 100, 1).await?;
    admin.post(&restore, json!({})).await?.error(409, "sku_taken");
    admin.delete(&format!("/products/{new}")).await?.expect(204);
    let restored = admin.post(&restore, json!({})).await?.expect(200);
    assert_eq!(restored.data()["version"], 3);
    assert_eq!(admin.get(&format!("/products/{old}")).await?.expect(200).data(), restored.data());
    let nowhere = "/products/0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55/restore";
    admin.post(nowhere, json!({})).await?.error(404, "not_found");
    Ok(())
}

#[tokio::test]
async fn stock_changes_and_is_never_negative() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let id = admin.product("MUG", 295, 5).await?;
    let path = format!("/products/{id}/stock");
    let more = admin.post(&path, json!({"delta": 3, "reason": "delivery"})).await?.expect(200);
    assert_eq!(more.data()["stock"], 8);
    assert_eq!(admin.post(&path, json!({"delta": -8, "reason": "lost"})).await?.expect(200).data()["stock"], 0);
    admin.post(&path, json!({"delta": -1, "reason": "lost"})).await?.error(409, "insufficient_stock");
    assert_eq!(admin.stock(&id).await?, 0);
    admin.post(&path, json!({"delta": 0, "reason": "", "stock": 5})).await?.invalid(&["delta", "reason", "stock"]);
    assert_eq!(admin.post(&path, json!({"delta": i64::MAX, "reason": "x"})).await?.status, 400);
    let nowhere = "/products/0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55/stock";
    admin.post(nowhere, json!({"delta": 1, "reason": "x"})).await?.error(404, "not_found");
    // A change of price or name leaves the stock as it is, and stock cannot be set by it.
    admin.patch(&format!("/products/{id}"), json!({"stock": 7})).await?.invalid(&["stock"]);
    Ok(())
}

#[tokio::test]
async fn catalogue_is_searched_filtered_and_sorted() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for (sku, name, amount, stock) in [
        ("A-1", "Blue mug", 300, 0),
        ("A-2", "Red mug", 300, 4),
        ("B-1", "ÉCLAIR tin", 100, 1),
        ("B-2", "100%_\\'", 900, 2),
    ] {
        let body = json!({"sku": sku, "name": name, "price": {"amount": amount}, "stock": stock});
        admin.post("/products", body).await?.expect(201);
    }
    let nobody = server.anonymous();
    let found =
        async |query: &str| anyhow::Ok(nobody.get(&format!("/products?{query}")).await?.expect(200).each("sku"));
    assert_eq!(found("sort=-price,name").await?, ["B-2", "A-1", "A-2", "B-1"]);
    assert_eq!(found("sort=price,-name").await?, ["B-1", "A-2", "A-1", "B-2"]);
    assert_eq!(found("q=MUG&sort=sku").await?, ["A-1", "A-2"]);
    assert_eq!(found("q=blue+MUG").await?, ["A-1"]);
    assert_eq!(found("q=b-1").await?, ["B-1"]);
    assert_eq!(found("q=%C3%A9clair").await?, ["B-1"]);
    assert_eq!(found("inStock=false").await?, ["A-1"]);
    assert_eq!(found("inStock=true&minPrice=200&maxPrice=300").await?, ["A-2"]);
    for literal in ["%25", "_", "%5C", "'"] {
        assert_eq!(found(&format!("q={literal}")).await?, ["B-2"], "{literal}");
    }
    assert!(found("q=nothing+like+it").await?.is_empty());
    nobody.get("/products?minPrice=5&maxPrice=4").await?.invalid(&["minPrice"]);
    let page = nobody.get("/products?q=mug").await?.expect(200);
    assert_eq!(page.body["pagination"]["total"], 2);
    Ok(())
}

#[tokio::test]
async fn prices_are_compared_within_one_currency() -> Result<()> {
    let server = start(&[("DEFAULT_CURRENCY", "EUR")]).await?;
    let admin = server.admin().await?;
    for (sku, amount, currency) in [("E1", 100, "EUR"), ("E3", 300, "EUR"), ("J2", 200, "JPY"), ("J4", 400, "JPY")] {
        let body = json!({"sku": sku, "name": sku, "price": {"amount": amount, "currency": currency}});
        admin.post("/products", body).await?.expect(201);
    }
    let nobody = server.anonymous();
    let found = async |query: &str| {
        let path = format!("/products?sort=sku&{query}");
        anyhow::Ok(nobody.get(&path).await?.expect(200).each("sku"))
    };
    assert_eq!(found("minPrice=200").await?, ["E3"]);
    assert_eq!(found("maxPrice=200").await?, ["E1"]);
    assert_eq!(found("minPrice=200&currency=EUR").await?, ["E3"]);
    assert_eq!(found("minPrice=200&currency=JPY").await?, ["J2", "J4"]);
    assert_eq!(found("minPrice=150&maxPrice=350&currency=JPY").await?, ["J2"]);
    assert_eq!(found("currency=JPY").await?, ["J2", "J4"]);
    assert_eq!(found("").await?, ["E1", "E3", "J2", "J4"]);
    for unknown in ["XXY", "yen"] {
        nobody.get(&format!("/products?currency={unknown}")).await?.invalid(&["currency"]);
    }
    Ok(())
}

#[tokio::test]
async fn amount_alone_is_in_the_currency_of_the_product() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = json!({"sku": "MUG", "name": "Mug", "price": {"amount": 500, "currency": "JPY"}});
    let path = format!("/products/{}", admin.post("/products", mug).await?.expect(201).id());
    let change = async |price: Value| admin.patch(&path, json!({ "price": price })).await;
    let dearer = change(json!({"amount": 600})).await?.expect(200);
    assert_eq!(dearer.data()["price"], json!({"amount": 600, "currency": "JPY"}));
    let other = change(json!({"amount": 300, "currency": "GBP"})).await?.expect(200);
    assert_eq!(other.data()["price"], json!({"amount": 300, "currency": "GBP"}));
    let made = json!({"sku": "CUP", "name": "Cup", "price": {"amount": 5}});
    assert_eq!(admin.post("/products", made).await?.expect(201).data()["price"]["currency"], "GBP");
    Ok(())
}
