//! Connections: HTTP/1, HTTP/2 and TLS for any actix service.
//!
//! A [`Server`] accepts connections, assigns each to the worker thread with the fewest, and passes their requests to
//! the actix service of that worker, such as an actix-web `App`. It knows no routes and reads no bodies.
//!
//! # What it promises
//!
//! - No client can be slow for ever: see [`Timeouts`]. There are time-outs for each head, each handshake and each frame
//!   of HTTP/2, for an idle connection and for a response that is not read. The application has to limit the time of a
//!   request.
//! - There are never more than [`max_connections`](Settings::max_connections): those that have been idle for longest
//!   are evicted. A connection allocates no buffer before its first byte arrives.
//! - Input that is not HTTP is refused once, with a bare response, and its connection is closed. It is read for a
//!   moment before, so that the client can read the refusal.
//! - An error in one stream of HTTP/2 resets only that stream. A client that does not read, resets its requests, or
//!   sends its body in tiny frames uses a bounded amount of memory.
//! - A stop loses no request: see [`Server::run`]. [`Stopping`] tells endless responses about it.
//! - New certificates are loaded while it runs: see [`Certificates`].
//!
//! # What the libraries give
//!
//! **hyper** parses and encodes HTTP/1: heads, bodies, `100 Continue`, keep-alive. **h2** implements HTTP/2: frames,
//! HPACK, windows, limits of streams and resets. hyper could use h2 too, but cannot send `100 Continue` there, end a
//! response that is not read, or end a connection with GOAWAY and a reason, so h2 is used directly. **rustls**
//! encrypts.
//!
//! # What is ours, and why
//!
//! - `listener`, `connection_limit`, `worker`, `server`: threads, the backlog at a stop, and eviction. A server library
//!   leaves them to its user.
//! - `connection`, `timeouts`, `stream`: which connections are slow or idle. hyper has one time-out for idle connections
//!   and heads together, and none for answers that are not read; a timer for each would cost more than the coarse clock.
//! - `http1/wire`, `http1/head`, `http1/chunks`: each head is checked before hyper parses it, and no byte after it is
//!   passed on before hyper has determined the length of its body. What hyper accepts silently is refused (a length
//!   beside chunks, a fragment in the target, data after the last chunk), and what it would refuse is accepted
//!   (HTTP/1.2) or refused with its own status (414, 431, 505).
//! - `http2/filter`, `http2/fields`, `http2/huffman`: h2 ends a connection for a malformed field, which is an error of
//!   one stream. Such a head is rewritten so that h2 resets the stream.
//! - `host`, `fields`: the checks of `Host` and `:authority`, which both libraries leave to their user.
//! - `convert`, `body`, `application`: actix uses the types of http 0.2, the libraries those of http 1. No other module
//!   uses both.
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
