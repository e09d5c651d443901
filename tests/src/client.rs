//! An HTTP client, with or without a logged-in user.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, secrets::Secrets};

/// The password of every user that the tests register.
pub const PASSWORD: &str = "correct horse battery";

/// A number that is unique in this process.
pub(crate) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A client of the server: anonymous, or a user who is logged in.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    bases: Arc<[String]>,
    turn: Arc<AtomicUsize>,
    id: String,
    email: String,
    password: String,
    token: String,
    refresh_token: String,
    secrets: Secrets,
}

impl Client {
    /// An anonymous client of the server at an address.
    pub fn new(base: &str) -> Self {
        Self::of_many(vec![base.to_owned()], Arc::default(), Secrets::default())
    }

    /// An anonymous client whose requests go to these addresses in turn.
    pub(crate) fn of_many(bases: Vec<String>, turn: Arc<AtomicUsize>, secrets: Secrets) -> Self {
        let nothing = String::new();
        Self {
            http: reqwest::Client::new(),
            bases: bases.into(),
            turn,
            id: nothing.clone(),
            email: nothing.clone(),
            password: nothing.clone(),
            token: nothing.clone(),
            refresh_token: nothing,
            secrets,
        }
    }

    /// The same address, as a user who logs in.
    pub async fn login(&self, email: &str, password: &str) -> Result<Self> {
        let answer = self.post("/auth/login", json!({"email": email, "password": password})).await?.expect(200);
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
        let data = answer.data();
        Ok(Self {
            id: text(&data["user"]["id"])?,
            email: email.to_owned(),
            password: password.to_owned(),
            token: text(&data["token"])?,
            refresh_token: text(&data["refreshToken"])?,
            ..self.nobody()
        })
    }

    /// The same user, on another device.
    pub async fn again(&self) -> Result<Self> {
        self.nobody().login(&self.email, &self.password).await
    }

    /// The same user, at another address of the service.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        self.by(&Self::new(base))
    }

    /// The same user, with the addresses and the turn of another client.
    pub(crate) fn by(&self, other: &Self) -> Self {
        let Self { http, bases, turn, .. } = other.clone();
        Self { http, bases, turn, ..self.clone() }
    }

    /// An anonymous client of the same addresses, with connections of its own.
    fn nobody(&self) -> Self {
        Self::of_many(self.bases.to_vec(), Arc::clone(&self.turn), self.secrets.clone())
    }

    /// The same user, with another access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The user's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The user's email, as given.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The user's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// A request that is still to be sent, with the user's token if there is one. A path under `/api/v1`, or, with a
    /// `/` before its `/`, one at the root of the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = &self.bases[self.turn.fetch_add(1, Ordering::Relaxed) % self.bases.len()];
        let url = match path.strip_prefix("//") {
            Some(path) => format!("{base}/{path}"),
            None => format!("{base}/api/v1{path}"),
        };
        let request = self.http.request(method, url);
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends a request and reads the response. The secrets of both are recorded: none may be in a log.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let request = request.build()?;
        self.secrets.note_request(&request);
        let answer = Answer::read(self.http.execute(request).await?).await?;
        self.secrets.note_fields(&answer.body);
        Ok(answer)
    }

    /// Sends a request with a body and one more header.
    pub async fn with(&self, method: Method, path: &str, header: (&str, &str), body: Option<Value>) -> Result<Answer> {
        let request = self.request(method, path).header(header.0, header.1);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` with a body of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// `POST` without a body.
    pub async fn call(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::POST, path)).await
    }

    /// `PATCH` with a body of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// `PUT` with a body of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Puts a product into the catalogue, as staff; returns its id.
    pub async fn product(&self, sku: &str, pence: i64, stock: i64) -> Result<String> {
        let product = json!({
            "sku": sku, "name": format!("The {sku}"), "price": {"amount": pence, "currency": "GBP"}, "stock": stock,
        });
        Ok(self.post("/products", product).await?.expect(201).id())
    }

    /// Orders some of one product.
    pub async fn order(&self, product: &str, quantity: i64) -> Result<Answer> {
        self.post("/orders", json!({"items": [{"productId": product, "quantity": quantity}]})).await
    }

    /// The stock of a product.
    pub async fn stock(&self, product: &str) -> Result<i64> {
        let answer = self.get(&format!("/products/{product}")).await?.expect(200);
        answer.data()["stock"].as_i64().context("no stock")
    }

    /// The value of a metric without labels, by the end of its name.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let answer = self.get("//metrics").await?;
        let text = answer.body.as_str().context("no metrics")?;
        let line = text.lines().find_map(|line| line.split_once(' ').filter(|(known, _)| known.ends_with(name)));
        Ok(line.with_context(|| format!("no {name}"))?.1.parse()?)
    }

    /// Every element of a list, by cursor, a hundred at a time.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.request(Method::GET, path).query(&[("cursor", cursor.as_str()), ("limit", "100")]);
            let page = self.send(page).await?.expect(200);
            all.extend_from_slice(page.list());
            match &page.body["pagination"]["nextCursor"] {
                Value::String(next) => cursor.clone_from(next),
                Value::Null => return Ok(all),
                other => anyhow::bail!("nextCursor is {other}"),
            }
        }
    }
}
