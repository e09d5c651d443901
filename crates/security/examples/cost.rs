//! Prints what tokens cost: `cargo run --release -p entrepot-security --example cost`.

use std::{error::Error, hint::black_box, time::Instant};

use entrepot_domain::{
    Email, SessionId, Timestamp, UserId,
    auth::{AccessClaims, TokenIssuer},
    user::Roles,
};
use entrepot_security::{JwtIssuer, JwtKeys, PrivateKey};
use uuid::Uuid;

const TIMES: u32 = 200_000;

/// A key for this example only.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIOpLwJkgbERo3B3yp1n5XJChK8hjoVqES9jB1REHTgMW
-----END PRIVATE KEY-----
";

fn say(what: &str, began: Instant) {
    println!("{what}: {:.2} µs", began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
}

fn main() -> Result<(), Box<dyn Error>> {
    let access: [&[u8]; 2] = [b"an access key of thirty-two bytes", b"an older key with thirty-two bytes"];
    let refresh: &[u8] = b"a refresh key of thirty-two bytes";
    let private = PrivateKey::from_pem(PEM.as_bytes())?;
    let one = JwtKeys { private: &[], access: access.iter().take(1).copied().collect(), refresh: vec![refresh] };
    let two = JwtKeys { private: &[], access: access.iter().rev().copied().collect(), refresh: vec![refresh] };
    let pair = JwtKeys { private: &[private], access: access.to_vec(), refresh: vec![refresh] };
    let token = measure("one secret", &one, None)?;
    measure("two secrets, and a token of the other", &two, Some(token))?;
    measure("Ed25519", &pair, None)?;
    Ok(())
}

/// Measures signing, and verifying `token` or a signed token.
fn measure(what: &str, keys: &JwtKeys<'_>, token: Option<String>) -> Result<String, Box<dyn Error>> {
    let issuer = JwtIssuer::new(keys, "entrepot", "entrepot-api");
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
    let token = token.map_or_else(|| issuer.access(&claims), Ok)?;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(issuer.access(black_box(&claims))?);
    }
    say(&format!("{what}: sign"), began);
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(issuer.verify_access(black_box(&token), now)?);
    }
    say(&format!("{what}: verify"), began);
    Ok(token)
}
