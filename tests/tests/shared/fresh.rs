//! After the response to a write, every instance returns the new value.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::Instant,
};

use anyhow::Result;
use entrepot_tests::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{apart, rounds, start, until};

const PRODUCTS: usize = 4;
const READERS: usize = 2;
const STOCK: i64 = 1_000_000;

/// How often something is written or deleted at least, however slow the machine is.
const LEAST: i64 = 20;

/// A field that one writer only ever makes greater.
#[derive(Clone, Copy)]
enum Kind {
    Price,
    /// Counted by what was sold.
    Stock,
    Name,
}

impl Kind {
    async fn write(self, who: &Client, path: &str, n: i64) -> Result<()> {
        match self {
            Self::Price => who.patch(path, json!({"price": {"amount": n}})).await?.expect(200),
            Self::Stock => who.order(path.rsplit('/').next().unwrap(), 1).await?.expect(201),
            Self::Name => who.patch(path, json!({"name": n.to_string()})).await?.expect(200),
        };
        Ok(())
    }

    fn read(self, seen: &Value) -> i64 {
        match self {
            Self::Price => seen["price"]["amount"].as_i64().unwrap(),
            Self::Stock => STOCK - seen["stock"].as_i64().unwrap(),
            Self::Name => seen["name"].as_str().unwrap().parse().unwrap_or(0),
        }
    }
}

/// Changes it on one instance, reads it on the other and on the first, and repeats this with the two exchanged.
async fn write(to: [Client; 2], path: String, kind: Kind, known: Arc<AtomicI64>, until: Instant) -> Result<i64> {
    for n in 1.. {
        let (here, there) = if n % 2 == 0 { (&to[0], &to[1]) } else { (&to[1], &to[0]) };
        kind.write(here, &path, n).await?;
        known.store(n, SeqCst);
        for reader in [there, here] {
            assert_eq!(kind.read(reader.get(&path).await?.expect(200).data()), n, "an old value after the answer");
        }
        if Instant::now() > until && n >= LEAST {
            return Ok(n);
        }
    }
    unreachable!()
}

/// Reads as fast as it can, so that a value is loaded at every stage of a write. A read must return at least the value
/// that was confirmed before it was sent.
async fn read(from: Client, path: String, kind: Kind, known: Arc<AtomicI64>, until: Instant) -> Result<i64> {
    for n in 1.. {
        let least = known.load(SeqCst);
        let seen = kind.read(from.get(&path).await?.expect(200).data());
        assert!(seen >= least, "{seen} is shown after {least} was written");
        if Instant::now() > until {
            return Ok(n);
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_instance_returns_a_stale_value() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.admin().await?;
    let (mut writers, mut readers, until) = (JoinSet::new(), JoinSet::new(), until());
    let mut paths = vec![(format!("/users/{}", staff.id()), Kind::Name)];
    for n in 0..PRODUCTS {
        let product = staff.product(&format!("P-{n}"), 0, STOCK).await?;
        paths.push((format!("/products/{product}"), if n % 2 == 0 { Kind::Price } else { Kind::Stock }));
    }
    for (path, kind) in paths {
        let known = Arc::new(AtomicI64::new(0));
        for n in 0..2 * READERS {
            let reader = apart(&server, &staff)[n % 2].clone();
            readers.spawn(read(reader, path.clone(), kind, known.clone(), until));
        }
        writers.spawn(write(apart(&server, &staff), path, kind, known, until));
    }
    let (written, seen) = (rounds(writers).await?, rounds(readers).await?);
    println!("{written} writes, {seen} reads");
    Ok(())
}

/// Reads as fast as it can; a read that was sent after the deletion was confirmed must not return the product.
async fn read_until_gone(from: Client, path: String, gone: Arc<AtomicBool>) -> Result<i64> {
    for n in 1.. {
        let over = gone.load(SeqCst);
        let answer = from.get(&path).await?;
        assert!(!over || answer.status == 404, "{} of a product that is gone", answer.status);
        if over {
            return Ok(n);
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_on_one_instance_is_seen_on_the_other() -> Result<()> {
    let server = start(&[]).await?;
    let staff = apart(&server, &server.admin().await?);
    let (mut deleted, until) = (0, until());
    while Instant::now() < until || deleted < LEAST {
        let [here, there] = if deleted % 2 == 0 { [&staff[0], &staff[1]] } else { [&staff[1], &staff[0]] };
        let product = here.product(&format!("P-{deleted}"), 100, 5).await?;
        let (path, gone) = (format!("/products/{product}"), Arc::new(AtomicBool::new(false)));
        let mut readers = JoinSet::new();
        for reader in &staff {
            reader.get(&path).await?.expect(200);
            readers.spawn(read_until_gone(reader.clone(), path.clone(), gone.clone()));
        }
        there.order(&product, 1).await?.expect(201);
        here.delete(&path).await?.expect(204);
        gone.store(true, SeqCst);
        there.get(&path).await?.error(404, "not_found");
        there.order(&product, 1).await?.invalid(&["items[0].productId"]);
        rounds(readers).await?;
        deleted += 1;
    }
    println!("{deleted} products deleted");
    Ok(())
}
