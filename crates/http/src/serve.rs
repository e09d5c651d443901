//! Listening.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{HttpServer, dev::Server};

use crate::{HttpState, routes::app};

/// Longer than the 60 s after which proxies give an idle connection up, so that they are the ones who close it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For the head of a request; its body is within the request's own time-out.
const CLIENT_REQUEST: Duration = Duration::from_secs(10);
const CLIENT_DISCONNECT: Duration = Duration::from_secs(2);
/// Of each worker; more wait in the listener's backlog.
const CONNECTIONS: usize = 10_000;

/// Serves the API on a listener that is bound, until its handle stops it. Signals are the caller's.
///
/// # Errors
/// What the system says of the listener.
pub fn serve(listener: TcpListener, state: Arc<HttpState>, workers: usize) -> io::Result<Server> {
    let shutdown = state.settings.shutdown_timeout;
    let server = HttpServer::new(move || app(&state))
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(CLIENT_REQUEST)
        .client_disconnect_timeout(CLIENT_DISCONNECT)
        .shutdown_timeout(shutdown.as_secs() + u64::from(shutdown.subsec_nanos() > 0))
        .max_connections(CONNECTIONS)
        .tcp_nodelay(true)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}
