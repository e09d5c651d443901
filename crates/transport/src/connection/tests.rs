use super::*;

const HEAD: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(75);
const UNREAD: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_secs(2);

fn new() -> (Rc<Connection>, Instant) {
    let clock = Rc::new(Clock::new(Timeouts::default()));
    let now = clock.now();
    (Rc::new(Connection::new(clock)), now)
}

/// A millisecond earlier.
fn just_before(time: Instant) -> Instant {
    time.checked_sub(Duration::from_millis(1)).unwrap()
}

#[test]
fn head_timeout_is_for_each_head() {
    let (connection, now) = new();
    for _ in 0..2 {
        assert_eq!(connection.due(just_before(now + IDLE), None), None);
        connection.record_read();
        assert_eq!(connection.due(just_before(now + HEAD), None), None);
        assert_eq!(connection.due(now + HEAD, None), Some(Close::HeadTimeout));
        drop(connection.clone().start_request());
    }
    assert_eq!(connection.due(now + IDLE, None), Some(Close::Idle));
}

#[test]
fn head_timeout_does_not_begin_again_with_each_byte() {
    let (connection, now) = new();
    connection.record_read();
    connection.clock.set(just_before(now + HEAD));
    connection.record_read();
    assert_eq!(connection.due(now + HEAD, None), Some(Close::HeadTimeout));
}

#[test]
fn busy_connection_is_not_closed() {
    let (connection, now) = new();
    let (one, other) = (connection.clone().start_request(), connection.clone().start_request());
    drop(one);
    assert_eq!(connection.due(now + 10 * IDLE, Some(now)), None);
    drop(other);
    assert_eq!(connection.due(now + SILENCE_TIMEOUT, Some(now)), Some(Close::Idle));
}

#[test]
fn unread_response_closes_a_busy_connection() {
    let (connection, now) = new();
    let _request = connection.clone().start_request();
    connection.record_write(true);
    connection.clock.set(just_before(now + UNREAD));
    connection.record_write(true);
    assert_eq!(connection.due(now + UNREAD, None), Some(Close::Unread));
    connection.record_write(false);
    assert_eq!(connection.due(now + UNREAD, None), None);
}

#[test]
fn blocked_connection_has_no_head_timeout() {
    let (connection, now) = new();
    connection.record_write(true);
    connection.record_read();
    assert_eq!(connection.due(now + HEAD, None), None);
    connection.clock.set(now + HEAD);
    connection.record_write(false);
    assert_eq!(connection.due(now + HEAD, None), None);
    assert_eq!(connection.due(now + HEAD + HEAD, None), Some(Close::HeadTimeout));
}

#[test]
fn stop_closes_silent_connections() {
    let (connection, now) = new();
    let stopping = Some(now + IDLE / 2);
    let silent = now + IDLE / 2 + SILENCE_TIMEOUT;
    assert_eq!(connection.due(silent, stopping), None, "its first request may be on the way");
    assert_eq!(connection.due(now + IDLE / 2 + LONG_SILENCE_TIMEOUT, stopping), Some(Close::Idle));
    drop(connection.clone().start_request());
    assert_eq!(connection.due(just_before(silent), stopping), None, "silent for long, but the stop has just begun");
    assert_eq!(connection.due(silent, stopping), Some(Close::Idle));
    connection.clock.set(just_before(silent));
    connection.record_write(false);
    assert_eq!(connection.due(silent, stopping), None);
    connection.record_read();
    assert_eq!(connection.due(silent + SILENCE_TIMEOUT, stopping), None);
}

#[test]
fn lingering_connection_is_closed_soon() {
    let (connection, now) = new();
    let request = connection.clone().start_request();
    drop(request);
    connection.linger();
    connection.record_read();
    assert_eq!(connection.due(now + LINGER, None), Some(Close::Idle));
}

#[test]
fn silence_after_a_handshake_times_out() {
    let (connection, now) = new();
    connection.record_handshake(false);
    assert_eq!(connection.due(just_before(now + HEAD), None), None);
    assert_eq!(connection.due(now + HEAD, None), Some(Close::Idle), "nobody has begun a head that is slow");
    connection.clock.set(now + HEAD);
    connection.record_read();
    assert_eq!(connection.due(just_before(now + HEAD + HEAD), None), None);
    drop(connection.clone().start_request());
    assert_eq!(connection.due(now + HEAD + HEAD, None), None);
}

#[test]
fn incomplete_http2_frame_times_out() {
    let (connection, now) = new();
    connection.record_handshake(true);
    connection.record_read();
    connection.record_frames(false, false);
    assert_eq!(connection.due(now + HEAD, None), Some(Close::Idle), "the preface does not come");
    connection.record_frames(true, true);
    assert_eq!(connection.due(now + HEAD, None), None);
    assert_eq!(connection.due(now + IDLE, None), Some(Close::Idle));
    connection.clock.set(now + HEAD);
    connection.record_frames(false, false);
    connection.clock.set(just_before(now + HEAD + HEAD));
    connection.record_frames(false, false);
    assert_eq!(connection.due(now + HEAD + HEAD, None), Some(Close::Idle), "each byte does not begin it anew");
    connection.record_frames(true, false);
    assert_eq!(connection.due(now + HEAD + HEAD, None), None, "but each frame does");
    let _request = connection.clone().start_request();
    assert_eq!(connection.due(now + 10 * IDLE, None), None, "and what is being answered is not cut off");
}

#[test]
fn goaway_is_sent_once_and_not_before_the_first_request() {
    let (connection, _) = new();
    connection.record_handshake(true);
    connection.request_goaway();
    assert!(!connection.take_goaway_request());
    let _request = connection.clone().start_request();
    assert!(connection.take_goaway_request());
    connection.request_goaway();
    assert!(!connection.take_goaway_request());
}

#[test]
fn busy_and_blocked_connections_are_not_evicted() {
    let (connection, now) = new();
    assert_eq!(connection.idle_since(), Some(now));
    let request = connection.clone().start_request();
    assert_eq!(connection.idle_since(), None);
    drop(request);
    connection.record_write(true);
    assert_eq!(connection.idle_since(), None);
}
