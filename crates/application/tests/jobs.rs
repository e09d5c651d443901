//! Background jobs, and the orders that one of them cancels.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{admin, by_key, clock, customer, ids, now, order, staff, user_id};
use entrepot_application::{
    job::{JobPorts, JobService},
    order::{OrderPorts, OrderService},
};
use entrepot_domain::{
    Fault, JobId, Listing,
    api_key::Scope,
    audit::Who,
    auth::Actor,
    job::{JobError, JobOver, JobStatus, JobSummary, MockJobRepository},
    order::{MockOrderRepository, OrderAction, OrderStatus, Transition, TransitionError, Transitioned},
};
use futures_executor::block_on;
use uuid::Uuid;

const JOB: JobId = JobId(Uuid::from_u128(7));

fn jobs(jobs: MockJobRepository) -> JobService {
    JobService::new(JobPorts { jobs: Arc::new(jobs) })
}

#[test]
fn jobs_are_for_admins_who_have_logged_in() {
    let asked = |actor: Actor| {
        let mut port = MockJobRepository::new();
        port.expect_summary().returning(|| Ok(JobSummary::default()));
        block_on(jobs(port).summary(&actor)).map(drop).map_err(|error| error.code())
    };
    assert_eq!(asked(admin()), Ok(()));
    for actor in [customer(1), staff()] {
        assert_eq!(asked(actor), Err("forbidden"));
        let none = || jobs(MockJobRepository::new());
        assert_eq!(block_on(none().cancel(&actor, JOB)).unwrap_err().code(), "forbidden");
        assert_eq!(block_on(none().retry(&actor, JOB)).unwrap_err().code(), "forbidden");
        assert_eq!(block_on(none().get(&actor, JOB)).unwrap_err().code(), "forbidden");
    }
    assert_eq!(asked(by_key(admin(), &[Scope::OrdersRead])), Err("login_required"));
}

#[test]
fn ended_job_is_a_conflict() {
    let refused = |error: JobError| {
        let mut port = MockJobRepository::new();
        port.expect_retry().return_once(move |_| Err(error));
        block_on(jobs(port).retry(&admin(), JOB)).unwrap_err().code()
    };
    assert_eq!(refused(JobError::NotFound), "not_found");
    assert_eq!(refused(JobError::Over(JobOver(JobStatus::Cancelled))), "invalid_transition");
    assert_eq!(refused(JobError::Queued), "invalid_transition");
    assert_eq!(refused(Fault::unavailable("store", anyhow()).into()), "unavailable");
}

fn anyhow() -> std::io::Error {
    std::io::Error::other("away")
}

/// What the store is asked to change when orders 1 and 2 are found, of which the second answers so.
fn cancelled(second: fn() -> Result<Transitioned, TransitionError>) -> (Result<usize, Fault>, Vec<Transition>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut orders = MockOrderRepository::new();
    orders.expect_list().returning(|query| {
        assert_eq!(query.filter.status, Some(OrderStatus::Pending));
        assert_eq!(query.filter.to, Some(now() - Duration::from_mins(30)));
        assert_eq!(query.sort.to_string(), "createdAt");
        let items = vec![order(1, user_id(1)), order(2, user_id(1))];
        Ok(Listing { items, total: None, more: false })
    });
    let told = seen.clone();
    orders.expect_transition().returning(move |id, transition| {
        told.lock().unwrap().push(transition.clone());
        match id.0.as_u128() {
            1 => Ok(Transitioned { order: order(1, user_id(1)), restocked: vec![] }),
            _ => second(),
        }
    });
    let service = OrderService::new(OrderPorts { orders: Arc::new(orders), clock: clock(), ids: ids() });
    let found = block_on(service.cancel_unpaid(Duration::from_mins(30)));
    let seen = seen.lock().unwrap().clone();
    (found, seen)
}

#[test]
fn unpaid_orders_are_cancelled_by_the_program_at_the_version_that_was_found() {
    let (found, seen) = cancelled(|| Ok(Transitioned { order: order(2, user_id(1)), restocked: vec![] }));
    assert_eq!((found.unwrap(), seen.len()), (2, 2));
    for transition in seen {
        assert_eq!((transition.action, transition.actor), (OrderAction::Cancel, None));
        assert_eq!(transition.expected, Some(order(1, user_id(1)).version));
        assert_eq!((transition.cause.who, transition.cause.origin), (Who::System, None));
    }
}

#[test]
fn order_paid_meanwhile_is_not_cancelled() {
    assert_eq!(cancelled(|| Err(TransitionError::VersionConflict)).0.unwrap(), 2);
    assert!(cancelled(|| Err(Fault::unavailable("store", anyhow()).into())).0.is_err());
}
