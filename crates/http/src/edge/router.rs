//! Which path is served by what.
//!
//! Not by the router of actix: it tries one regular expression after the other, and the one that fits takes as long as
//! all else that is done for a cached answer. Here a tree of prefixes is walked once, at the edge, which needs to know
//! the pattern for limits, logs and metrics anyway, also of requests that are let no further.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage, Route,
    dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse, always_ready},
    http::Method,
};
use futures_util::{
    TryFutureExt,
    future::{LocalBoxFuture, try_join_all},
};

use super::caller::Passage;

/// All paths, with what answers there.
pub(crate) struct Routes {
    places: Vec<Place>,
    unknown: Route,
}

/// What answers on one path: the first that accepts the method. The last accepts every one.
pub(super) struct Place {
    pub(super) pattern: Rc<str>,
    pub(super) answers: Vec<(Accepts, Route)>,
}

/// Whether a method is answered by it.
pub(super) type Accepts = fn(&Method) -> bool;

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Found {
    place: usize,
    pub(super) pattern: Rc<str>,
    /// What stands in the path for the one parameter that a pattern may have.
    pub(super) parameter: Option<Box<str>>,
}

/// The patterns of all paths.
#[derive(Default)]
pub(crate) struct Patterns(matchit::Router<(usize, Rc<str>)>);

impl Patterns {
    /// Where this path leads, as decoded as actix decodes it (all but `%`, `/` and `+`).
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        let found = self.0.at(path).ok()?;
        let (place, pattern) = found.value;
        let parameter = found.params.iter().next().map(|(_, value)| value.into());
        Some(Found { place: *place, pattern: Rc::clone(pattern), parameter })
    }
}

impl Routes {
    /// No paths yet; what leads nowhere is answered by `unknown`.
    pub(crate) fn new(unknown: Route) -> Self {
        Self { places: Vec::new(), unknown }
    }

    /// Adds a path. Of two with one pattern the first answers, so that a test can put its own in front.
    pub(super) fn add(&mut self, place: Place) {
        if !self.places.iter().any(|known| known.pattern == place.pattern) {
            self.places.push(place);
        }
    }

    /// The patterns of all paths so far.
    ///
    /// # Errors
    /// Two patterns stand for the same paths, or one is none.
    pub(crate) fn patterns(&self) -> Result<Patterns, matchit::InsertError> {
        let mut router = matchit::Router::new();
        for (place, Place { pattern, .. }) in self.places.iter().enumerate() {
            router.insert(&**pattern, (place, Rc::clone(pattern)))?;
        }
        Ok(Patterns(router))
    }
}

/// The same, ready to answer.
pub(crate) struct Answering {
    places: Vec<Vec<(Accepts, RouteService)>>,
    unknown: RouteService,
}

type RouteService = <Route as ServiceFactory<ServiceRequest>>::Service;

impl ServiceFactory<ServiceRequest> for Routes {
    type Response = ServiceResponse;
    type Error = Error;
    type Config = ();
    type Service = Answering;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Answering, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let unknown = self.unknown.new_service(());
        let places = self.places.iter().map(|place| {
            try_join_all(place.answers.iter().map(|(accepts, route)| {
                let accepts = *accepts;
                route.new_service(()).map_ok(move |service| (accepts, service))
            }))
        });
        let places = try_join_all(places);
        Box::pin(async move { Ok(Answering { places: places.await?, unknown: unknown.await? }) })
    }
}

impl Service<ServiceRequest> for Answering {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = <RouteService as Service<ServiceRequest>>::Future;

    always_ready!();

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let service = {
            let extensions = req.extensions();
            let found = extensions.get::<Rc<Passage>>().and_then(|passage| passage.found.as_ref());
            let place = found.and_then(|found| self.places.get(found.place));
            let accepting = place.and_then(|place| place.iter().find(|(accepts, _)| accepts(req.method())));
            accepting.map_or(&self.unknown, |(_, service)| service)
        };
        service.call(req)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web;

    use super::*;

    fn patterns(of: &[&str]) -> Result<Patterns, matchit::InsertError> {
        let mut routes = Routes::new(web::route());
        for pattern in of {
            routes.add(Place { pattern: (*pattern).into(), answers: Vec::new() });
        }
        routes.patterns()
    }

    #[test]
    fn a_path_leads_to_its_pattern() {
        let patterns = patterns(&["/users/me", "/users/{id}", "/users/{id}/roles", "/docs/{*file}"]).unwrap();
        let found = |path: &str| {
            patterns.find(path).map(|found| (found.place, found.pattern.to_string(), found.parameter.map(String::from)))
        };
        assert_eq!(found("/users/me"), Some((0, "/users/me".to_owned(), None)));
        assert_eq!(found("/users/7"), Some((1, "/users/{id}".to_owned(), Some("7".to_owned()))));
        assert_eq!(found("/users/me/roles"), Some((2, "/users/{id}/roles".to_owned(), Some("me".to_owned()))));
        assert_eq!(found("/docs/a/b.css"), Some((3, "/docs/{*file}".to_owned(), Some("a/b.css".to_owned()))));
        for nowhere in ["", "/", "/users", "/users/", "/users/7/", "/users//roles", "//users/7", "/Users/7", "/docs/"] {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn two_patterns_for_the_same_paths_are_a_mistake() {
        assert!(patterns(&["/users/{id}", "/users/{name}"]).is_err());
        assert!(patterns(&["/users/{id}", "/users/{id}"]).is_ok(), "the first one answers");
    }
}
