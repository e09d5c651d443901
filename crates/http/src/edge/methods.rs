//! A path and the methods that it takes.

use std::rc::Rc;

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder,
    guard::{GuardContext, fn_guard},
    http::{Method, header},
    web::{self, ServiceConfig},
};

use super::caller::Passage;
use crate::{API, error::ApiError};

/// A path: the methods it takes, `HEAD` wherever there is `GET`, `OPTIONS` that names them all, and a 405 that does so
/// too for every other one. It tells the edge the pattern that was matched, for logs and metrics.
pub(crate) struct Methods {
    path: &'static str,
    allowed: Vec<&'static str>,
    resource: Resource,
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
    /// A path with its parameters in braces, below the scope that it is mounted in.
    pub(crate) fn at(path: &'static str) -> Self {
        Self { path, allowed: Vec::new(), resource: web::resource(path) }
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

    fn on<F, Args>(mut self, allowed: &[&'static str], accepts: fn(&Method) -> bool, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.allowed.extend(allowed);
        // Not the guards of actix: they write each method they try into the request.
        let route = web::route().guard(fn_guard(move |ctx| accepts(&ctx.head().method)));
        self.resource = self.resource.route(route.to(handler));
        self
    }

    /// Registers the path below [`API`].
    pub(crate) fn mount(self, cfg: &mut ServiceConfig) {
        let pattern = format!("{API}{}", self.path);
        self.register(&pattern, cfg);
    }

    /// Registers the path as it is.
    pub(crate) fn mount_at_root(self, cfg: &mut ServiceConfig) {
        let pattern = self.path;
        self.register(pattern, cfg);
    }

    fn register(self, pattern: &str, cfg: &mut ServiceConfig) {
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
        let pattern: Rc<str> = pattern.into();
        let resource = self.resource.guard(fn_guard(move |ctx| note_route(ctx, &pattern)));
        let resource = resource.route(web::method(Method::OPTIONS).to(ask)).default_service(web::to(refuse));
        cfg.service(resource);
    }
}

/// Tells the edge which pattern was matched; always true. A guard is where that is known even of a handler that never
/// answers.
fn note_route(ctx: &GuardContext<'_>, pattern: &Rc<str>) -> bool {
    if let Some(passage) = ctx.req_data().get::<Rc<Passage>>() {
        passage.route.replace(Some(Rc::clone(pattern)));
    }
    true
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
