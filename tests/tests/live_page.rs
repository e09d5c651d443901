//! The page at `/live`, in a real browser.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::{Client, Server, browser::Browser};

#[tokio::test]
async fn staff_follow_the_shop_also_after_a_restart() -> Result<()> {
    let mut server = Server::start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG-1", 295, 12).await?;

    let page = Browser::start().await?;
    page.open(&format!("{}/live", server.url())).await?;
    page.type_into("input[name=email]", staff.email()).await?;
    page.type_into("input[name=password]", "not the password").await?;
    page.click("#login button").await?;
    page.find("#refused:not(:empty)").await?;
    page.type_into("input[name=password]", staff.password()).await?;
    page.click("#login button").await?;
    page.find("#state[data-connected=true]").await?;

    ada.order(&mug, 3).await?.expect(201);
    page.find("#orders-total[data-total='1']").await?;
    page.find("#events li[data-type='order.created']").await?;
    page.find("#stock tr[data-sku='MUG-1']").await?;
    page.find("#orders canvas").await?;
    page.find("#latency canvas").await?;

    server.roll(0)?;
    // Its connections were closed, which the old client may learn only by a request.
    let ada = Client::new(&server.url()).with_token(ada.token());
    ada.order(&mug, 1).await?.expect(201);
    page.find("#orders-total[data-total='2']").await?;
    ada.order(&mug, 1).await?.expect(201);
    page.find("#orders-total[data-total='3']").await?;
    page.close().await
}
