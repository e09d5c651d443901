//! What the same request costs where nothing is done with it: a handler of actix-web that answers with constant bytes,
//! whatever path it is asked for. What the program takes beside it is its own doing: the edge, the cache and the handler.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};

/// The argument that makes this program such a server.
pub(crate) const ARGUMENT: &str = "bare";

/// As long as a product.
const BODY: &str = r#"{"status":"success","data":{"id":"0198c2f7-0000-7000-8000-000000000000","sku":"SKU-00000","name":"The number 0","description":"","price":{"amount":100,"currency":"GBP"},"stock":1000000000,"version":1,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}}"#;

/// Serves until it is killed; says where on stdout.
pub(crate) fn serve() -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let product = || async { HttpResponse::Ok().content_type("application/json").body(BODY) };
        let app = move || App::new().default_service(web::to(product));
        let server = HttpServer::new(app).workers(2).bind(("127.0.0.1", 0))?;
        println!("{}", server.addrs().first().context("no address")?);
        Ok(server.run().await?)
    })
}

/// A process that serves so, until this is dropped.
pub(crate) struct Bare {
    process: Child,
    address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Result<Self> {
        let mut process = Command::new(env::current_exe()?).arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no stdout")?).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse()?, process })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
