//! Data of an older version with another folding of emails and search texts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::{Shop, client, options};
use entrepot_domain::{
    Direction, Limit, PageNumber, Sort, Window,
    product::{ProductFilter, ProductQuery, ProductRepository, ProductSort},
    user::UserRepository,
};
use entrepot_postgres::migrate;
use entrepot_testkit::{at, cause, new_user, product};
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn emails_and_search_texts_of_older_programs_are_folded_again() {
    let shop = Shop::new().await;
    let mut ada = new_user("ada");
    ada.user.email = entrepot_testkit::email("Ada@MÜNCHEN.example");
    UserRepository::insert(&*shop.store, &ada, &cause(at(0))).await.unwrap();
    let greek = product(1).name("ΜΑΥΡΟΣ").build();
    ProductRepository::insert(&*shop.store, &greek, &cause(at(0))).await.unwrap();
    client(shop.database.url())
        .await
        .batch_execute(
            "UPDATE users SET email_folded = 'ada@münchen.example', search = E'ada\\nada@münchen.example';
             UPDATE products SET search = E'μαυρος\\nsku-1\\n';
             DELETE FROM __diesel_schema_migrations WHERE version = '20261128180000';",
        )
        .await
        .unwrap();

    let options = options(shop.database.url());
    assert_eq!(spawn_blocking(move || migrate(&options)).await.unwrap().unwrap(), 1);
    let punycode = entrepot_testkit::email("ada@xn--mnchen-3ya.example");
    assert_eq!(shop.store.credentials_by_email(&punycode).await.unwrap().map(|known| known.user), Some(ada.user));
    let query = ProductQuery {
        filter: ProductFilter { search: Some("μαυρος".to_owned()), ..ProductFilter::default() },
        sort: Sort::by(ProductSort::Name, Direction::Ascending),
        window: Window::Page { page: PageNumber::default(), limit: Limit::default() },
    };
    assert_eq!(ProductRepository::list(&*shop.store, &query).await.unwrap().items, [greek]);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_of_two_accounts_stays_with_the_verified_one() {
    let shop = Shop::new().await;
    let (older, newer) = (new_user("a"), new_user("bb"));
    for user in [&older, &newer] {
        UserRepository::insert(&*shop.store, user, &cause(at(0))).await.unwrap();
    }
    let (older, newer) = (older.user.id, newer.user.id);
    client(shop.database.url())
        .await
        .batch_execute(&format!(
            "UPDATE users SET email = 'x@xn--mnchen-3ya.example', email_folded = 'x@xn--mnchen-3ya.example',
                 email_verified = false WHERE id = '{older}';
             UPDATE users SET email = 'x@münchen.example', email_folded = 'x@münchen.example',
                 search = E'bb\\nx@münchen.example', email_verified = true WHERE id = '{newer}';
             DELETE FROM __diesel_schema_migrations WHERE version = '20261128180000';"
        ))
        .await
        .unwrap();

    let options = options(shop.database.url());
    let migrations: Vec<_> = (0..4)
        .map(|_| {
            let options = options.clone();
            spawn_blocking(move || migrate(&options))
        })
        .collect();
    let mut run = 0;
    for migration in migrations {
        run += migration.await.unwrap().unwrap();
    }
    assert_eq!(run, 1, "of several instances one records it");
    let address = entrepot_testkit::email("x@xn--mnchen-3ya.example");
    assert_eq!(shop.store.credentials_by_email(&address).await.unwrap().unwrap().user.id, newer);
    assert_eq!(UserRepository::find(&*shop.store, older).await.unwrap().unwrap().email, address);
}
