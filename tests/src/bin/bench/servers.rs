//! What the program costs on PostgreSQL and Redis, and beside it, if they are there, others who do the same.
//!
//! Many customers take turns, under the default limits. For each kind of work all contenders are measured one after the
//! other, so that what disturbs one disturbs the others.

use std::path::Path;

use anyhow::Result;
use entrepot_tests::retail;

use crate::{
    contender::{CUSTOMERS, Contender, Outcome, Work},
    ground::Ground,
    start::{self, Started},
};

/// What is measured, and on how many connections.
const ROWS: [(Work, usize); 7] = [
    (Work::Product, 32),
    (Work::Page, 32),
    (Work::OwnOrder, 32),
    (Work::OrderOfThree, 8),
    (Work::OrderOfThree, 32),
    (Work::Basket, 8),
    (Work::Basket, 32),
];

/// Those that are measured beside this program.
const PEERS: [&str; 2] = ["fastify", "express"];

/// Prints the table; `peers` is a folder with `express.js`, `fastify.js`, `schema.sql` and what they need.
pub(crate) async fn table(peers: Option<&Path>) -> Result<()> {
    let (ground, month) = (Ground::find().await?, retail::month()?);
    let mut contenders = vec![start::own(&ground, &month).await?];
    if let Some(folder) = peers {
        for name in PEERS {
            contenders.push(start::peer(&ground, folder, name, &month).await?);
        }
    }
    println!("{CUSTOMERS} customers take turns, under the default limits; CPU in µs for each request\n");
    println!(
        "| work                | connections | who      | requests/s |  p50 ms |  p99 ms | service | PostgreSQL | Redis | refused |"
    );
    println!(
        "|---------------------|-------------|----------|------------|---------|---------|---------|------------|-------|---------|"
    );
    let mut ratios = Vec::new();
    for (work, connections) in ROWS {
        let mut rates = Vec::new();
        for (contender, _) in &contenders {
            let outcome = contender.measure(work, connections, &ground.processes)?;
            print(contender, work, connections, &outcome);
            rates.push(outcome.rate);
        }
        ratios.push((work, connections, rates));
    }
    print_ratios(&contenders, &ratios);
    Ok(())
}

fn print(who: &Contender, work: Work, connections: usize, outcome: &Outcome) {
    let Outcome { rate, p50, p99, cpu, refused } = outcome;
    let [service, postgres, redis] = cpu.map(|micros| micros.map_or("?".to_owned(), |micros| format!("{micros:.0}")));
    println!(
        "| {:<19} | {connections:>11} | {:<8} | {rate:>10.0} | {p50:>7.2} | {p99:>7.2} | {service:>7} | {postgres:>10} | {redis:>5} | {refused:>7} |",
        work.name(),
        who.name,
    );
}

/// How many times as many requests this program, which is the first, answers in a second.
fn print_ratios(contenders: &[(Contender, Started)], rows: &[(Work, usize, Vec<f64>)]) {
    let [_, others @ ..] = contenders else { return };
    if others.is_empty() {
        return;
    }
    let names: Vec<_> = others.iter().map(|(other, _)| format!("× {:<8}", other.name)).collect();
    println!("\n| work                | connections | {} |", names.join(" | "));
    println!("|---------------------|-------------|{}", "------------|".repeat(others.len()));
    for (work, connections, rates) in rows {
        let [own, others @ ..] = rates.as_slice() else { continue };
        let ratios: Vec<_> = others.iter().map(|other| format!("{:>10.1}", own / other)).collect();
        println!("| {:<19} | {connections:>11} | {} |", work.name(), ratios.join(" | "));
    }
}
