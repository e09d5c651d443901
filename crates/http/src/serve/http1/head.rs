//! The heads of answers, and what actix-http does not look at in those of requests.

use actix_http::{HttpMessage, Request, Response, ResponseHead};
use actix_web::{
    body::BodySize,
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_LENGTH, DATE, HOST, TRANSFER_ENCODING},
    },
};
use bytes::BytesMut;

use crate::{
    edge::Marks,
    response::{Decimal, header_line},
    serve::clock::Date,
};

/// How the client knows where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Nothing,
    /// By its length, or where the connection ends.
    Plain,
    Chunks,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// It ends behind this answer.
    pub(super) is_last: bool,
    /// The client speaks HTTP/1.0.
    pub(super) is_old: bool,
}

/// Writes a head.
pub(super) fn write(out: &mut BytesMut, answer: &Response<()>, size: BodySize, ending: Ending, date: Date) -> Framing {
    let head = answer.head();
    out.reserve(1_024);
    write_status(out, head);
    let framing = write_framing(out, head.status, size, ending);
    if ending.is_last {
        out.extend_from_slice(b"connection: close\r\n");
    } else if ending.is_old {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    let mut dated = false;
    for (name, value) in head.headers() {
        match *name {
            CONNECTION | TRANSFER_ENCODING => continue,
            // A 304 may say how long the body would be.
            CONTENT_LENGTH if head.status != StatusCode::NOT_MODIFIED => continue,
            DATE => dated = true,
            _ => {}
        }
        header_line(out, name, &[value.as_bytes()]);
    }
    if let Some(marks) = answer.extensions().get::<Marks>() {
        marks.write(out);
    }
    if !dated {
        header_line(out, &DATE, &[date]);
    }
    out.extend_from_slice(b"\r\n");
    framing
}

fn write_status(out: &mut BytesMut, head: &ResponseHead) {
    if head.status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    for part in ["HTTP/1.1 ", head.status.as_str(), " ", head.reason(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// RFC 9112 6.
fn write_framing(out: &mut BytesMut, status: StatusCode, size: BodySize, ending: Ending) -> Framing {
    if status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Framing::Nothing;
    }
    match size {
        BodySize::None | BodySize::Sized(0) => {
            out.extend_from_slice(b"content-length: 0\r\n");
            Framing::Nothing
        }
        BodySize::Sized(length) => {
            header_line(out, &CONTENT_LENGTH, &[Decimal::of(length).as_str()]);
            Framing::Plain
        }
        BodySize::Stream if ending.is_old => Framing::Plain,
        BodySize::Stream => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            Framing::Chunks
        }
    }
}

/// Whether `Host`, if it is there, could be one: whoever finds something else in it has to refuse the request (RFC 9112
/// 3.2), for others on its way may have read it differently.
pub(super) fn names_a_host(request: &Request) -> bool {
    let is_of_a_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte);
    request.headers().get(HOST).is_none_or(|host| host.as_bytes().iter().all(is_of_a_host))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn what_cannot_be_a_host_is_none() {
        let is_one = |host: &'static str| {
            let mut request = Request::new();
            request.head_mut().headers.insert(HOST, HeaderValue::from_static(host));
            names_a_host(&request)
        };
        for host in
            ["", "localhost:3000", "shop.example", "192.0.2.1:80", "[2001:db8::1]:443", "xn--bcher-kva.example", "a_b"]
        {
            assert!(is_one(host), "{host}");
        }
        for none in
            ["a b", "a/b", "user@shop.example", "http://shop.example", "a\\b", "a\tb", "a?b", "a#b", "<a>", "a\"b"]
        {
            assert!(!is_one(none), "{none}");
        }
        assert!(names_a_host(&Request::new()));
    }
}
