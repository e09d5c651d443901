//! A path and the methods that it takes.

use actix_web::{
    FromRequest, Handler, HttpResponse, Responder, Route,
    http::{Method, header},
    web,
};

use super::router::{Accepts, Place, Routes};
use crate::{API, error::ApiError};

/// A path: the methods it takes, `HEAD` wherever there is `GET`, `OPTIONS` that names them all, and a 405 that does so
/// too for every other one.
pub(crate) struct Methods {
    path: &'static str,
    allowed: Vec<&'static str>,
    answers: Vec<(Accepts, Route)>,
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
    /// A path, which may have one parameter in braces.
    pub(crate) fn at(path: &'static str) -> Self {
        Self { path, allowed: Vec::new(), answers: Vec::new() }
    }

    method! {
        /// Answers `GET` and `HEAD`; the server leaves the body of the latter away.
        get, ["GET", "HEAD"], Method::GET | Method::HEAD
    }

    method! {
        /// Answers `POST`.
        post, ["POST"], Method::POST
    }

    method! {
        /// Answers `PUT`.
        put, ["PUT"], Method::PUT
    }

    method! {
        /// Answers `PATCH`.
        patch, ["PATCH"], Method::PATCH
    }

    method! {
        /// Answers `DELETE`.
        delete, ["DELETE"], Method::DELETE
    }

    fn on<F, Args>(mut self, allowed: &[&'static str], accepts: Accepts, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.allowed.extend(allowed);
        self.answers.push((accepts, web::to(handler)));
        self
    }

    /// Registers the path below [`API`].
    pub(crate) fn mount(self, routes: &mut Routes) {
        let pattern = format!("{API}{}", self.path);
        self.register(&pattern, routes);
    }

    /// Registers the path as it is.
    pub(crate) fn mount_at_root(self, routes: &mut Routes) {
        let pattern = self.path;
        self.register(pattern, routes);
    }

    fn register(mut self, pattern: &str, routes: &mut Routes) {
        let allowed = [self.allowed.as_slice(), &["OPTIONS"]].concat().join(", ");
        #[cfg(test)]
        served::note(pattern, &allowed);

        let options = allowed.clone();
        let ask = move || {
            let allow = (header::ALLOW, options.clone());
            async move { HttpResponse::NoContent().insert_header(allow).finish() }
        };
        let refuse = move || {
            let refusal = ApiError::MethodNotAllowed(allowed.clone());
            async move { Err::<HttpResponse, _>(refusal) }
        };
        self.answers.push((|method| *method == Method::OPTIONS, web::to(ask)));
        self.answers.push((|_| true, web::to(refuse)));
        routes.add(Place { pattern: pattern.into(), answers: self.answers });
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
pub(super) fn of_the_server() -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")).finish()
}

/// What was registered on this thread, for the test that holds the document against it.
#[cfg(test)]
pub(crate) mod served {
    use std::{cell::RefCell, collections::BTreeMap};

    thread_local! {
        static SERVED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn note(pattern: &str, allowed: &str) {
        SERVED.with_borrow_mut(|served| served.insert(pattern.to_owned(), allowed.to_owned()));
    }

    /// Forgets what tests before this one registered.
    pub(crate) fn clear() {
        SERVED.with_borrow_mut(BTreeMap::clear);
    }

    /// Patterns, with the methods that each takes.
    pub(crate) fn all() -> BTreeMap<String, String> {
        SERVED.with_borrow(Clone::clone)
    }
}
