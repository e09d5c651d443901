//! Answers that come bit by bit.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::connection::Request;

/// A body of which nobody knows the length, with its request, which is not over before it.
pub(super) struct Lasting {
    body: BoxBody,
    _request: Request,
}

impl Request {
    /// Whatever is known whole needs nothing of its own: it is written as soon as its client reads. What is still to be
    /// made would leave its connection idle.
    pub(crate) fn lasts_for(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Lasting { body, _request: self })
    }
}

impl MessageBody for Lasting {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::serve::connection::{Clock, Connection};

    #[test]
    fn a_connection_is_busy_while_an_answer_is_made() {
        let connection = Rc::new(Connection::new(Rc::new(Clock::new())));
        let body = connection.clone().begin().lasts_for(BoxBody::new("some"));
        assert!(connection.is_busy());
        drop(body);
        assert!(!connection.is_busy());
    }
}
