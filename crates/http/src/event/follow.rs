//! Follows the event log for all live feeds of the process.

use std::{sync::Arc, time::Duration};

use tokio::{
    select,
    time::{MissedTickBehavior, interval},
};

use crate::{HttpState, edge::Chain};

/// How often the access of open feeds is checked. The log is looked at too, in case nobody tells of new events.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Hands new events to the live feeds, and ends those whose session or key has ended. Never returns; a server runs it as
/// long as it serves.
pub async fn follow_events(state: Arc<HttpState>) {
    let events = &state.app.events;
    let mut wakened = events.subscribe();
    let mut checks = interval(CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_check = select! {
            () = wakened.wakened() => false,
            _ = checks.tick() => true,
        };
        if let Err(error) = events.advance().await {
            tracing::warn!(error = %Chain(&error), "live feeds cannot read the event log");
        }
        if is_check {
            events.check_access().await;
        }
    }
}
