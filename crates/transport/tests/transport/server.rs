//! Servers for the tests.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_service::map_config;
use actix_web::{App, Error, HttpRequest, HttpResponse, dev::AppConfig, rt, web};
use bytes::Bytes;
use entrepot_transport::{Certificates, Server, Settings, Stopping};
use futures_util::{StreamExt, stream};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::{runtime::Builder, sync::oneshot};

/// The length of `/large`.
pub(crate) const LARGE: usize = 1_000_000;

/// A server in its own thread.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    /// In PEM.
    pub(crate) certificate: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let thread = thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let stopping = Arc::new(OnceLock::new());
                let known = stopping.clone();
                let app = move || {
                    let app = App::new().app_data(web::Data::from(known.clone())).configure(routes);
                    map_config(app, |()| AppConfig::default())
                };
                let server = Server::start(listener, settings, app).unwrap();
                stopping.set(server.stopping()).unwrap();
                started.send(()).unwrap();
                server.run(async { drop(stopped.await) }).await;
            });
        });
        start.recv().unwrap();
        Self { address, certificate: None, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn with_tls(mut settings: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().self_signed(&key).unwrap().pem();
        let [cert_path, key_path] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        std::fs::write(&cert_path, &certificate).unwrap();
        std::fs::write(&key_path, key.serialize_pem()).unwrap();
        settings.certificates = Some(Arc::new(Certificates::read(&cert_path, &key_path).unwrap()));
        let mut server = Self::start(settings);
        server.certificate = Some(certificate);
        server
    }

    pub(crate) fn request_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Settings with a stop without a grace period.
pub(crate) fn settings() -> Settings {
    Settings { shutdown_timeout: Duration::from_secs(5), ..Settings::default() }
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/live", web::get().to(async || HttpResponse::Ok().body("alive")))
        .route("/live", web::head().to(async || HttpResponse::Ok().body("alive")))
        .route("/echo", web::post().to(async |body: Bytes| HttpResponse::Ok().body(body)))
        .route("/count", web::post().to(count))
        .route("/deaf", web::post().to(async || HttpResponse::Unauthorized().body("deaf")))
        .route("/parts", web::get().to(parts))
        .route(
            "/same",
            web::get().to(async || HttpResponse::NotModified().insert_header(("content-length", "7")).finish()),
        )
        .route("/large", web::get().to(async || HttpResponse::Ok().body("x".repeat(LARGE))))
        .route("/never", web::get().to(std::future::pending::<HttpResponse>))
        .route("/hold", web::post().to(hold))
        .route("/cookies", web::get().to(cookies))
        .route("/events", web::get().to(events))
        .route("/ws", web::get().to(websocket));
}

/// A response of unknown length.
async fn parts() -> HttpResponse {
    let parts = ["one ", "", "two"].map(|part| Ok::<_, Error>(Bytes::from(part)));
    HttpResponse::Ok().streaming(stream::iter(parts))
}

/// Responds with the number of bytes received.
async fn count(mut body: web::Payload) -> Result<String, Error> {
    let mut count = 0;
    while let Some(piece) = body.next().await {
        count += piece?.len();
    }
    Ok(count.to_string())
}

/// Never responds, and keeps its body unread.
async fn hold(_body: web::Payload) -> HttpResponse {
    std::future::pending().await
}

/// A response with two headers of the same name.
async fn cookies() -> HttpResponse {
    HttpResponse::Ok().append_header(("set-cookie", "a=1")).append_header(("set-cookie", "b=2")).finish()
}

/// A response that ends only when the server stops.
async fn events(stopping: web::Data<OnceLock<Stopping>>) -> HttpResponse {
    let first = stream::iter([Ok::<_, Error>(Bytes::from_static(b"first"))]);
    let last = stream::once(async move {
        stopping.get().unwrap().begun().await;
        Ok(Bytes::from_static(b"last"))
    });
    HttpResponse::Ok().streaming(first.chain(last))
}

/// Echoes text messages.
async fn websocket(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Error> {
    let (answer, mut session, mut messages) = actix_ws::handle(&request, payload)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                actix_ws::Message::Text(text) => session.text(text).await.unwrap(),
                actix_ws::Message::Close(reason) => return drop(session.close(reason).await),
                _ => {}
            }
        }
    });
    Ok(answer)
}
