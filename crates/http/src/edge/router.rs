//! The router.
//!
//! actix-web's router tries one regular expression after the other; the one that matches takes as long as everything else
//! that is done for a cached response. Here a prefix tree is walked once, in the middleware, which needs the pattern for
//! limits, logs and metrics anyway, also of requests that it refuses.

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

use super::context::{RequestContext, RouteMatch};

/// All paths with their handlers.
pub(crate) struct Routes {
    paths: Vec<PathRoutes>,
    not_found: Route,
}

/// The handlers of one path: the first that accepts the method is called. The last accepts every method.
pub(super) struct PathRoutes {
    pub(super) pattern: Rc<str>,
    pub(super) handlers: Vec<(MethodFilter, Route)>,
}

/// Whether a handler is for a method.
pub(super) type MethodFilter = fn(&Method) -> bool;

/// The patterns of all paths.
#[derive(Default)]
pub(crate) struct Patterns(matchit::Router<(usize, Rc<str>)>);

impl Patterns {
    /// The route of a path that actix-web has decoded (all but `%`, `/` and `+`).
    pub(super) fn find(&self, path: &str) -> Option<RouteMatch> {
        let found = self.0.at(path).ok()?;
        let (index, pattern) = found.value;
        let mut values = found.params.iter().map(|(_, value)| value.into());
        let (parameter, second) = (values.next(), values.next());
        Some(RouteMatch { index: *index, pattern: Rc::clone(pattern), parameter, second })
    }
}

impl Routes {
    /// No paths yet; `not_found` handles all others.
    pub(crate) fn new(not_found: Route) -> Self {
        Self { paths: Vec::new(), not_found }
    }

    /// Adds a path. Of two with the same pattern the first counts, so that a test can replace one.
    pub(super) fn add(&mut self, path: PathRoutes) {
        if !self.paths.iter().any(|known| known.pattern == path.pattern) {
            self.paths.push(path);
        }
    }

    /// The patterns of all paths so far.
    ///
    /// # Errors
    /// Two patterns match the same paths, or one is malformed.
    pub(crate) fn patterns(&self) -> Result<Patterns, matchit::InsertError> {
        let mut router = matchit::Router::new();
        for (index, PathRoutes { pattern, .. }) in self.paths.iter().enumerate() {
            router.insert(&**pattern, (index, Rc::clone(pattern)))?;
        }
        Ok(Patterns(router))
    }
}

/// The service that [`Routes`] become.
pub(crate) struct RoutesService {
    paths: Vec<Vec<(MethodFilter, RouteService)>>,
    not_found: RouteService,
}

type RouteService = <Route as ServiceFactory<ServiceRequest>>::Service;

impl ServiceFactory<ServiceRequest> for Routes {
    type Response = ServiceResponse;
    type Error = Error;
    type Config = ();
    type Service = RoutesService;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<RoutesService, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let not_found = self.not_found.new_service(());
        let paths = self.paths.iter().map(|path| {
            try_join_all(path.handlers.iter().map(|(accepts, route)| {
                let accepts = *accepts;
                route.new_service(()).map_ok(move |service| (accepts, service))
            }))
        });
        let paths = try_join_all(paths);
        Box::pin(async move { Ok(RoutesService { paths: paths.await?, not_found: not_found.await? }) })
    }
}

impl Service<ServiceRequest> for RoutesService {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = <RouteService as Service<ServiceRequest>>::Future;

    always_ready!();

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let service = {
            let extensions = req.extensions();
            let route = extensions.get::<Rc<RequestContext>>().and_then(|context| context.route.as_ref());
            let handlers = route.and_then(|route| self.paths.get(route.index));
            let accepting = handlers.and_then(|handlers| handlers.iter().find(|(accepts, _)| accepts(req.method())));
            accepting.map_or(&self.not_found, |(_, service)| service)
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
            routes.add(PathRoutes { pattern: (*pattern).into(), handlers: Vec::new() });
        }
        routes.patterns()
    }

    #[test]
    fn path_matches_its_pattern() {
        let patterns = patterns(&["/users/me", "/users/{id}", "/users/{id}/roles", "/docs/{*file}"]).unwrap();
        let found = |path: &str| {
            patterns.find(path).map(|found| (found.index, found.pattern.to_string(), found.parameter.map(String::from)))
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
    fn path_may_have_two_parameters() {
        let found = patterns(&["/a/{id}/b/{other}"]).unwrap().find("/a/1/b/2").unwrap();
        assert_eq!((found.parameter.as_deref(), found.second.as_deref()), (Some("1"), Some("2")));
    }

    #[test]
    fn two_patterns_for_the_same_paths_are_refused() {
        assert!(patterns(&["/users/{id}", "/users/{name}"]).is_err());
        assert!(patterns(&["/users/{id}", "/users/{id}"]).is_ok(), "the first one counts");
    }
}
