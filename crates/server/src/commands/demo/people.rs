//! The staff and the customers of the demo shop.

use anyhow::Result;
use chrono::TimeDelta;
use entrepot_domain::{
    Email, Timestamp, UserId, Version,
    api_key::Randomness,
    auth::{PasswordHash, PlainPassword},
    user::{NewUser, PersonName, Role, Roles, User},
};
use entrepot_security::SystemRandomness;

use super::{DAYS, Shop, cause, id_at};

const CUSTOMERS: usize = 50;

const FIRST_NAMES: [&str; 25] = [
    "Ada",
    "Alan",
    "Annie",
    "Barbara",
    "Claude",
    "Dorothy",
    "Edith",
    "Emmy",
    "Frances",
    "George",
    "Grace",
    "Hedy",
    "Ida",
    "Joan",
    "John",
    "Katherine",
    "Lise",
    "Mary",
    "Niels",
    "Radia",
    "Rosalind",
    "Sofia",
    "Tim",
    "Ursula",
    "Vera",
];

const LAST_NAMES: [&str; 22] = [
    "Baker", "Carter", "Clarke", "Cooper", "Dixon", "Fisher", "Fletcher", "Gardener", "Harper", "Hunter", "Marsh",
    "Mason", "Miller", "Parker", "Potter", "Sawyer", "Shepherd", "Smith", "Taylor", "Thatcher", "Turner", "Weaver",
];

/// What somebody logs in with.
pub(super) struct Login {
    pub(super) email: String,
    pub(super) password: String,
}

/// Everybody in the shop.
pub(super) struct People {
    /// The logins of the staff, whose passwords nobody else knows.
    pub(super) logins: Vec<Login>,
    /// Changes the status of orders.
    pub(super) clerk: UserId,
    /// Each with the time of registration.
    pub(super) customers: Vec<(UserId, Timestamp)>,
}

impl Shop {
    /// Creates the staff at the opening, and customers in the first half of the year.
    pub(super) async fn hire_and_register(&self, random: &mut fastrand::Rng, opened: Timestamp) -> Result<People> {
        let mut logins = Vec::new();
        let mut clerk = None;
        for (name, email, role) in
            [("Max Manager", "admin@demo.example", Role::Admin), ("Sam Seller", "staff@demo.example", Role::Staff)]
        {
            let password = new_password()?;
            let hash = self.hasher.hash(&PlainPassword::parse(&password)?).await?;
            clerk = Some(self.register(name, email, Roles::new([Role::Customer, role])?, hash, opened).await?);
            logins.push(Login { email: email.to_owned(), password });
        }
        // One hash for all customers: nobody knows its password, and each hash takes its time.
        let hash = self.hasher.hash(&PlainPassword::parse(&new_password()?)?).await?;
        let mut customers = Vec::with_capacity(CUSTOMERS);
        for number in 0..CUSTOMERS {
            let (first, last) = name(number);
            let email = format!("{}.{}@demo.example", first.to_lowercase(), last.to_lowercase());
            let at = opened + TimeDelta::minutes(random.i64(0..DAYS / 2 * 24 * 60));
            let id = self.register(&format!("{first} {last}"), &email, Roles::CUSTOMER, hash.clone(), at).await?;
            customers.push((id, at));
        }
        customers.sort_unstable_by_key(|(_, at)| *at);
        let clerk = clerk.ok_or_else(|| anyhow::anyhow!("nobody was hired"))?;
        Ok(People { logins, clerk, customers })
    }

    async fn register(
        &self,
        name: &str,
        email: &str,
        roles: Roles,
        password: PasswordHash,
        at: Timestamp,
    ) -> Result<UserId> {
        let user = User {
            id: UserId(id_at(at)),
            name: PersonName::parse(name)?,
            email: Email::parse(email)?,
            roles,
            email_verified: true,
            version: Version::FIRST,
            created_at: at,
            updated_at: at,
        };
        let id = user.id;
        self.stores.users.insert(&NewUser { user, password, verification: None }, &cause(None, at)).await?;
        Ok(id)
    }
}

/// Different names for different numbers.
fn name(number: usize) -> (&'static str, &'static str) {
    let pick = |names: &[&'static str], number: usize| names.get(number % names.len()).copied();
    let (first, last) = (pick(&FIRST_NAMES, number), pick(&LAST_NAMES, number));
    (first.unwrap_or_default(), last.unwrap_or_default())
}

/// Twenty letters and digits, which are 100 bits.
fn new_password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(SystemRandomness.bytes()?.iter().take(20).filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn customers_have_different_names() {
        let names: HashSet<_> = (0..CUSTOMERS).map(name).collect();
        assert_eq!(names.len(), CUSTOMERS);
    }

    #[test]
    fn passwords_are_random() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert!(one != other && one.len() == 20 && PlainPassword::parse(&one).is_ok());
    }
}
