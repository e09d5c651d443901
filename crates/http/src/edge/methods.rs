//! A path and the methods that it takes.

use actix_web::{
    FromRequest, Handler, HttpResponse, Responder, Route,
    http::{Method, header},
    web,
};

use super::router::{MethodFilter, PathRoutes, Routes};
use crate::error::ApiError;

/// The path of the API; operations are beside it.
pub(crate) const API: &str = "/api/v1";

/// A path with a handler for each of its methods. `HEAD` comes with `GET`; `OPTIONS` and the 405 of every other method
/// name them all.
pub(crate) struct Methods {
    path: String,
    allowed: Vec<&'static str>,
    handlers: Vec<(MethodFilter, Route)>,
}

macro_rules! method {
    ($(#[$doc:meta])* $name:ident, $allowed:expr, $pattern:pat) => {
        $(#[$doc])*
        pub(crate) fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.on(&$allowed, |method| matches!(*method, $pattern), handler)
        }
    };
}

impl Methods {
    /// A path, which may have one or two parameters in braces.
    pub(crate) fn at(path: &str) -> Self {
        Self { path: path.to_owned(), allowed: Vec::new(), handlers: Vec::new() }
    }

    method! {
        /// Handles `GET` and `HEAD`; the server omits the body of the latter.
        get, ["GET", "HEAD"], Method::GET | Method::HEAD
    }

    method! {
        /// Handles `POST`.
        post, ["POST"], Method::POST
    }

    method! {
        /// Handles `PUT`.
        put, ["PUT"], Method::PUT
    }

    method! {
        /// Handles `PATCH`.
        patch, ["PATCH"], Method::PATCH
    }

    method! {
        /// Handles `DELETE`.
        delete, ["DELETE"], Method::DELETE
    }

    fn on<F, Args>(mut self, allowed: &[&'static str], accepts: MethodFilter, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.allowed.extend(allowed);
        self.handlers.push((accepts, web::to(handler)));
        self
    }

    /// Registers the path below [`API`].
    pub(crate) fn mount(self, routes: &mut Routes) {
        let pattern = format!("{API}{}", self.path);
        self.register(&pattern, routes);
    }

    /// Registers the path as it is.
    pub(crate) fn mount_at_root(self, routes: &mut Routes) {
        let pattern = self.path.clone();
        self.register(&pattern, routes);
    }

    fn register(mut self, pattern: &str, routes: &mut Routes) {
        let allowed = [self.allowed.as_slice(), &["OPTIONS"]].concat().join(", ");
        #[cfg(test)]
        served::note(pattern, &allowed);

        let options = allowed.clone();
        let allow = move || {
            let header = (header::ALLOW, options.clone());
            async move { HttpResponse::NoContent().insert_header(header).finish() }
        };
        let refuse = move || {
            let refusal = ApiError::MethodNotAllowed(allowed.clone());
            async move { Err::<HttpResponse, _>(refusal) }
        };
        self.handlers.push((|method| *method == Method::OPTIONS, web::to(allow)));
        self.handlers.push((|_| true, web::to(refuse)));
        routes.add(PathRoutes { pattern: pattern.into(), handlers: self.handlers });
    }
}

/// Whether it is one of the methods that HTTP has names for (RFC 9110 9, RFC 5789).
pub(super) fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
            | Method::CONNECT
            | Method::TRACE
    )
}

/// The answer to `OPTIONS *`.
pub(super) fn server_options() -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")).finish()
}

/// The paths that were registered on this thread, for the test that compares the OpenAPI document with them.
#[cfg(test)]
pub(crate) mod served {
    use std::{cell::RefCell, collections::BTreeMap};

    thread_local! {
        static SERVED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn note(pattern: &str, allowed: &str) {
        SERVED.with_borrow_mut(|served| served.insert(pattern.to_owned(), allowed.to_owned()));
    }

    /// Forgets the paths of tests that ran before.
    pub(crate) fn clear() {
        SERVED.with_borrow_mut(BTreeMap::clear);
    }

    /// The patterns with their methods.
    pub(crate) fn all() -> BTreeMap<String, String> {
        SERVED.with_borrow(Clone::clone)
    }
}
