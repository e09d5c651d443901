//! HTTP/1.
//!
//! actix-http reads the requests: their heads, and where their bodies end. The answers are written here. In a map of
//! actix-http the seventeen headers that every answer has cost as much as all else that is done for a cached one; and
//! actix-http answers by itself what it cannot read, takes a client whose body breaks for gone, and reads on behind the
//! last answer of a connection.

mod body;
mod head;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::{Poll, ready},
};

use actix_http::{
    ConnectionType, HttpMessage, KeepAlive, Request, Response, ServiceConfig, ServiceConfigBuilder,
    error::ParseError,
    h1::{Codec, Message, MessageType},
};
use actix_service::Service;
use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{Method, Version, header::CONTENT_LENGTH},
};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use tokio_util::codec::Decoder;

use self::{
    body::{Body, Rest, Wire},
    head::{Ending, Framing},
};
use super::{refusal, stream::Watched};

/// A body of no more bytes is sent together with its head.
const TOGETHER: usize = 16 << 10;

/// A connection that waits keeps no more room than this, in each direction.
const KEPT: usize = 4 << 10;

/// What actix-http is told, once for a worker.
pub(super) fn config() -> ServiceConfig {
    ServiceConfigBuilder::new().keep_alive(KeepAlive::Os).build()
}

/// Serves a connection to its end.
pub(super) async fn serve<S>(stream: Watched, app: Rc<S>, peer: SocketAddr, config: ServiceConfig) -> io::Result<()>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let connection = stream.connection().clone();
    let wire = Rc::new(RefCell::new(Wire::new(stream, Codec::new(config))));
    let mut out = BytesMut::new();
    loop {
        let asked = match next(&wire).await? {
            Next::Request(asked) => asked,
            Next::Nothing => return shut(&wire).await,
            Next::Malformed(error) => {
                let refusal = match error {
                    ParseError::TooLarge => refusal::large_head(wire.borrow().stream.state()),
                    _ => refusal::malformed(wire.borrow().stream.state()),
                };
                out.extend_from_slice(&refusal);
                break;
            }
        };
        let busy = connection.clone().begin();
        let (mut request, wants) = *asked;
        request.head_mut().peer_addr = Some(peer);
        let Some((answer, body)) = answered(&*app, request, &wire).await else {
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        let is_last = !wants.more
            || answer.head().connection_type() == ConnectionType::Close
            // It ends where the connection does.
            || (wants.is_old && body.size() == BodySize::Stream)
            || !wire.borrow_mut().can_go_on();
        let ending = Ending { is_last, is_old: wants.is_old };
        let framing = head::write(&mut out, &answer, body.size(), ending, connection.date());
        send(&wire, &mut out, body, if wants.body { framing } else { Framing::Nothing }).await?;
        drop(busy);
        if is_last {
            break;
        }
        if out.capacity() > KEPT {
            out = BytesMut::new();
        }
    }
    leave(&wire, &mut out).await
}

/// What the application answers; nothing if its client vanishes meanwhile, and nobody needs the answer any more.
async fn answered<S>(app: &S, request: Request, wire: &RefCell<Wire>) -> Option<(Response<()>, BoxBody)>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let mut answering = pin!(app.call(request));
    let answer = poll_fn(|cx| match answering.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if wire.borrow_mut().has_vanished(cx) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    Some(match answer.await? {
        Ok(answer) => Response::from(answer).into_parts(),
        Err(error) => Response::from(error).into_parts(),
    })
}

/// What came next.
enum Next {
    Request(Box<(Request, Wants)>),
    Malformed(ParseError),
    /// The client has said all it had to say, or is not waited for any more.
    Nothing,
}

/// What an answer has to be like.
struct Wants {
    /// Not so of HEAD.
    body: bool,
    /// Whether the client may ask for more.
    more: bool,
    /// HTTP/1.0: chunks are not understood, and a connection ends unless it is said that it does not.
    is_old: bool,
}

impl Wants {
    fn of(request: &Request) -> Self {
        let is_old = request.version() < Version::HTTP_11;
        let more = match request.head().connection_type() {
            ConnectionType::Close => false,
            // Of what it could be upgraded to nothing is spoken here, so it goes on as it is.
            ConnectionType::Upgrade => !is_old,
            ConnectionType::KeepAlive => true,
        };
        Self { body: request.method() != Method::HEAD, more, is_old }
    }
}

/// Reads a head, behind what is left of the body before.
async fn next(wire: &Rc<RefCell<Wire>>) -> io::Result<Next> {
    poll_fn(|cx| {
        let mut this = wire.borrow_mut();
        while this.rest != Rest::Nothing {
            if let Some(Err(error)) = ready!(this.poll_chunk(cx)) {
                tracing::debug!(%error, "what was left of a body broke");
                return Poll::Ready(Ok(Next::Nothing));
            }
        }
        loop {
            if !this.read.is_empty() {
                let Wire { codec, read, .. } = &mut *this;
                match codec.decode(read) {
                    Ok(Some(Message::Item(request))) if !head::names_a_host(&request) => {
                        return Poll::Ready(Ok(Next::Malformed(ParseError::Header)));
                    }
                    Ok(Some(Message::Item(request))) => {
                        return Poll::Ready(Ok(Next::Request(Box::new(this.begin(wire, request)))));
                    }
                    Ok(Some(Message::Chunk(_))) => continue,
                    // It may have come with the request before.
                    Ok(None) => this.stream.connection().read(),
                    Err(error) => return Poll::Ready(Ok(Next::Malformed(error))),
                }
            }
            this.let_go(KEPT);
            if ready!(this.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(Next::Nothing));
            }
        }
    })
    .await
}

impl Wire {
    /// A request has begun; its body is still to be read from here.
    fn begin(&mut self, wire: &Rc<RefCell<Self>>, mut request: Request) -> (Request, Wants) {
        let length = || request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok();
        self.rest = match self.codec.message_type() {
            MessageType::None => Rest::Nothing,
            MessageType::Payload => length().map_or(Rest::Chunks, Rest::Bytes),
            MessageType::Stream => Rest::Raw(length().unwrap_or(0)),
        };
        self.expected = request.head().expect();
        let wants = Wants::of(&request);
        if self.rest != Rest::Nothing {
            *request.payload() = Body::of(wire, self);
        }
        (request, wants)
    }
}

/// Sends what is to be sent, and a body behind it as fast as it is taken.
async fn send(wire: &RefCell<Wire>, out: &mut BytesMut, body: BoxBody, framing: Framing) -> io::Result<()> {
    if framing == Framing::Nothing {
        return flush(wire, out).await;
    }
    let mut body = match body.try_into_bytes() {
        Ok(bytes) => {
            if out.len() + bytes.len() <= TOGETHER {
                out.extend_from_slice(&bytes);
                return flush(wire, out).await;
            }
            flush(wire, out).await?;
            return write_all(wire, &bytes).await;
        }
        Err(body) => body,
    };
    let in_chunks = framing == Framing::Chunks;
    while let Some(piece) = next_piece(wire, out, &mut body).await? {
        // An empty chunk would be the last one.
        if piece.is_empty() {
            continue;
        }
        if in_chunks {
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        }
        if out.len() + piece.len() > TOGETHER {
            flush(wire, out).await?;
            write_all(wire, &piece).await?;
        } else {
            out.extend_from_slice(&piece);
        }
        if in_chunks {
            out.extend_from_slice(b"\r\n");
        }
    }
    if in_chunks {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    flush(wire, out).await
}

/// The next piece of a body. Before it is waited for, what there is to be sent is sent.
async fn next_piece(wire: &RefCell<Wire>, out: &mut BytesMut, body: &mut BoxBody) -> io::Result<Option<Bytes>> {
    let piece = match poll_fn(|cx| Poll::Ready(body.as_pin_mut().poll_next(cx))).await {
        Poll::Ready(piece) => piece,
        Poll::Pending => {
            flush(wire, out).await?;
            poll_fn(|cx| body.as_pin_mut().poll_next(cx)).await
        }
    };
    piece.transpose().map_err(|error| {
        tracing::error!(%error, "an answer could not be made to its end");
        io::Error::other("it broke off")
    })
}

/// Writes all that was to be sent.
async fn flush(wire: &RefCell<Wire>, out: &mut BytesMut) -> io::Result<()> {
    write_all(wire, out).await?;
    out.clear();
    Ok(())
}

async fn write_all(wire: &RefCell<Wire>, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        let stream = &mut wire.borrow_mut().stream;
        while !bytes.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => bytes.advance(written),
            }
        }
        Pin::new(stream).poll_flush(cx)
    })
    .await
}

/// Says the last there is to say, and hears out a client that may still be sending: if its connection were closed on
/// what nobody has read, the system would take back what it was told.
async fn leave(wire: &RefCell<Wire>, out: &mut BytesMut) -> io::Result<()> {
    flush(wire, out).await?;
    wire.borrow().stream.connection().leave();
    shut(wire).await?;
    poll_fn(|cx| wire.borrow_mut().stream.poll_hear_out(cx)).await
}

async fn shut(wire: &RefCell<Wire>) -> io::Result<()> {
    poll_fn(|cx| Pin::new(&mut wire.borrow_mut().stream).poll_shutdown(cx)).await
}
