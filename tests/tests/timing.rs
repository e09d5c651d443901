//! How long a login takes: the same for every kind of failure, and without delay to other requests. The machine may be
//! busy with other work, so a measurement is repeated up to twice; a real fault shows each time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, Instant};

use anyhow::Result;
use entrepot_tests::{Client, PASSWORD, Server};
use serde_json::json;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const MEASUREMENTS: usize = 3;

/// The value that so many thousandths are not greater than.
fn quantile(times: &mut [Duration], thousandths: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * thousandths / 1_000).min(times.len() - 1)]
}

async fn guess(nobody: &Client, email: &str) -> Result<Duration> {
    let begun = Instant::now();
    nobody
        .post("/auth/login", json!({"email": email, "password": "not the one"}))
        .await?
        .error(401, "invalid_credentials");
    Ok(begun.elapsed())
}

#[tokio::test]
async fn unknown_email_takes_as_long_as_a_wrong_password() -> Result<()> {
    let _alone = ALONE.lock().await;
    // A cheap hash, so that a difference beside it is larger in proportion.
    let server = Server::start(&[("BCRYPT_COST", "8")]).await?;
    server.customer("ada@example.com").await?;
    let nobody = server.anonymous();
    let mut measured = Vec::new();
    for _ in 0..MEASUREMENTS {
        let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
        for n in 0..200 {
            // In turns, because the speed of the machine varies.
            if n % 2 == 0 {
                wrong.push(guess(&nobody, "ada@example.com").await?);
                unknown.push(guess(&nobody, "eve@example.com").await?);
            } else {
                unknown.push(guess(&nobody, "eve@example.com").await?);
                wrong.push(guess(&nobody, "ada@example.com").await?);
            }
        }
        let (wrong, unknown) = (quantile(&mut wrong, 500), quantile(&mut unknown, 500));
        let difference = wrong.abs_diff(unknown).as_secs_f64() / wrong.max(unknown).as_secs_f64();
        if difference < 0.05 {
            return Ok(());
        }
        measured.push((wrong, unknown));
    }
    panic!("a wrong password and an unknown email are told apart by their medians: {measured:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_concurrent_logins_delay_no_other_request() -> Result<()> {
    let _alone = ALONE.lock().await;
    let server = Server::start(&[("BCRYPT_COST", "10")]).await?;
    server.customer("ada@example.com").await?;
    let nobody = server.anonymous();
    nobody.get("//health/live").await?.expect(200);
    let mut measured = Vec::new();
    for _ in 0..MEASUREMENTS {
        let mut logins = JoinSet::new();
        for _ in 0..100 {
            let somebody = server.anonymous();
            logins.spawn(async move { somebody.login("ada@example.com", PASSWORD).await });
        }
        let (mut times, mut pace) = (Vec::new(), interval(Duration::from_millis(3)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !logins.is_empty() {
            pace.tick().await;
            let begun = Instant::now();
            nobody.get("//health/live").await?.expect(200);
            times.push(begun.elapsed());
            while let Some(login) = logins.try_join_next() {
                login??;
            }
        }
        assert!(times.len() > 100, "the logins were over before anything was measured: {}", times.len());
        let slowest = quantile(&mut times, 990);
        if slowest < Duration::from_millis(50) {
            return Ok(());
        }
        measured.push((slowest, times.len()));
    }
    panic!("whoever asks while others log in waits too long: {measured:?}");
}
