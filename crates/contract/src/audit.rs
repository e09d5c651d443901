//! What every store promises of its [`AuditLog`]: each change has its entry, and each refusal none.

mod account;
mod list;
mod session;
mod shop;
mod user;

use entrepot_domain::{
    Sort,
    audit::{AuditEntry, AuditFilter, AuditLog, AuditQuery},
};
use uuid::Uuid;

use crate::{Stores, walk::page};

pub use account::*;
pub use list::*;
pub use session::*;
pub use shop::*;
pub use user::*;

/// Makes a test of each case: `entrepot_contract::audit_suite!(harness())`.
#[macro_export]
macro_rules! audit_suite {
    ($harness:expr) => {
        $crate::suite! { audit, $harness,
            whoever_asked_is_in_the_log,
            each_change_of_a_user_is_in_the_log,
            a_password_is_in_the_log_with_the_sessions_it_ended,
            a_refused_change_of_a_user_is_not_in_the_log,
            of_changes_at_once_only_those_that_went_through_are_in_the_log,
            the_log_forgets_who_an_erased_user_was,
            beginnings_and_ends_of_sessions_are_in_the_log,
            what_ends_no_session_is_not_in_the_log,
            a_refresh_token_that_is_used_twice_is_in_the_log,
            what_becomes_of_keys_is_in_the_log,
            what_becomes_of_second_factors_is_in_the_log,
            each_change_of_a_product_is_in_the_log,
            a_refused_change_of_a_product_is_not_in_the_log,
            an_import_is_in_the_log_product_by_product,
            what_becomes_of_an_order_is_in_the_log,
            the_log_is_filtered,
            places_and_pages_of_the_log_agree,
        }
    };
}

/// All that the log says, the first first.
async fn all(h: &impl Stores) -> Vec<AuditEntry> {
    found(&*h.audit(), AuditFilter::default()).await
}

/// What it says of one thing.
pub(crate) async fn about(h: &impl Stores, subject: Uuid) -> Vec<AuditEntry> {
    found(&*h.audit(), AuditFilter { subject: Some(subject), ..AuditFilter::default() }).await
}

async fn found(log: &dyn AuditLog, filter: AuditFilter) -> Vec<AuditEntry> {
    let query = AuditQuery { filter, sort: Sort::parse("createdAt").unwrap(), window: page(1, 100) };
    log.list(&query).await.unwrap().items
}
