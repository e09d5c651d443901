//! Logs errors whose causes are hidden from clients.

use std::{any::Any, error::Error as StdError, fmt};

use entrepot_application::Error;
use entrepot_domain::Fault;

use super::request_id::RequestId;
use crate::error::ApiError;

/// Logs server errors with all their causes. Client errors are only in the access log.
pub(super) fn log(error: &ApiError, request_id: &RequestId) {
    match error {
        ApiError::UseCase(Error::Fault(fault)) => log_fault(fault, request_id),
        ApiError::Timeout => tracing::error!(%request_id, "a request took too long"),
        _ => {}
    }
}

fn log_fault(fault: &Fault, request_id: &RequestId) {
    let error = Chain(fault);
    match fault {
        Fault::Unavailable { dependency, .. } => {
            tracing::error!(%request_id, dependency, %error, "a dependency is unavailable");
        }
        Fault::Unknown(_) => tracing::error!(%request_id, %error, "a request failed"),
    }
}

/// Logs a handler's panic.
pub(super) fn log_panic(payload: &(dyn Any + Send), request_id: &RequestId) {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    let panic = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("not a text");
    tracing::error!(%request_id, panic, "a handler panicked");
}

/// An error and all its causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
