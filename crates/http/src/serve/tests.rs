use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};

use super::{Listening, Server};
use crate::{HttpState, testing::state_for_tests};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

fn start(state: Arc<HttpState>, connections: usize) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listening = Listening { workers: 2, connections, certificates: None };
    let server = Server::start(listener, state, listening).unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async {
        stopped.await.ok();
    }));
    Running { address, stop, ended }
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";

/// Reads one answer that has a body.
fn answer(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"}}") && stream.read(&mut byte).unwrap() == 1 {
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_server_serves_and_stops() {
    let server = start(state_for_tests(), 100);
    let mut stream = connect(server.address);
    let mut stream = spawn_blocking(move || {
        for _ in 0..2 {
            stream.write_all(LIVE).unwrap();
            let answer = answer(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 200 OK") && !answer.contains("connection: close"), "{answer}");
        }
        stream
    })
    .await
    .unwrap();
    let address = server.address;
    server.stop().await;
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the idle connection was closed, and not reset");
    assert!(TcpStream::connect(address).is_err());
}

/// One is silent, one is in the middle of a head, and one has asked; all are in the backlog, for the server runs on this
/// thread and has not been let to run yet.
#[tokio::test]
async fn whoever_is_there_when_the_server_stops_is_answered() {
    let server = start(state_for_tests(), 100);
    let (silent, mut half, mut waiting) = (connect(server.address), connect(server.address), connect(server.address));
    half.write_all(&LIVE[..10]).unwrap();
    waiting.write_all(LIVE).unwrap();
    let began = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let answers = spawn_blocking(move || {
        half.write_all(&LIVE[10..]).unwrap();
        [waiting, half].map(rest)
    });
    for answer in answers.await.unwrap() {
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close"), "{answer}");
    }
    stopping.await.unwrap();
    assert_eq!(rest(silent), "");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_hangs_does_not_hold_the_stop_up_for_longer_than_it_may_take() {
    let server = start(state_for_tests(), 100);
    let mut hanging = connect(server.address);
    hanging.write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n").unwrap();
    let began = Instant::now();
    server.stop().await;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn the_oldest_idle_connections_make_room() {
    let server = start(state_for_tests(), 50);
    let address = server.address;
    let crowd = spawn_blocking(move || {
        let crowd: Vec<_> = (0..200).map(|_| connect(address)).collect();
        let mut late = connect(address);
        late.write_all(LIVE).unwrap();
        let answer = answer(&mut late);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        crowd
    });
    let crowd = crowd.await.unwrap();
    let mut oldest = crowd.into_iter().next().unwrap();
    assert_eq!(oldest.read(&mut [0]).unwrap(), 0);
    server.stop().await;
}
