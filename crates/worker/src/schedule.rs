//! Queues jobs at the times of their schedules.

use std::{sync::Arc, time::Duration};

use entrepot_domain::{
    Fault, IdGenerator, JobId, Timestamp,
    job::{JobQueue, Schedules, Tick},
};
use tokio::time::sleep;

use crate::registry::{Known, Registry, Schedule};

/// The maximum wait before the schedules are read again: another process may have changed them.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The minimum wait between two reads.
const MIN_WAIT: Duration = Duration::from_millis(5);

/// Queues the jobs of schedules. Times are those of the store's clock; the clock of this process only measures the
/// waits. Ticks missed while no worker ran result in one job.
pub(crate) async fn schedule(queue: Arc<dyn JobQueue>, registry: Arc<Registry>, ids: Arc<dyn IdGenerator>) {
    if registry.iter().all(|known| known.schedule.is_none()) {
        return;
    }
    loop {
        let wait = match take_due(&*queue, &registry, &*ids).await {
            Ok(wait) => wait,
            Err(fault) => {
                tracing::warn!(error = %fault, "the schedules of jobs could not be read");
                Duration::from_secs(1)
            }
        };
        sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
    }
}

/// Takes the ticks that are due, and returns the time until the next one.
async fn take_due(queue: &dyn JobQueue, registry: &Registry, ids: &dyn IdGenerator) -> Result<Duration, Fault> {
    let known: Vec<_> = registry.iter().filter_map(|known| Some((known, known.schedule.as_ref()?))).collect();
    let names: Vec<_> = known.iter().map(|(known, _)| known.kind.clone()).collect();
    let schedules = queue.schedules(&names).await?;
    let mut wait = MAX_WAIT;
    for (known, schedule) in known {
        if let Some(next) = take(queue, ids, known, schedule, &schedules).await? {
            wait = wait.min((next - schedules.now).to_std().unwrap_or_default());
        }
    }
    Ok(wait)
}

/// Takes the tick of one schedule if it is due, and returns its next time.
async fn take(
    queue: &dyn JobQueue,
    ids: &dyn IdGenerator,
    known: &Known,
    schedule: &Schedule,
    schedules: &Schedules,
) -> Result<Option<Timestamp>, Fault> {
    let now = schedules.now;
    let stored = schedules.known.iter().find(|(name, pattern, _)| *name == known.kind && pattern == schedule.pattern);
    let due = stored.map(|(.., next)| *next);
    if let Some(due) = due.filter(|due| *due > now) {
        return Ok(Some(due));
    }
    let Some(next) = schedule.after(now) else { return Ok(None) };
    let job = schedule.job(JobId(ids.next())).map_err(Fault::unknown)?;
    let tick = Tick { name: known.kind.clone(), pattern: schedule.pattern.to_owned(), due, next, job };
    queue.tick(&tick).await?;
    Ok(Some(next))
}
