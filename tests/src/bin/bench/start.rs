//! Starting contenders, and making their customers.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use entrepot_tests::{
    Client, PASSWORD, entrepot,
    retail::{Basket, Month},
};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    contender::{CUSTOMERS, Contender, PRODUCTS, STOCK, basket},
    ground::{Ground, query},
};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many customers are made at once.
const AT_ONCE: usize = 8;

/// Cheap hashes and an address for each customer: both are for the making of customers alone. Everything else is as it is
/// without a setting.
const SETTINGS: [(&str, &str); 5] = [
    ("BCRYPT_COST", "4"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
    ("LOG_FORMAT", "json"),
    ("JWT_SECRET", "a secret of the bench that is long enough"),
    ("REFRESH_TOKEN_SECRET", "another secret of the same length"),
];

/// A process of a contender, ended when dropped, and its folder.
pub(crate) struct Started {
    process: Child,
    _folder: TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// This program, with its catalogue imported.
pub(crate) async fn own(ground: &Ground, month: &Month) -> Result<(Contender, Started)> {
    let url = ground.database("entrepot_bench").await?;
    let redis = format!("{}?prefix=entrepot_bench:", ground.redis);
    let (folder, address) = (TempDir::new()?, free_address()?);
    let catalogue = folder.path().join("catalogue.csv");
    fs::write(&catalogue, catalogue_of(month)?)?;
    let program = entrepot()?;
    let command = || {
        let mut command = Command::new(&program);
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("DATA_DIR", folder.path()).env("DATABASE_URL", &url).env("REDIS_URL", &redis);
        command.env("PORT", address.port().to_string()).envs(SETTINGS);
        command
    };
    let imported = command().args(["import", "products"]).arg(&catalogue).status()?;
    ensure!(imported.success(), "the catalogue could not be imported");
    let started = Started { process: command().spawn()?, _folder: folder };
    until_it_listens(address)?;
    let tokens = log_in(address, "/api/v1", true).await?;
    let products = query(&url, "SELECT sku, id FROM products ORDER BY id").await?;
    let contender = furnish(("entrepot", started.process.id(), address, "/api/v1"), tokens, products, month).await?;
    query(&url, "ANALYZE").await?;
    Ok((contender, started))
}

/// A peer in Node.js: `folder` has `NAME.js`, `schema.sql` and what they need.
pub(crate) async fn peer(
    ground: &Ground,
    folder: &Path,
    name: &'static str,
    month: &Month,
) -> Result<(Contender, Started)> {
    let url = ground.database(&format!("{name}_bench")).await?;
    query(&url, &fs::read_to_string(folder.join("schema.sql"))?).await?;
    let customers = format!(
        "INSERT INTO users (name, email, password)
        SELECT 'Ada', 'ada' || n || '@example.com', hash
        FROM crypt('{PASSWORD}', gen_salt('bf', 4)) hash, generate_series(0, {CUSTOMERS} - 1) n"
    );
    query(&url, &customers).await?;
    let address = free_address()?;
    let mut command = Command::new("node");
    command.arg(format!("{name}.js")).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("DATABASE_URL", &url).env("REDIS_URL", &ground.redis).env("PORT", address.port().to_string());
    // Without ordered locks real baskets deadlock there.
    command.env("SORT", "1").envs(SETTINGS);
    let started = Started { process: command.spawn().context("node")?, _folder: TempDir::new()? };
    until_it_listens(address)?;
    let tokens = log_in(address, "/", false).await?;
    let products = query(&url, "SELECT id FROM products ORDER BY id").await?;
    let skus = month.catalogue.keys().cloned().chain((0..).map(filler));
    let products = skus.zip(products).map(|(sku, row)| [vec![sku], row].concat()).collect();
    let contender = furnish((name, started.process.id(), address, ""), tokens, products, month).await?;
    query(&url, "ANALYZE").await?;
    Ok((contender, started))
}

/// The sku of a product that fills the catalogue up.
fn filler(n: usize) -> String {
    format!("FILLER-{n:05}")
}

/// The catalogue of the month, filled up to as many products as the others have.
fn catalogue_of(month: &Month) -> Result<Vec<u8>> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["sku", "name", "price", "stock"])?;
    let real = month.catalogue.iter().map(|(sku, (name, price))| (sku.clone(), name.clone(), *price));
    let fillers = (0..).map(|n| (filler(n), format!("product {n}"), 295));
    for (sku, name, price) in real.chain(fillers).take(PRODUCTS) {
        file.write_record([sku, name, price.to_string(), STOCK.to_string()])?;
    }
    file.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
}

/// Puts a contender together, of products with sku and identifier, and has each customer order something.
async fn furnish(
    (name, pid, address, base): (&'static str, u32, SocketAddr, &'static str),
    tokens: Vec<String>,
    products: Vec<Vec<String>>,
    month: &Month,
) -> Result<Contender> {
    let ids: std::collections::HashMap<&str, &str> =
        products.iter().filter_map(|row| Some((row.first()?.as_str(), row.get(1)?.as_str()))).collect();
    let body =
        |lines: &Basket| basket(lines.iter().filter_map(|(sku, quantity)| Some((*ids.get(sku.as_str())?, *quantity))));
    let baskets = month.baskets.iter().map(body).collect();
    let products: Vec<String> = products.iter().filter_map(|row| row.get(1).cloned()).collect();
    ensure!(!products.is_empty(), "{name} has nothing to sell");
    let client = Client::new(&format!("http://{address}"));
    let path = if base.is_empty() { "//orders" } else { "/orders" };
    let orders = for_all_customers(|n| {
        let client = client.with_token(tokens.get(n).map_or("", String::as_str));
        let three = (0..3).filter_map(|more| products.get((n * 31 + more) % products.len())).map(|id| (id.as_str(), 1));
        let body = serde_json::from_str(&basket(three)).unwrap_or_default();
        async move {
            let placed = client.post(path, body).await?;
            ensure!(placed.status == 201, "an order is refused: {}", placed.body);
            Ok(placed.id())
        }
    });
    let orders = orders.await?;
    Ok(Contender {
        name,
        pid,
        address,
        base,
        tokens,
        products,
        orders,
        baskets,
        made: std::sync::atomic::AtomicUsize::default(),
    })
}

/// Logs all customers in, those of this program after they have registered; returns their access tokens.
async fn log_in(address: SocketAddr, base: &'static str, register: bool) -> Result<Vec<String>> {
    let client = Client::new(&format!("http://{address}"));
    let path = |path: &str| if base == "/" { format!("//{path}") } else { format!("/{path}") };
    let (users, login) = (path("users"), path("auth/login"));
    for_all_customers(|n| {
        let (client, users, login) = (client.clone(), users.clone(), login.clone());
        let email = format!("ada{n}@example.com");
        let from = format!("10.0.{}.{}", n / 250, n % 250);
        let header = ("x-forwarded-for", from);
        async move {
            let header = (header.0, header.1.as_str());
            if register {
                let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
                let registered = client.with(Method::POST, &users, header, Some(body)).await?;
                ensure!(registered.status == 201, "nobody can register: {}", registered.body);
            }
            let body = json!({"email": email, "password": PASSWORD});
            let answer = client.with(Method::POST, &login, header, Some(body)).await?;
            answer.data()["token"].as_str().map(str::to_owned).with_context(|| format!("no token: {}", answer.body))
        }
    })
    .await
}

/// Does something for each customer, for some at once; returns the results in the order of the customers.
async fn for_all_customers<F>(task: impl Fn(usize) -> F) -> Result<Vec<String>>
where
    F: Future<Output = Result<String>> + Send + 'static,
{
    let mut results = vec![String::new(); CUSTOMERS];
    let mut tasks = JoinSet::new();
    for n in 0..CUSTOMERS {
        let task = task(n);
        tasks.spawn(async move { task.await.map(|result| (n, result)) });
        if tasks.len() < AT_ONCE {
            continue;
        }
        keep(tasks.join_next().await, &mut results)?;
    }
    while !tasks.is_empty() {
        keep(tasks.join_next().await, &mut results)?;
    }
    Ok(results)
}

fn keep(
    done: Option<std::result::Result<Result<(usize, String)>, tokio::task::JoinError>>,
    results: &mut [String],
) -> Result<()> {
    let Some(done) = done else { return Ok(()) };
    let (n, result) = done??;
    if let Some(place) = results.get_mut(n) {
        *place = result;
    }
    Ok(())
}

/// The port is free for now, and nobody else on this machine is given it at once again.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn until_it_listens(address: SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > PATIENCE {
            bail!("nobody listens on {address}");
        }
        std::thread::yield_now();
    }
    Ok(())
}
