//! What every path answers, on a real connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

use actix_web::{HttpServer, dev::ServerHandle, rt, test::TestRequest, web};

use super::odd;
use crate::{
    routes::app_with,
    testing::{ask_with, state_for_tests},
};

#[actix_web::test]
async fn options_names_the_methods() {
    let request = TestRequest::with_uri("/api/v1/things/1").method(actix_web::http::Method::OPTIONS);
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
    assert!(answer.body.is_empty());
}

fn start_odd() -> (SocketAddr, ServerHandle) {
    let state = state_for_tests();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(move || app_with(&state, odd)).workers(1).disable_signals();
    let server = server.listen(listener).unwrap().run();
    let handle = server.handle();
    rt::spawn(server);
    (address, handle)
}

/// All that comes back for these bytes until the server closes.
async fn talk(address: SocketAddr, bytes: &'static [u8]) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    web::block(talk).await.unwrap()
}

#[actix_web::test]
async fn head_is_get_without_its_body() {
    let (address, handle) = start_odd();
    let answer = talk(address, b"HEAD /api/v1/things/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("content-length: 7\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_panic_is_answered_and_the_connection_goes_on() {
    let (address, handle) = start_odd();
    let two = b"GET /api/v1/odd/panic HTTP/1.1\r\nhost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = talk(address, two).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("\"code\":\"internal\"") && answer.contains("x-request-id: "), "{answer}");
    assert!(answer.contains("HTTP/1.1 404 ") && answer.contains("\"code\":\"not_found\""), "{answer}");
    handle.stop(false).await;
}
