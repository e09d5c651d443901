//! The tasks behind a connection: one keeps it, one watches what is at its other end.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use fred::interfaces::{ClientLike as _, EventInterface as _};
use tokio::{sync::broadcast::error::RecvError, time::timeout};

use super::{Shared, nodes};
use crate::{
    options::CONNECT,
    told::{is_unconnected, told},
};

/// How often the watcher looks whether Redis still answers. Whoever is cut off finds out within this and the
/// time-out of a command.
const BEAT: Duration = Duration::from_millis(50);

/// How often it looks whether Redis answers again.
pub(super) const TRY: Duration = Duration::from_millis(250);

/// How soon it looks for the first time: one command that took too long, on a machine that was busy for a moment, is no
/// outage. Whoever has something to be forgotten waits for a command's time-out more, so it is told within that.
const SOON: Duration = Duration::from_millis(20);

/// After so many of those, each only shortly after the one before, it is one: something fails though the probe succeeds.
const HICCUPS: u32 = 3;

/// How soon it looks for the first time then.
const RETRY: Duration = Duration::from_secs(1);

/// How long is not shortly.
const STEADY: Duration = Duration::from_secs(10);

/// How long a connection that says nothing is kept. fred would not give it up while something is written to it.
const SILENCE: Duration = Duration::from_secs(3);

/// How long after an outage cached values are not believed yet. Other instances that were cut off by the same outage
/// tell Redis meanwhile what they changed in it.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// Keeps a client running, and opens the breaker when its connection is lost: nobody is to ask the Redis that comes
/// after it before it was looked at, and no request is to find out by waiting.
pub(super) async fn keep(shared: Arc<Shared>) {
    let (mut known, mut elsewhere) = (Vec::new(), false);
    loop {
        let client = shared.client();
        let mut errors = client.error_rx();
        let mut running = client.connect();
        loop {
            tokio::select! {
                ended = &mut running => {
                    if let Ok(Err(error)) = ended {
                        shared.lose(&told(&error));
                    }
                    tokio::time::sleep(TRY).await;
                    break;
                }
                error = errors.recv() => match error {
                    Ok((error, _)) => shared.lose(&told(&error)),
                    Err(RecvError::Lagged(_)) => shared.lose("the connection was lost"),
                    Err(RecvError::Closed) => break,
                },
                () = shared.hung.notified() => {
                    shared.lost.store(true, SeqCst);
                    break;
                }
            }
        }
        // A new one each time: fred miscounts its queue when it connects anew by hand, and then sends nothing more.
        running.abort();
        known = Some(nodes(&client)).filter(|nodes| !nodes.is_empty()).unwrap_or(known);
        let next = shared.options.client(if elsewhere { &known } else { &[] });
        *shared.client.write().unwrap_or_else(PoisonError::into_inner) = next;
        // In turn: all nodes that the URL names may be away, and so may all that were known, and each takes its time to
        // say nothing.
        elsewhere = !elsewhere;
    }
}

/// Probes Redis, and closes the breaker when it may be closed.
pub(super) async fn watch(shared: Arc<Shared>) {
    // The first connection is worth waiting for; whatever comes of it, the loop finds out.
    timeout(CONNECT, shared.client().wait_for_connect()).await.ok();
    let mut news = shared.breaker.news();
    let (mut pause, mut openings) = (Duration::ZERO, 0);
    loop {
        close(&shared, pause).await;
        pause = SETTLE;
        let closed = Instant::now();
        while shared.breaker.enter().is_some() {
            if let Err(error) = shared.probe().await {
                shared.breaker.open(&told(&error));
            }
            timeout(BEAT, news.changed()).await.ok();
        }
        openings = if closed.elapsed() > STEADY { 1 } else { openings + 1 };
        tokio::time::sleep(if openings <= HICCUPS { SOON } else { RETRY }).await;
    }
}

/// Tries until the breaker is closed.
async fn close(shared: &Shared, pause: Duration) {
    let (mut pause, mut heard) = (pause, Instant::now());
    loop {
        match shared.recover(pause).await {
            Ok(true) => break tracing::info!("redis answers"),
            Ok(false) => {}
            // Why it is not connected, the keeper has said.
            Err(error) if is_unconnected(&error) && shared.breaker.why().is_some() => {}
            Err(error) => shared.breaker.open(&told(&error)),
        }
        pause = SETTLE;
        if heard.elapsed() > SILENCE {
            shared.hung.notify_one();
            heard = Instant::now();
        }
        tokio::time::sleep(TRY).await;
    }
}
