//! The contract of [`AuditLog`] and of the entries that each change writes.

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

/// Generates a test per case: `entrepot_contract::audit_suite!(harness())`.
#[macro_export]
macro_rules! audit_suite {
    ($harness:expr) => {
        $crate::suite! { audit, $harness,
            initiator_of_a_change_is_logged,
            changes_of_users_are_logged,
            new_password_is_logged_with_the_sessions_it_ended,
            refused_change_of_a_user_is_not_logged,
            only_successful_concurrent_changes_are_logged,
            personal_data_of_an_erased_user_is_erased_from_the_log,
            opened_and_ended_sessions_are_logged,
            ending_no_session_is_not_logged,
            reused_refresh_token_is_logged,
            changes_of_keys_are_logged,
            changes_of_second_factors_are_logged,
            changes_of_products_are_logged,
            refused_change_of_a_product_is_not_logged,
            import_is_logged_per_product,
            changes_of_orders_are_logged,
            log_is_filtered,
            keyset_and_page_listings_of_the_log_agree,
        }
    };
}

/// All entries, the oldest first.
async fn all(h: &impl Stores) -> Vec<AuditEntry> {
    found(&*h.audit(), AuditFilter::default()).await
}

/// The entries that match a filter.
pub(crate) async fn about(h: &impl Stores, subject: Uuid) -> Vec<AuditEntry> {
    found(&*h.audit(), AuditFilter { subject: Some(subject), ..AuditFilter::default() }).await
}

async fn found(log: &dyn AuditLog, filter: AuditFilter) -> Vec<AuditEntry> {
    let query = AuditQuery { filter, sort: Sort::parse("createdAt").unwrap(), window: page(1, 100) };
    log.list(&query).await.unwrap().items
}
