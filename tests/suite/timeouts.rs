//! What a change leaves behind when its request times out.
//!
//! Every route that changes something, on a store that takes no writes for a while: its client gets a 503, and what it
//! began is finished or undone afterwards, never half done.

mod cases;
mod shown;

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Result;
use cases::{Case, Request, cases};
use entrepot_tests::{
    Answer, Client, Hold, Receiver, Server,
    document::{Route, routes},
    jobs,
};
use reqwest::Method;
use serde_json::json;
use shown::{Shown, shown};

use crate::start;

/// A user for whom a route is called, with a product and an order.
struct World {
    /// The prefix of all its names.
    name: String,
    ada: Client,
    product: String,
    order: String,
    job: String,
    webhook: String,
    /// Where the server writes mails.
    folder: PathBuf,
}

impl World {
    async fn new(server: &Server, admin: &Client, receiver: &Receiver, name: String) -> Result<Self> {
        let ada = server.customer(&format!("{name}@example.com")).await?;
        let product = admin.product(&format!("{name}-MUG"), 295, 10).await?;
        let order = ada.order(&product, 1).await?.expect(201).id();
        let job = jobs::scheduled(server).await?;
        let webhook = json!({"url": receiver.url(), "types": ["product.archived"], "description": name});
        let webhook = admin.post("/webhooks", webhook).await?.expect(201).id();
        // It is sent what a case sends, and no event.
        admin.patch(&format!("/webhooks/{webhook}"), json!({"active": false})).await?.expect(200);
        let folder = server.folder().to_owned();
        Ok(Self { name, ada, product, order, job, webhook, folder })
    }

    /// The same, at a server that was restarted on another port.
    fn again(self, server: &Server) -> Self {
        Self { ada: server.again(&self.ada), ..self }
    }
}

async fn send(world: &World, admin: &Client, request: &Request) -> Result<Answer> {
    let who = if request.by_admin { admin } else { &world.ada };
    let mut sent = who.request(request.method.clone(), &request.path);
    if let Some(body) = request.body() {
        sent = sent.json(&body);
    }
    if request.keyed {
        sent = sent.header("idempotency-key", &world.name);
    }
    who.send(sent).await
}

/// A case in two equal worlds: in one the request succeeds, in the other it times out.
struct Pair {
    case: Case,
    calm: (World, Request),
    held: (World, Request),
}

async fn pairs(server: &Server, admin: &Client, receiver: &Receiver) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (n, case) in cases().into_iter().enumerate() {
        let mut worlds = Vec::new();
        for kind in ["calm", "held"] {
            let world = World::new(server, admin, receiver, format!("w{n}{kind}")).await?;
            let request = case.prepare(&world, admin).await?;
            worlds.push((world, request));
        }
        let (held, calm) = (worlds.remove(1), worlds.remove(0));
        pairs.push(Pair { case, calm, held });
    }
    Ok(pairs)
}

/// Those that change nothing but the mails of a user.
const MAIL_ROUTES: [&str; 2] = ["POST /auth/email/resend", "POST /auth/password/forgot"];

/// Fails for a new route that writes until it has a case.
async fn every_route_has_a_case(admin: &Client) -> Result<()> {
    let all = routes(admin).await?;
    let writing: BTreeSet<_> = all.iter().filter(|route| route.method != Method::GET).map(Route::name).collect();
    let known: BTreeSet<_> = cases().iter().map(|case| case.route.to_owned()).collect();
    assert_eq!(known, writing, "each route that writes needs a case in {}", file!());
    Ok(())
}

/// Compares what a request changes: an incomplete change shows some values from before and some from after.
fn halves(found: &Shown, before: &Shown, after: &Shown) -> Vec<String> {
    let changes = found.iter().filter(|(path, shown)| before[*path] != after[*path] || before[*path] != **shown);
    let told = changes.map(|(path, shown)| match shown {
        shown if *shown == before[path] => format!("{path}: as before"),
        shown if *shown == after[path] => format!("{path}: as after"),
        other => format!("{path}: {other}"),
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_that_timed_out_is_complete_or_undone_on_every_route() -> Result<()> {
    let mut server = start(&[("WEBHOOK_ALLOW_PRIVATE", "true")]).await?;
    let admin = server.admin().await?;
    every_route_has_a_case(&admin).await?;
    let receiver = Receiver::willing().await?;
    let pairs = pairs(&server, &admin, &receiver).await?;

    server.restart_with(&[("REQUEST_TIMEOUT", "300ms")])?;
    let hasty = server.again(&admin);
    let mut late = Vec::new();
    for Pair { case, calm, held: (world, request) } in pairs {
        let world = world.again(&server);
        // The user is in the cache, so that the request reaches the write without a query.
        hasty.get("/users/me").await?;
        world.ada.get("/users/me").await?;
        let hold = Hold::on(&server).await?;
        let answer = send(&world, &hasty, &request).await?;
        hold.release().await?;
        answer.error(503, "unavailable");
        assert!(answer.header("retry-after").parse::<u64>()? > 0, "{}", case.route);
        late.push(Pair { case, calm, held: (world, request) });
    }

    // A stop finishes what was begun, so that every change is complete or undone now.
    server.restart_with(&[("REQUEST_TIMEOUT", "30s")])?;
    let admin = server.again(&admin);
    let mut finished = 0;
    for Pair { case, calm, held } in late {
        let (calm, held) = ((calm.0.again(&server), calm.1), (held.0.again(&server), held.1));
        let before = shown(&calm.0, &admin).await?;
        let done = send(&calm.0, &admin, &calm.1).await?;
        assert!(done.status < 300, "{}: {}", case.route, done.body);
        let after = shown(&calm.0, &admin).await?;
        let sends_mail = MAIL_ROUTES.contains(&case.route);
        // A ticket is seen by nobody but the feed that it opens.
        let shows_nothing = sends_mail || case.route == "POST /auth/ticket";
        assert!(shows_nothing || before != after, "{} changes nothing that is looked at", case.route);

        let found = shown(&held.0, &admin).await?;
        let is_done = found == after;
        assert!(is_done || found == before, "{} is half done: {:#?}", case.route, halves(&found, &before, &after));
        let again = send(&held.0, &admin, &held.1).await?;
        let expected = if is_done { case.again } else { done.status };
        let expected = if sends_mail { done.status } else { expected };
        assert_eq!(again.status, expected, "{} once more: {}", case.route, again.body);
        if case.route == "POST /orders" {
            assert_eq!(again.header("idempotent-replayed") == "true", is_done);
            assert_eq!(shown(&held.0, &admin).await?, after);
        }
        finished += usize::from(is_done);
    }
    println!("{finished} were finished");
    Ok(())
}
