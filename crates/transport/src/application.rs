//! The application: an actix service without its type.

use std::{fmt::Debug, io, pin::Pin, rc::Rc};

use actix_http::{Request, Response, body::BoxBody};
use actix_service::{Service, ServiceFactory};

use crate::convert::Headers;

type ResponseFuture = Pin<Box<dyn Future<Output = Response<BoxBody>>>>;

/// The service of a worker, with its type erased.
#[derive(Clone)]
pub(crate) struct Application {
    service: Rc<dyn Fn(Request) -> ResponseFuture>,
    headers: Rc<Headers>,
}

impl Application {
    pub(crate) async fn new<A>(factory: A) -> io::Result<Self>
    where
        A: ServiceFactory<Request, Config = ()>,
        A::Response: Into<Response<BoxBody>>,
        A::Error: Into<Response<BoxBody>>,
        A::InitError: Debug,
        A::Service: 'static,
    {
        let failed = |error| io::Error::other(format!("the application cannot be created: {error:?}"));
        let service = factory.new_service(()).await.map_err(failed)?;
        let service: Rc<dyn Fn(Request) -> ResponseFuture> = Rc::new(move |request| {
            let future = service.call(request);
            Box::pin(async move { future.await.map_or_else(Into::into, Into::into) })
        });
        Ok(Self { service, headers: Rc::default() })
    }

    pub(crate) fn call(&self, request: Request) -> ResponseFuture {
        (self.service)(request)
    }

    /// Returns the converter of response headers.
    pub(crate) fn headers(&self) -> &Headers {
        &self.headers
    }
}
