//! A database for one test.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

use super::admin::Admin;

/// The time-out of dropping a test's database.
const DROP_TIMEOUT: Duration = Duration::from_secs(20);

/// The templates, by the function that fills them.
type Templates = Mutex<Option<HashMap<TypeId, Arc<OnceCell<String>>>>>;

static TEMPLATES: Templates = Mutex::new(None);

/// A separate database for one test, on a server that the tests of this process share: one that the first call starts,
/// or that of `TEST_DATABASE_URL`, whose user must be allowed to create databases.
///
/// It is dropped with this value, also if there are connections to it.
pub struct Database {
    admin: &'static Admin,
    name: String,
    url: String,
}

impl Database {
    /// A copy of an empty database after `migrate`, which gets its URL.
    ///
    /// Each function is run once per test process; each closure expression is a function of its own. So tests that need
    /// the same template should use the same function, and captured values make no difference.
    pub async fn new<F, Fut>(migrate: F) -> Result<Self>
    where
        F: FnOnce(String) -> Fut + 'static,
        Fut: Future<Output = Result<()>>,
    {
        let admin = Admin::shared().await?;
        let template = {
            let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(templates.get_or_insert_default().entry(TypeId::of::<F>()).or_default())
        };
        let template = template.get_or_try_init(|| fill(admin, migrate)).await?;
        Self::cloned(admin, template).await
    }

    /// An empty database.
    pub async fn empty() -> Result<Self> {
        Self::cloned(Admin::shared().await?, "template0").await
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn cloned(admin: &'static Admin, template: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = admin.name(NUMBER.fetch_add(1, Ordering::Relaxed));
        // Created before the statement is sent, so that it is dropped also if the caller gives up.
        let database = Self { admin, url: admin.url(&name), name };
        admin.run(vec![format!("CREATE DATABASE {} TEMPLATE {template}", database.name)]).await?;
        Ok(database)
    }

    /// Keeps it as a template: it allows no connections, and is dropped with the test process.
    async fn into_template(self) -> Result<String> {
        let name = &self.name;
        let close = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false");
        let dismiss = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
        self.admin.run(vec![close, dismiss]).await?;
        let name = self.name.clone();
        std::mem::forget(self);
        Ok(name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (answer, answered) = mpsc::channel();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        self.admin.submit(vec![statement], move |outcome| drop(answer.send(outcome)));
        if let Ok(Err(why)) = answered.recv_timeout(DROP_TIMEOUT) {
            eprintln!("a test's database stays: {why:#}");
        }
    }
}

async fn fill<F, Fut>(admin: &'static Admin, migrate: F) -> Result<String>
where
    F: FnOnce(String) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let database = Database::cloned(admin, "template0").await?;
    migrate(database.url.clone()).await.context("cannot fill the template of the tests' databases")?;
    database.into_template().await
}
