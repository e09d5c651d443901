//! Content codings of responses and of request bodies.

use std::io::{Read, Write};

use anyhow::Result;
use entrepot_tests::{Answer, Client, PASSWORD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::{Method, Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::start;

/// Sends a request and returns the response without decoding it.
async fn ask(who: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Result<(HeaderMap, Vec<u8>)> {
    let request = who.request(method, path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer: Response = request.send().await?;
    Ok((answer.headers().clone(), answer.bytes().await?.to_vec()))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A product that is long enough to be compressed.
async fn wordy(admin: &Client) -> Result<String> {
    let product = json!({
        "sku": "WORDY", "name": "A wordy mug", "price": {"amount": 1, "currency": "GBP"}, "stock": 1,
        "description": "Enamel. ".repeat(250),
    });
    Ok(format!("/products/{}", admin.post("/products", product).await?.expect(201).id()))
}

#[tokio::test]
async fn long_response_is_encoded_without_change() -> Result<()> {
    let server = start(&[]).await?;
    let path = wordy(&server.admin().await?).await?;
    let nobody = server.anonymous();
    let (_, plain) = ask(&nobody, Method::GET, &path, &[]).await?;
    for (accepted, name) in [("gzip", "gzip"), ("br;q=0.9, gzip;q=0.5", "br"), ("zstd", "zstd"), ("gzip;q=0", "")] {
        let (headers, body) = ask(&nobody, Method::GET, &path, &[("accept-encoding", accepted)]).await?;
        let header = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("content-encoding"), name);
        assert!(headers.get_all("vary").iter().any(|vary| vary == "Accept-Encoding"));
        assert_eq!(header("content-length"), body.len().to_string());
        match name {
            "" => assert_eq!(body, plain),
            "gzip" => assert_eq!(gunzip(&body), plain),
            _ => assert!(body.len() < plain.len() / 2),
        }
        let (head, nothing) = ask(&nobody, Method::HEAD, &path, &[("accept-encoding", accepted)]).await?;
        assert!(nothing.is_empty());
        for name in ["content-encoding", "content-length", "etag"] {
            assert_eq!(head.get(name), headers.get(name), "{name} of HEAD");
        }
    }
    Ok(())
}

#[tokio::test]
async fn etag_of_an_encoded_response_works_in_conditions() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let path = wordy(&admin).await?;
    let gzip = ("accept-encoding", "gzip");
    let (headers, _) = ask(&admin, Method::GET, &path, &[gzip]).await?;
    let tag = headers["etag"].to_str()?.to_owned();
    let request = admin.request(Method::GET, &path).header(gzip.0, gzip.1).header("if-none-match", &tag);
    let known = admin.send(request).await?;
    assert_eq!((known.status, known.header("etag")), (304, tag.as_str()));
    let plain = admin.with(Method::GET, &path, ("if-none-match", &tag), None).await?.expect(200);
    assert_ne!(plain.header("etag"), tag, "other bytes under the same strong tag");

    let change = json!({"name": "A wordier mug"});
    let changed = admin.with(Method::PATCH, &path, ("if-match", &tag), Some(change.clone())).await?.expect(200);
    assert_ne!(changed.header("etag"), plain.header("etag"));
    admin.with(Method::PATCH, &path, ("if-match", &tag), Some(change)).await?.error(412, "precondition_failed");
    Ok(())
}

#[tokio::test]
async fn responses_with_tokens_are_never_encoded() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let login = json!({"email": ada.email(), "password": ada.password()});
    let refresh = json!({"refreshToken": ada.refresh_token()});
    for (path, body) in [("/auth/login", login), ("/auth/refresh", refresh)] {
        for accepted in ["gzip, br, zstd", "gzip, identity;q=0"] {
            let answer = ada.with(Method::POST, path, ("accept-encoding", accepted), Some(body.clone())).await?;
            assert_eq!(answer.header("content-encoding"), "", "{path}");
        }
    }
    Ok(())
}

async fn send(who: &Client, encoding: &str, body: Vec<u8>) -> Result<Answer> {
    let request = who.request(Method::POST, "/users").header("content-type", "application/json");
    who.send(request.header("content-encoding", encoding).body(body)).await
}

fn user(email: &str) -> Vec<u8> {
    json!({"name": "Ada", "email": email, "password": PASSWORD}).to_string().into_bytes()
}

#[tokio::test]
async fn body_may_be_gzip_encoded() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    send(&nobody, "gzip", gzip(&user("a@example.com"))).await?.expect(201);
    send(&nobody, "X-GZIP", gzip(&user("b@example.com"))).await?.expect(201);
    send(&nobody, "identity", user("c@example.com")).await?.expect(201);
    for broken in [user("d@example.com"), gzip(&user("d@example.com"))[..30].to_vec(), Vec::new()] {
        send(&nobody, "gzip", broken).await?.error(400, "malformed_json");
    }
    for unknown in ["br", "deflate", "gzip, gzip", "no-such-thing"] {
        let answer = send(&nobody, unknown, gzip(&user("d@example.com"))).await?;
        answer.error(415, "unsupported_media_type");
        assert_eq!(answer.header("accept-encoding"), "gzip", "{unknown}");
        assert!(answer.body["message"].as_str().unwrap().contains("gzip"), "{}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn gzip_bomb_is_refused() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let bomb = gzip(&vec![b' '; 200 << 20]);
    assert!(bomb.len() < 1 << 20);
    for _ in 0..3 {
        send(&nobody, "gzip", bomb.clone()).await?.error(413, "payload_too_large");
    }
    let peak = server.peak_memory()?;
    assert!(peak < 150 << 20, "{peak} bytes were resident");
    let fits: Value = json!({"name": "x".repeat(1 << 20)});
    send(&nobody, "gzip", gzip(fits.to_string().as_bytes())).await?.invalid(&["name", "email", "password"]);
    Ok(())
}
