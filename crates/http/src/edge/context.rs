//! What the middleware knows of a request, for handlers, limits, logs and metrics.

use std::{net::IpAddr, rc::Rc};

use super::{bearer::Bearer, request_id::RequestId};

/// What the middleware knows of a request. It is in the extensions of the request, as an `Rc`.
#[derive(Debug)]
pub(super) struct RequestContext {
    pub(super) request_id: RequestId,
    /// The client's address.
    pub(super) address: IpAddr,
    pub(super) bearer: Bearer,
    /// `None` for a path that is not served.
    pub(super) route: Option<RouteMatch>,
}

impl RequestContext {
    /// The pattern of the path, for logs and metrics: there are few of them, and they contain no secrets.
    pub(super) fn pattern(&self) -> Option<&str> {
        self.route.as_ref().map(|route| &*route.pattern)
    }
}

/// Which route a path belongs to.
#[derive(Debug)]
pub(super) struct RouteMatch {
    /// The place of the route among all of them.
    pub(super) index: usize,
    pub(super) pattern: Rc<str>,
    /// The value of the first parameter, if the pattern has one.
    pub(super) parameter: Option<Box<str>>,
    /// The value of the second one.
    pub(super) second: Option<Box<str>>,
}
