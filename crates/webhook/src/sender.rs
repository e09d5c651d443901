//! Sends deliveries.

use std::{
    error::Error,
    sync::OnceLock,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use entrepot_domain::{
    Timestamp,
    job::ErrorText,
    webhook::{Answer, MAX_RESPONSE_BYTES, Outgoing, ResponseText, UrlRefusal, WebhookHost, WebhookSender, WebhookUrl},
};
use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect::Policy,
};
use tokio::time::timeout;

use crate::{guard::Guard, retry_after};

/// How long an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the beginning of a body is waited for. The status has come by then, and says what came of the attempt.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection is kept for the next delivery.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends deliveries over HTTP.
pub struct HttpSender {
    /// Made for the first call: it reads the certificates of the system, and there may be none.
    client: OnceLock<Result<Client, String>>,
    guard: Guard,
    timeout: Duration,
}

impl HttpSender {
    /// A sender that calls public addresses alone, or with `allows_private` all of them.
    pub const fn new(allows_private: bool) -> Self {
        Self::with_timeout(allows_private, TIMEOUT)
    }

    const fn with_timeout(allows_private: bool, timeout: Duration) -> Self {
        Self { client: OnceLock::new(), guard: Guard::new(allows_private), timeout }
    }

    fn client(&self) -> Result<&Client, String> {
        let client = self.client.get_or_init(|| self.build().map_err(|error| deepest(&error).to_string()));
        client.as_ref().map_err(Clone::clone)
    }

    fn build(&self) -> reqwest::Result<Client> {
        Client::builder()
            .dns_resolver(self.guard)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(2)
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .build()
    }

    async fn call(&self, outgoing: &Outgoing) -> Result<Reply, String> {
        // Addresses are not resolved, so the resolver does not see them.
        if let WebhookHost::Address(address) = outgoing.url.host()
            && !self.guard.allows(address)
        {
            return Err("the address is private, local or reserved".to_owned());
        }
        let request = self
            .client()?
            .post(outgoing.url.normalised())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &outgoing.event)
            .header("webhook-timestamp", outgoing.at.timestamp())
            .header("webhook-signature", &outgoing.signatures)
            .body(outgoing.body.clone());
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        if response.remote_addr().is_none_or(|peer| !self.guard.allows(peer.ip())) {
            return Err("the peer is private, local or reserved".to_owned());
        }
        Ok(Reply::read(response, outgoing.at).await)
    }

    fn explain(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("there was no answer within {} seconds", self.timeout.as_secs());
        }
        let what = if error.is_connect() { "cannot connect" } else { "there was no answer" };
        format!("{what}: {}", deepest(error))
    }
}

/// The cause that says what has happened.
fn deepest(error: &dyn Error) -> &dyn Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// What is kept of a response.
struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    text: Option<ResponseText>,
}

impl Reply {
    async fn read(mut response: Response, now: Timestamp) -> Self {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| retry_after::parse(value, now));
        let mut start = Vec::new();
        let read = async {
            while start.len() < MAX_RESPONSE_BYTES {
                let Ok(Some(chunk)) = response.chunk().await else { break };
                start.extend_from_slice(chunk.get(..MAX_RESPONSE_BYTES).unwrap_or(&chunk));
            }
        };
        if timeout(BODY_TIMEOUT, read).await.is_err() {
            tracing::debug!("a receiver is slow to send its answer, which is cut");
        }
        Self { status, retry_after, text: ResponseText::new(&start) }
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal> {
        Ok(self.guard.check(url).await?)
    }

    async fn send(&self, outgoing: &Outgoing) -> Answer {
        let begun = Instant::now();
        let reply = self.call(outgoing).await;
        let duration = begun.elapsed();
        match reply {
            Ok(Reply { status, retry_after, text }) => {
                let is_redirect = (300..400).contains(&status);
                let error = is_redirect.then(|| ErrorText::new("redirects are not followed"));
                Answer { status: Some(status), duration, error, response: text, retry_after }
            }
            Err(why) => {
                let error = Some(ErrorText::new(&why));
                Answer { status: None, duration, error, response: None, retry_after: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;

    /// A receiver that answers one request with these bytes, then holds the connection open. Returns what it was sent.
    async fn receiver(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            // Until the sender closes.
            socket.read_to_end(&mut Vec::new()).await.ok();
            String::from_utf8(request).unwrap()
        });
        (url, task)
    }

    fn outgoing(url: &str) -> Outgoing {
        Outgoing {
            url: WebhookUrl::parse(url).unwrap(),
            event: "evt".into(),
            at: Timestamp::from_timestamp_millis(1_700_000_000_900).unwrap(),
            signatures: "v1,AAAA v1,BBBB".into(),
            body: "{}".into(),
        }
    }

    async fn send(answer: &'static str) -> Answer {
        let (url, _task) = receiver(answer).await;
        HttpSender::with_timeout(true, Duration::from_secs(1)).send(&outgoing(&url)).await
    }

    #[tokio::test]
    async fn delivery_has_the_headers_of_the_standard() {
        let (url, task) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
        let sender = HttpSender::new(true);
        let answer = sender.send(&outgoing(&url)).await;
        assert_eq!((answer.status, answer.error, answer.response), (Some(204), None, None));
        drop(sender);
        let request = task.await.unwrap().to_ascii_lowercase();
        assert!(request.starts_with("post /hook?a=b http/1.1\r\n"), "{request}");
        for header in [
            "content-type: application/json\r\n",
            "webhook-id: evt\r\n",
            "webhook-timestamp: 1700000000\r\n",
            "webhook-signature: v1,aaaa v1,bbbb\r\n",
            "user-agent: entrepot/",
        ] {
            assert!(request.contains(header), "{header} in {request}");
        }
    }

    #[tokio::test]
    async fn redirect_is_not_followed() {
        let answer = send("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!((answer.status, answer.error.unwrap().as_str()), (Some(302), "redirects are not followed"));
    }

    #[tokio::test]
    async fn beginning_of_an_answer_is_kept() {
        let answer =
            send("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbusy\r\n").await;
        assert_eq!((answer.status, answer.retry_after), (Some(503), Some(Duration::from_secs(7))));
        assert_eq!(answer.response.unwrap().as_str(), "busy", "though the body has no end");
    }

    #[tokio::test]
    async fn receiver_that_does_not_answer_is_left() {
        let answer = send("").await;
        assert_eq!(answer.status, None);
        assert_eq!(answer.error.unwrap().as_str(), "there was no answer within 1 seconds");
        assert!(answer.duration >= Duration::from_secs(1));
    }

    #[tokio::test]
    async fn private_address_is_not_called() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sender = HttpSender::new(false);
        for host in ["127.0.0.1", "localhost", "0x7f000001", "[::ffff:127.0.0.1]"] {
            let answer = sender.send(&outgoing(&format!("http://{host}:{port}/"))).await;
            let error = answer.error.unwrap();
            assert!(answer.status.is_none() && error.as_str().contains("private, local or reserved"), "{error}");
        }
        let connected = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err(), "nobody connected");
    }

    #[tokio::test]
    async fn refused_connection_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let answer = HttpSender::new(true).send(&outgoing(&url)).await;
        let error = answer.error.unwrap();
        assert!(answer.status.is_none() && error.as_str().starts_with("cannot connect: Connection refused"), "{error}");
    }
}
