//! The page at `/docs`, in a real browser: log in, authorise, and place an order, by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::{Server, browser::Browser};
use serde_json::Value;

/// Opens an operation of the page, fills in its body, sends it, and returns the status and the body of the answer.
async fn send(page: &Browser, operation: &str, body: &str) -> Result<(String, Value)> {
    let block = format!("[id='operations-{operation}']");
    page.click(&format!("{block} .opblock-summary-control")).await?;
    page.type_into(&format!("{block} textarea.body-param__text"), body).await?;
    page.click(&format!("{block} .execute")).await?;
    let answer = format!("{block} .live-responses-table");
    let status = page.text(&format!("{answer} tbody .response-col_status")).await?;
    let shown = page.text(&format!("{answer} tbody .highlight-code code")).await?;
    Ok((status, serde_json::from_str(&shown)?))
}

#[tokio::test]
async fn user_logs_in_and_orders_from_the_docs_page() -> Result<()> {
    let server = Server::start(&[]).await?;
    let admin = server.admin().await?;
    let product = admin.product("MUG-1", 295, 10).await?;
    let ada = server.customer("ada@example.com").await?;

    let page = Browser::start().await?;
    page.open(&format!("{}/docs", server.url())).await?;

    let login = format!(r#"{{"email":"ada@example.com","password":"{}"}}"#, ada.password());
    let (status, answer) = send(&page, "auth-login", &login).await?;
    assert!(status.starts_with("200"), "{status}: {answer}");
    let token = answer["data"]["token"].as_str().unwrap();

    page.click(".auth-wrapper .btn.authorize").await?;
    page.type_into(".auth-container input", token).await?;
    page.click(".auth-btn-wrapper .btn.authorize").await?;
    page.click(".auth-btn-wrapper .btn-done").await?;

    let order = format!(r#"{{"items":[{{"productId":"{product}","quantity":2}}]}}"#);
    let (status, answer) = send(&page, "orders-placeOrder", &order).await?;
    assert!(status.starts_with("201"), "{status}: {answer}");
    assert_eq!(answer["data"]["total"]["amount"], 590);
    page.close().await
}
