//! What every [`WebhookRepository`](entrepot_domain::webhook::WebhookRepository) promises.
#![allow(missing_docs, reason = "the names of the cases say it")]

mod endpoint;

pub use endpoint::*;

/// Makes a test of each case: `entrepot_contract::webhook_suite!(harness())`.
#[macro_export]
macro_rules! webhook_suite {
    ($harness:expr) => {
        $crate::suite! { webhook, $harness,
            endpoint_is_found_as_it_was_inserted,
            endpoint_is_changed,
            stale_change_of_an_endpoint_is_refused,
            concurrent_changes_of_an_endpoint_conflict,
            rotated_endpoint_has_a_new_key,
            deleted_endpoint_is_gone,
            changes_of_endpoints_are_logged,
            places_and_pages_of_endpoints_agree,
        }
    };
}
