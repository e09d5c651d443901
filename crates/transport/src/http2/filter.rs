//! Filters the frames of an HTTP/2 client for h2: heads are checked by [`fields`], other frames are passed on.

use std::{
    io::{self, IoSlice},
    mem::{self, MaybeUninit},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fields;
use crate::{
    http2_frames::{CONTINUATION, END_HEADERS, FRAME_HEAD, HEADERS, PREFACE, payload_length},
    stream::MonitoredStream,
};

/// The size of a read.
const READ_SIZE: usize = 16 << 10;
/// The maximum size of a head that is buffered until it is complete: more than h2 accepts.
const MAX_HELD_BYTES: usize = 320 << 10;
/// The number of malformed heads after which the client is asked to open another connection. After twice as many resets
/// h2 ends the connection with all its requests.
const MAX_MALFORMED: usize = super::MAX_ERROR_RESETS / 2;
/// The default maximum size of a frame (RFC 9113 6.5.2).
const MAX_FRAME: usize = 16 << 10;

const END_STREAM: u8 = 1;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
const PRIORITY_LENGTH: usize = 5;

/// The stream that h2 reads.
pub(super) struct Filter {
    stream: MonitoredStream,
    frames: Frames,
}

impl Filter {
    pub(super) fn new(stream: MonitoredStream) -> Self {
        Self { stream, frames: Frames::default() }
    }
}

/// The parser of incoming frames.
#[derive(Debug, Default)]
struct Frames {
    /// The number of received bytes of the preface.
    preface: usize,
    /// The incomplete head of a frame.
    head: Vec<u8>,
    /// The remaining bytes of the payload of a frame.
    payload: usize,
    /// The frames of an incomplete head.
    held: Vec<u8>,
    /// `Some` if the payload belongs to a head; true if it ends the head.
    holds: Option<bool>,
    /// The greatest ID of an opened stream: another head on it contains trailers.
    last_stream: u32,
    /// The number of malformed heads.
    malformed: usize,
    /// Frames for h2.
    out: BytesMut,
}

impl Frames {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let wanted = match self {
                Self { preface, .. } if *preface < PREFACE => PREFACE - *preface,
                Self { payload: 0, head, .. } => FRAME_HEAD - head.len(),
                Self { payload, .. } => *payload,
            };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.preface < PREFACE {
                self.preface += part.len();
                self.out.extend_from_slice(part);
            } else if self.payload > 0 {
                self.payload -= part.len();
                self.pass(part);
                self.end_payload();
            } else {
                self.head.extend_from_slice(part);
                self.begin_frame();
            }
        }
    }

    fn begin_frame(&mut self) {
        let [a, b, c, kind, flags, ..] = *self.head else { return };
        if self.head.len() < FRAME_HEAD {
            return;
        }
        self.payload = payload_length([a, b, c]);
        let is_head = if self.held.is_empty() { kind == HEADERS } else { kind == CONTINUATION };
        self.holds = is_head.then_some(flags & END_HEADERS > 0);
        if !is_head {
            // No other frame may be inside a head. h2 reports it if there is one.
            self.release();
        }
        let head = mem::take(&mut self.head);
        self.pass(&head);
        self.end_payload();
    }

    /// Passes a part of a frame on, or buffers it.
    fn pass(&mut self, part: &[u8]) {
        if self.holds.is_none() {
            return self.out.extend_from_slice(part);
        }
        self.held.extend_from_slice(part);
        if self.held.len() > MAX_HELD_BYTES {
            self.release();
            self.holds = None;
        }
    }

    fn end_payload(&mut self) {
        if self.payload == 0 && self.holds == Some(true) {
            match Head::of(&self.held).and_then(|head| Some((self.rewritten(&head)?, head))) {
                Some((block, head)) => {
                    self.held.clear();
                    self.malformed += 1;
                    head.write(&block, &mut self.out);
                }
                None => self.release(),
            }
            self.holds = None;
        }
    }

    fn rewritten(&mut self, head: &Head) -> Option<Vec<u8>> {
        let stream = u32::from_be_bytes(head.stream);
        let is_trailers = stream <= self.last_stream;
        self.last_stream = self.last_stream.max(stream);
        fields::rewritten(&head.block, is_trailers)
    }

    fn release(&mut self) {
        self.out.extend_from_slice(&self.held);
        // The buffer is freed, because heads in several parts are rare.
        self.held = Vec::new();
    }
}

/// A head, taken from its frames.
struct Head {
    ends_stream: bool,
    stream: [u8; 4],
    block: Vec<u8>,
}

impl Head {
    /// `None` if its frames are malformed.
    fn of(mut frames: &[u8]) -> Option<Self> {
        let mut head: Option<Self> = None;
        while let Some(([a, b, c, _, flags, stream @ ..], rest)) = frames.split_first_chunk::<FRAME_HEAD>() {
            let (payload, rest) = rest.split_at_checked(payload_length([*a, *b, *c]))?;
            frames = rest;
            if let Some(head) = &mut head {
                head.block.extend(payload);
            } else {
                let block = without_padding(payload, *flags)?.to_vec();
                head = Some(Self { ends_stream: flags & END_STREAM > 0, stream: *stream, block });
            }
        }
        head
    }

    fn write(&self, block: &[u8], out: &mut BytesMut) {
        let count = block.len().div_ceil(MAX_FRAME).max(1);
        for (place, part) in block.chunks(MAX_FRAME).enumerate() {
            let [_, length @ ..] = u32::try_from(part.len()).unwrap_or_default().to_be_bytes();
            let kind = if place == 0 { HEADERS } else { CONTINUATION };
            let ends_stream = if place == 0 && self.ends_stream { END_STREAM } else { 0 };
            let ends_head = if place + 1 == count { END_HEADERS } else { 0 };
            out.extend_from_slice(&length);
            out.extend_from_slice(&[kind, ends_stream | ends_head]);
            out.extend_from_slice(&self.stream);
            out.extend_from_slice(part);
        }
    }
}

/// Returns the field block in the payload of a HEADERS frame (RFC 9113 6.2).
fn without_padding(mut payload: &[u8], flags: u8) -> Option<&[u8]> {
    if flags & PADDED > 0 {
        let (padding, rest) = payload.split_first()?;
        payload = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
    }
    if flags & PRIORITY > 0 {
        payload = payload.get(PRIORITY_LENGTH..)?;
    }
    Some(payload)
}

impl AsyncRead for Filter {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, frames } = self.get_mut();
        while frames.out.is_empty() {
            let mut buffer = [MaybeUninit::uninit(); READ_SIZE];
            let mut read = ReadBuf::uninit(&mut buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            let before = frames.malformed;
            frames.take(read.filled());
            if before < MAX_MALFORMED && frames.malformed >= MAX_MALFORMED {
                stream.connection().request_goaway();
            }
        }
        let count = frames.out.len().min(buf.remaining());
        buf.put_slice(frames.out.get(..count).unwrap_or_default());
        frames.out.advance(count);
        if frames.out.is_empty() {
            frames.out = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Filter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
