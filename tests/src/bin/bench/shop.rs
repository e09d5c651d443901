//! A shop to be measured, and the bytes that are sent to it.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use entrepot_tests::{Client, Server, entrepot};
use serde_json::json;
use tempfile::TempDir;

use crate::process;

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Limits that count, but refuse no request.
const SETTINGS: [(&str, &str); 4] = [
    ("RATE_LIMIT", "on"),
    ("RATE_LIMIT_MAX", "1000000000"),
    ("RATE_LIMIT_USER_MAX", "1000000000"),
    ("LOG_FORMAT", "json"),
];

/// A server with a catalogue, and one customer who is logged in.
pub(crate) struct Shop {
    server: Server,
    customer: Client,
    products: Vec<String>,
    orders: AtomicU64,
}

impl Shop {
    /// Starts a server and imports so many products, each with more stock than a load buys.
    pub(crate) async fn open(products: usize) -> Result<Self> {
        let mut file = String::from("sku,name,price,stock\n");
        for n in 0..products {
            writeln!(file, "SKU-{n:05},The number {n},{},1000000000", 100 + n)?;
        }
        Self::stocked(&file).await
    }

    async fn stocked(catalogue: &str) -> Result<Self> {
        let server = Server::start(&SETTINGS).await?;
        server.file("catalogue.csv", catalogue)?;
        let imported = server.command(&["import", "products", "catalogue.csv"], &[])?;
        ensure!(imported.status.success(), "import: {}", String::from_utf8_lossy(&imported.stderr));
        let customer = server.customer("ada@example.com").await?;
        let listed = customer.all("/products?sort=sku").await?;
        let products = listed.iter().filter_map(|product| product["id"].as_str().map(str::to_owned)).collect();
        Ok(Self { server, customer, products, orders: AtomicU64::new(0) })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A request for the product with this number, counted around.
    pub(crate) fn read_product(&self, n: usize) -> Vec<u8> {
        let product = self.product(n);
        format!("GET /api/v1/products/{product} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address()).into_bytes()
    }

    /// An order of three products, one of each, with a key of its own.
    pub(crate) fn order_of_three(&self, n: usize) -> Vec<u8> {
        let items: Vec<_> = (0..3).map(|more| json!({"productId": self.product(n + more), "quantity": 1})).collect();
        let body = json!({ "items": items }).to_string();
        let key = self.orders.fetch_add(1, Ordering::Relaxed);
        format!(
            "POST /api/v1/orders HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: order-{key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address(),
            self.customer.token(),
            body.len(),
        )
        .into_bytes()
    }

    fn product(&self, n: usize) -> &str {
        n.checked_rem(self.products.len()).and_then(|n| self.products.get(n)).map_or("", String::as_str)
    }
}

/// How long it takes from the start of the process, on an empty store, to its first answer, and how many megabytes the
/// process has in use then.
pub(crate) async fn first_answer() -> Result<(Duration, f64)> {
    let program = entrepot()?;
    tokio::task::spawn_blocking(move || {
        let folder = TempDir::new()?;
        // The port is free for now, and nobody else on this machine is given it at once again.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env_clear().env("DATA_DIR", folder.path()).env("PORT", address.port().to_string());
        let begun = Instant::now();
        let server = Killed(command.spawn()?);
        while begun.elapsed() < PATIENCE {
            if is_alive(address).unwrap_or(false) {
                return Ok((begun.elapsed(), process::resident_mb(server.0.id())?));
            }
            thread::yield_now();
        }
        anyhow::bail!("the server does not answer")
    })
    .await?
}

fn is_alive(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}

/// A process that does not outlive its measurement.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
