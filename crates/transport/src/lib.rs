//! Connections: HTTP/1, HTTP/2 and TLS for any actix service.
//!
//! A [`Server`] accepts connections, gives each to the worker thread that has fewest, and answers their requests with the
//! actix service that was made for that worker, such as an actix-web `App`. It knows no route and reads no body.
//!
//! # What it promises
//!
//! - No client can be slow for ever: see [`Timeouts`]. There are time-outs for each head, each handshake and each frame of
//!   HTTP/2, for an idle connection and for an answer that is not read. The time of a request is for the application to
//!   bound.
//! - There are never more than [`max_connections`](Settings::max_connections): the ones that have been idle for longest
//!   make room. A connection allocates no buffer before its first byte arrives.
//! - What is no HTTP is refused once, with a bare answer, and its connection is closed; a client that goes on sending is
//!   read for a moment, so that it sees the refusal.
//! - A fault in one stream of HTTP/2 resets that stream and no other one, and a client that does not read, resets what it
//!   asks for, or sends its body in crumbs holds a bounded amount of memory.
//! - A stop loses no request: see [`Server::run`]. Answers without an end are told of it by [`Stopping`].
//! - New certificates are taken up while it runs: see [`Certificates`].
//!
//! # What the libraries give
//!
//! **hyper** parses and encodes HTTP/1: heads, bodies, `100 Continue`, keep-alive. **h2** speaks HTTP/2: frames, HPACK,
//! windows, limits of streams and resets. hyper could drive h2 too, but has no way to say `100 Continue` there, to end an
//! answer that is not read, or to end a connection with GOAWAY and a reason, so h2 is used directly. **rustls** encrypts.
//!
//! # What is ours, and why
//!
//! - `listener`, `connection_limit`, `worker`, `server`: threads, the backlog at a stop, and eviction. A server library
//!   leaves them to its user.
//! - `connection`, `timeouts`, `stream`: which connections are slow or idle. hyper has one time-out for idle connections
//!   and heads together, and none for answers that are not read; a timer for each would cost more than the coarse clock.
//! - `http1/wire`, `http1/head`, `http1/chunks`: each head is looked through before hyper has it, and nothing behind it is
//!   given away before hyper has said how long its body is. For that what hyper takes silently is refused (a length beside
//!   chunks, a fragment in the target, whatever stands behind the last chunk), and what it would refuse is understood
//!   (HTTP/1.2) or refused for its own reason (414, 431, 505).
//! - `http2/filter`, `http2/fields`, `http2/huffman`: h2 ends a connection for a malformed field, which is one stream's
//!   fault. Such a head is written anew, as one for which h2 resets the stream.
//! - `host`, `fields`: the checks of `Host` and `:authority`, which both libraries leave to their user.
//! - `convert`, `body`, `application`: actix speaks the types of http 0.2, the libraries those of http 1. Nothing else
//!   here knows both.
//! - `http1/upgrade`: after a 101 the payload of the request and the body of the answer are the connection itself, so that
//!   actix-ws works.
//!
//! A connection that has been used keeps hyper's buffers, some 20 KB, until it is closed.

mod application;
mod body;
mod connection;
mod connection_limit;
mod convert;
mod fields;
mod host;
mod http1;
mod http2;
mod http2_frames;
mod listener;
mod refusal;
mod server;
mod settings;
mod stop;
mod stream;
mod timeouts;
mod tls;
mod worker;

pub use server::Server;
pub use settings::Settings;
pub use stop::Stopping;
pub use timeouts::Timeouts;
pub use tls::{CertificateError, Certificates};
