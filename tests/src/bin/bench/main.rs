//! What the program costs on this machine: `bench` prints a table, `bench --check` measures only what is promised and
//! fails if a promise is broken; `bench servers [PEERS]` measures it on PostgreSQL and Redis, beside other services if
//! there are any in that folder; `bench search [PRODUCTS]` measures searches of a million products.
//!
//! The program is built in the profile of this one, unless `ENTREPOT_BIN` names another. `tests/run` checks the promises of
//! a release build with a debug build of this; figures are taken from the profile `dist`.
//!
//! A shared machine is noisy, so each figure is the best of some rounds. CPU time per request still depends on the machine
//! (half of it is the kernel's sockets), so it is an aim and no promise.

mod bare;
mod contender;
mod ground;
mod load;
mod process;
mod search;
mod servers;
mod shop;
mod start;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use bare::Bare;
use load::Length;
use shop::Shop;

/// One line of the table.
struct Row {
    what: &'static str,
    measured: f64,
    unit: &'static str,
    promise: Promise,
}

enum Promise {
    AtMost(f64),
    AtLeast(f64),
    Aim(f64),
}

impl Row {
    fn kept(&self) -> bool {
        match self.promise {
            Promise::AtMost(most) | Promise::Aim(most) => self.measured <= most,
            Promise::AtLeast(least) => self.measured >= least,
        }
    }

    fn print(&self) {
        let promise = match self.promise {
            Promise::AtMost(most) | Promise::Aim(most) => format!("≤ {most}"),
            Promise::AtLeast(least) => format!("≥ {least}"),
        };
        let verdict = match self.promise {
            _ if self.kept() => "",
            Promise::Aim(_) => " aimed at, not met here",
            Promise::AtMost(_) | Promise::AtLeast(_) => " BROKEN",
        };
        println!("| {:<52} | {:>10.1} {:<8} | {promise:>8} |{verdict}", self.what, self.measured, self.unit);
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(bare::ARGUMENT) {
        return bare::serve();
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        match first.as_deref() {
            Some("search") => search::table(arguments.next().map(|count| count.parse()).transpose()?).await,
            Some("servers") => servers::table(arguments.next().map(PathBuf::from).as_deref()).await,
            argument => alone(argument == Some("--check")).await,
        }
    })
}

/// What it costs on the embedded store.
async fn alone(check: bool) -> Result<()> {
    let mut rows = Vec::from(start_and_idle().await?);
    if !check {
        rows.extend(product_read().await?);
    }
    rows.push(orders().await?);
    println!("| {:<52} | {:>19} | {:>8} |", "what", "measured", "promise");
    println!("|{}|{}|{}|", "-".repeat(54), "-".repeat(21), "-".repeat(10));
    rows.iter().for_each(Row::print);
    if check && !rows.iter().all(Row::kept) {
        bail!("a promise is broken on this machine");
    }
    Ok(())
}

/// The best of several, as `better` judges.
fn best(values: impl IntoIterator<Item = f64>, better: fn(f64, f64) -> f64) -> Result<f64> {
    values.into_iter().reduce(better).context("nothing was measured")
}

async fn start_and_idle() -> Result<[Row; 2]> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (time, size) = shop::first_answer().await?;
        times.push(millis(time));
        sizes.push(size);
    }
    let (time, size) = (best(times, f64::min)?, best(sizes, f64::min)?);
    Ok([
        Row { what: "start to first answer", measured: time, unit: "ms", promise: Promise::AtMost(100.0) },
        Row { what: "resident memory, idle", measured: size, unit: "MB", promise: Promise::AtMost(30.0) },
    ])
}

/// What a cached product costs, and what all that stands before a handler adds to a bare one.
async fn product_read() -> Result<[Row; 2]> {
    let (shop, bare) = (Shop::open(100).await?, Bare::start()?);
    let product = |n| shop.read_product(n);
    // Its handler does next to nothing.
    let live = |_| b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let (mut products, mut lives, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that what disturbs one disturbs the others.
    for _ in 0..5 {
        products.push(cost(shop.pid(), shop.address(), product)?);
        lives.push(cost(shop.pid(), shop.address(), live)?);
        bares.push(cost(bare.pid(), bare.address(), product)?);
    }
    let [product, live, bare] = [best(products, f64::min)?, best(lives, f64::min)?, best(bares, f64::min)?];
    println!("/health/live takes {live:.1} µs, a bare handler of actix-web {bare:.1} µs");
    let aim = |what, measured, most| Row { what, measured, unit: "µs", promise: Promise::Aim(most) };
    Ok([
        aim("cached product, CPU of the server", product, 15.0),
        aim("the edge but for limits: /health/live less bare", live - bare, 5.0),
    ])
}

/// The CPU time of a process for each request, in microseconds. With as many connections as keep it busy: one that has to
/// be woken for each request pays for that, and not for its answer.
fn cost(pid: u32, address: SocketAddr, request: impl Fn(usize) -> Vec<u8> + Send) -> Result<f64> {
    let before = process::cpu(pid)?;
    let load = load::run(address, 32, Length::Requests(2_500), 200, request)?;
    if load.refused > 0 {
        bail!("{} reads were refused", load.refused);
    }
    let cost = process::cpu(pid)?.saturating_sub(before);
    Ok(cost.as_secs_f64() * 1e6 / f64::from(load.requests))
}

async fn orders() -> Result<Row> {
    let shop = Shop::open(1_000).await?;
    let mut rates = Vec::new();
    for _ in 0..3 {
        let load = load::run(shop.address(), 8, Length::Requests(1_000), 201, |n| shop.order_of_three(n * 17))?;
        if load.refused > 0 {
            bail!("{} orders were refused", load.refused);
        }
        println!("8,000 orders in {:.0} ms, p99 {:.1} ms", millis(load.took), millis(load.p99));
        rates.push(f64::from(load.requests) / load.took.as_secs_f64());
    }
    let measured = best(rates, f64::max)?;
    Ok(Row {
        what: "orders of 3 lines, synchronous=FULL, 8 connections",
        measured,
        unit: "orders/s",
        promise: Promise::AtLeast(1_000.0),
    })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
