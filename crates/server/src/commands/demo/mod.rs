//! `entrepot demo`

mod catalogue;
mod history;
mod people;

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use entrepot_domain::{
    Clock, Direction, Limit, PageNumber, Sort, Timestamp, UserId, Window,
    audit::{Cause, Who},
    auth::PasswordHasher,
    order::{OrderFilter, OrderQuery, OrderSort},
    product::{ProductFilter, ProductQuery, ProductSort},
    user::{UserFilter, UserQuery, UserSort},
};
use entrepot_memory::SystemClock;
use entrepot_security::BcryptHasher;
use uuid::{NoContext, Uuid};

use self::people::Login;
use super::{Failure, block_on, print_line};
use crate::{
    backend::{Backend, Stores},
    config::{Config, Environment},
};

/// How long the shop has been open.
const DAYS: i64 = 365;

/// Makes the same shop each time, but for the passwords and the identifiers.
const SEED: u64 = 1_767_225_600;

/// Fills an empty store with a demo shop, and prints `EMAIL PASSWORD` of each of its staff.
pub(super) fn demo(config: &Config) -> Result<(), Failure> {
    if config.environment == Environment::Production {
        let why = "entrepot demo fills a store with made-up data, and refuses to in production; use another store";
        return Err(Failure::Failed(why.to_owned()));
    }
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let shop = Shop {
        stores: backend.store().ports(),
        hasher: Arc::new(BcryptHasher::new(config.bcrypt_cost)),
        now: SystemClock.now(),
    };
    let filled = block_on(shop.fill(config));
    backend.finish().map_err(Failure::failed)?;
    for Login { email, password } in filled?.map_err(Failure::failed)? {
        print_line(&format!("{email} {password}"));
    }
    Ok(())
}

/// The shop that is to be filled.
struct Shop {
    stores: Stores,
    hasher: Arc<dyn PasswordHasher>,
    now: Timestamp,
}

impl Shop {
    async fn fill(&self, config: &Config) -> Result<Vec<Login>> {
        if !self.is_empty().await? {
            bail!(
                "the store is not empty; entrepot demo fills a new one: set DATA_DIR or DATABASE_URL to another place"
            );
        }
        let mut random = fastrand::Rng::with_seed(SEED);
        let opened = self.now - TimeDelta::days(DAYS);
        let people = self.hire_and_register(&mut random, opened).await.context("the users")?;
        let products = catalogue::products(&mut random, config.default_currency);
        let products = self.stock(products, opened).await.context("the products")?;
        self.trade(&mut random, &people, &products).await.context("the orders")?;
        Ok(people.logins)
    }

    async fn is_empty(&self) -> Result<bool> {
        let window = Window::UncountedPage { page: PageNumber::new(1)?, limit: Limit::new(1)? };
        let users = UserQuery {
            filter: UserFilter::default(),
            sort: Sort::by(UserSort::CreatedAt, Direction::Ascending),
            window: window.clone(),
        };
        let products = ProductQuery {
            filter: ProductFilter::default(),
            sort: Sort::by(ProductSort::CreatedAt, Direction::Ascending),
            window: window.clone(),
        };
        let orders = OrderQuery {
            filter: OrderFilter::default(),
            sort: Sort::by(OrderSort::CreatedAt, Direction::Ascending),
            window,
        };
        Ok(self.stores.users.list(&users).await?.items.is_empty()
            && self.stores.products.list(&products).await?.items.is_empty()
            && self.stores.orders.list(&orders).await?.items.is_empty())
    }
}

/// A cause at that time: of the command line, or of a member of the staff.
fn cause(who: Option<UserId>, at: Timestamp) -> Cause {
    let who = who.map_or(Who::CommandLine, |id| Who::User { id, session: None });
    Cause { id: id_at(at), at, who, origin: None }
}

/// An identifier that was made at that time.
fn id_at(at: Timestamp) -> Uuid {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, at.timestamp_subsec_nanos()))
}
