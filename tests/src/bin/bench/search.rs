//! What a search of a large catalogue takes, on SQLite and on PostgreSQL, from the request to the answer.
//!
//! `bench search [PRODUCTS]`; a million unless told, whose import takes some minutes on each store.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::Postgres;
use entrepot_tests::{Client, Server};
use tokio_postgres::NoTls;

/// How many products there are.
const PRODUCTS: usize = 1_000_000;

/// How often each search is asked; the best time counts.
const ROUNDS: usize = 5;

/// How many pages of a hundred a deep cursor has behind it, if there are so many.
const DEPTH: usize = 50;

/// What is looked for, and how many of a million have it.
const SEARCHES: [(&str, &str); 7] = [
    ("quetzalcoatl", "a word of 10"),
    ("sku-0001234", "a sku"),
    ("teapot", "a word of 50,000"),
    ("mug", "a word of 500,000"),
    ("mug teapot", "two words, of 500,000 and 50,000"),
    ("mug&inStock=true", "a word of 500,000, half in stock"),
    ("ug", "two letters of 500,000"),
];

pub(crate) async fn table(products: Option<usize>) -> Result<()> {
    let products = products.unwrap_or(PRODUCTS);
    measure("SQLite", &Server::start(&[("RATE_LIMIT", "off")]).await?, products, None).await?;
    let postgres = Postgres::start().await?;
    let url = postgres.url("postgres");
    let server = Server::start(&[("RATE_LIMIT", "off"), ("DATABASE_URL", &url)]).await?;
    measure("PostgreSQL", &server, products, Some(&url)).await
}

async fn measure(store: &str, server: &Server, products: usize, database: Option<&str>) -> Result<()> {
    let begun = Instant::now();
    server.file("catalogue.csv", &catalogue(products)?)?;
    let imported = server.command(&["import", "products", "catalogue.csv"], &[])?;
    ensure!(imported.status.success(), "import: {}", String::from_utf8_lossy(&imported.stderr));
    println!("{store}: {products} products imported in {:.0} s", begun.elapsed().as_secs_f64());
    if let Some(url) = database {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        // As the server does by itself, some time later.
        client.batch_execute("VACUUM ANALYZE").await?;
    }
    let client = server.anonymous();
    println!(
        "| {:<36} | {:<6} | {:>12} | {:>12} | {:>12} |",
        "ms", "sort", "counted page", "first cursor", "deep cursor"
    );
    for (words, what) in SEARCHES {
        for sort in ["name", "-createdAt"] {
            let list = format!("/products?q={}&sort={sort}", words.replace(' ', "+"));
            let page = best(&client, &list).await?;
            let first = best(&client, &format!("{list}&cursor=")).await?;
            let deep = deep(&client, &list).await?;
            let deep = best(&client, &format!("{list}&cursor={deep}")).await?;
            println!(
                "| {what:<36} | {sort:<6.6} | {:>12.1} | {:>12.1} | {:>12.1} |",
                millis(page),
                millis(first),
                millis(deep)
            );
        }
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The best time of some.
async fn best(client: &Client, path: &str) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        client.get(path).await?.expect(200);
        best = best.min(begun.elapsed());
    }
    Ok(best)
}

/// The last cursor of a list, or a deep one.
async fn deep(client: &Client, list: &str) -> Result<String> {
    let mut cursor = String::new();
    for _ in 0..DEPTH {
        let part = client.get(&format!("{list}&limit=100&cursor={cursor}")).await?.expect(200);
        match part.body.pointer("/pagination/nextCursor").and_then(|next| next.as_str()) {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    Ok(cursor)
}

/// Names and descriptions of made-up words, some of which many have.
fn catalogue(products: usize) -> Result<String> {
    let mut file = String::from("sku,name,price,description,stock\n");
    let mut state = 1_u64;
    for n in 0..products {
        let mug = if n % 2 == 0 { " mug" } else { "" };
        let teapot = if n % 20 == 7 { " teapot" } else { "" };
        let rare = if n % 100_003 == 5 { " quetzalcoatl" } else { "" };
        let name = format!("{}{mug}{teapot}{rare}", words(&mut state, 3).context("no words")?);
        let description = words(&mut state, 11).context("no words")?;
        writeln!(file, "SKU-{n:07},{name},{},{description},{}", 100 + n % 90_000, n / 3 % 2)?;
    }
    Ok(file)
}

/// Words of syllables, common ones more often than others.
fn words(state: &mut u64, count: usize) -> Option<String> {
    const CONSONANTS: &[u8] = b"bcdfghklmnprstvw";
    const VOWELS: &[u8] = b"aeiou";
    let mut text = String::new();
    for _ in 0..count {
        // Of Knuth's MMIX.
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = usize::try_from(*state >> 33).ok()?;
        // The product of two is small more often than great.
        let mut word = (random & 0xff) * (random >> 8 & 0xff) / 4 + 1_000;
        if !text.is_empty() {
            text.push(' ');
        }
        while word > 0 {
            text.push(char::from(*CONSONANTS.get(word % 16)?));
            text.push(char::from(*VOWELS.get(word / 16 % 5)?));
            word /= 80;
        }
    }
    Some(text)
}
