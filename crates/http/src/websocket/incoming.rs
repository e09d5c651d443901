//! Messages from the client of a WebSocket.

use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio_util::codec::Decoder;

/// The most bytes before the payload of a frame.
const MAX_FRAME_HEAD: usize = 14;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Text(Bytes),
    Binary,
    Ping(Bytes),
    Pong,
    Close,
}

/// Why no more is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A message is longer than it may be.
    TooLong,
    /// The frames break the protocol.
    Protocol,
}

/// Reads messages. Never holds more than a message and what came with its last bytes: the codec alone would wait for a
/// frame of any length to be there before it refuses it.
pub(crate) struct Incoming {
    payload: Payload,
    codec: Codec,
    buffer: BytesMut,
    /// The beginning of a message whose frames have not all come; `None` within one that is binary.
    text: Option<BytesMut>,
    length: usize,
    /// The most bytes of a message.
    limit: usize,
}

impl Incoming {
    pub(crate) fn new(payload: Payload, limit: usize) -> Self {
        let codec = Codec::new().max_size(limit);
        Self { payload, codec, buffer: BytesMut::new(), text: None, length: 0, limit }
    }

    /// Lets messages be longer, or shorter, from the next one on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.codec = Codec::new().max_size(limit);
        self.limit = limit;
    }

    /// Waits for the next message; `None` when the connection is closed. Nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Option<Received>, Broken> {
        loop {
            while let Some(frame) = self.decode()? {
                if let Some(received) = self.take(frame)? {
                    return Ok(Some(received));
                }
            }
            if self.buffer.is_empty() {
                // An idle connection keeps no buffer.
                self.buffer = BytesMut::new();
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn decode(&mut self) -> Result<Option<Frame>, Broken> {
        match self.codec.decode(&mut self.buffer) {
            Ok(None) if self.buffer.len() > self.limit + MAX_FRAME_HEAD => Err(Broken::TooLong),
            Ok(frame) => Ok(frame),
            Err(ProtocolError::Overflow) => Err(Broken::TooLong),
            Err(_) => Err(Broken::Protocol),
        }
    }

    /// Takes a frame; returns the message that it ends.
    fn take(&mut self, frame: Frame) -> Result<Option<Received>, Broken> {
        Ok(match frame {
            Frame::Text(text) => Some(Received::Text(text)),
            Frame::Binary(_) => Some(Received::Binary),
            Frame::Ping(payload) => Some(Received::Ping(payload)),
            Frame::Pong(_) => Some(Received::Pong),
            Frame::Close(_) => Some(Received::Close),
            Frame::Continuation(item) => self.continued(item)?,
        })
    }

    fn continued(&mut self, item: Item) -> Result<Option<Received>, Broken> {
        let (part, is_last) = match item {
            Item::FirstText(part) => {
                (self.text, self.length) = (Some(BytesMut::new()), 0);
                (part, false)
            }
            Item::FirstBinary(part) => {
                (self.text, self.length) = (None, 0);
                (part, false)
            }
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
        };
        self.length += part.len();
        if self.length > self.limit {
            return Err(Broken::TooLong);
        }
        if let Some(text) = &mut self.text {
            text.extend_from_slice(&part);
        }
        Ok(is_last.then(|| match self.text.take() {
            Some(text) => Received::Text(text.freeze()),
            None => Received::Binary,
        }))
    }
}
