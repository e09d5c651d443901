//! Prints what tokens cost: `cargo run --release -p entrepot-security --example cost`.

use std::{error::Error, hint::black_box, time::Instant};

use entrepot_domain::{
    Email, SessionId, Timestamp, UserId,
    auth::{AccessClaims, TokenIssuer},
    user::Roles,
};
use entrepot_security::{JwtIssuer, JwtKeys};
use uuid::Uuid;

const TIMES: u32 = 200_000;

fn say(what: &str, began: Instant) {
    println!("{what}: {:.2} µs", began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}

fn main() -> Result<(), Box<dyn Error>> {
    let keys = JwtKeys { access: b"an access key of thirty-two bytes", refresh: b"a refresh key of thirty-two bytes" };
    let issuer = JwtIssuer::new(&keys, "entrepot", "entrepot-api");
    let now = Timestamp::UNIX_EPOCH;
    let claims = AccessClaims {
        user: UserId(Uuid::from_u128(1)),
        email: Email::parse("ada@example.com")?,
        roles: Roles::CUSTOMER,
        session: SessionId(Uuid::from_u128(2)),
        id: Uuid::from_u128(3),
        issued_at: now,
        expires_at: now + std::time::Duration::from_mins(15),
    };
    let token = issuer.access(&claims)?;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(issuer.access(black_box(&claims))?);
    }
    say("access token, sign", began);
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(issuer.verify_access(black_box(&token), now)?);
    }
    say("access token, verify", began);
    Ok(())
}
