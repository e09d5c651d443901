//! `entrepot admin`

use std::io::IsTerminal;

use entrepot_application::user::Registration;
use entrepot_domain::{Email, auth::PlainPassword, user::PersonName};

use super::{Failure, block_on, explain, print_line};
use crate::{backend::Backend, compose, config::Config};

pub(super) fn create(config: &Config, email: &str, name: &str) -> Result<(), Failure> {
    let password = password()?;
    let mut mistakes = Vec::new();
    let mut note = |field: &str, why: entrepot_domain::Invalid| mistakes.push(format!("{field} {why}"));
    let email = Email::parse(email).map_err(|why| note("--email", why));
    let name = PersonName::parse(name).map_err(|why| note("--name", why));
    let password = PlainPassword::parse(&password).map_err(|why| note("the password", why));
    let (Ok(email), Ok(name), Ok(password)) = (email, name, password) else {
        return Err(Failure::Usage(mistakes));
    };
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let users = compose::compose(config, &backend).users;
    let made = block_on(users.create_admin(Registration { name, email, password }));
    backend.finish().map_err(Failure::failed)?;
    let admin = made?.map_err(|error| Failure::Failed(explain(&error)))?;
    print_line(&format!("created the admin {}; log in with POST /api/v1/auth/login", admin.email));
    Ok(())
}

/// Reads the password from `ADMIN_PASSWORD`, or prompts for it twice.
fn password() -> Result<String, Failure> {
    if let Ok(password) = std::env::var("ADMIN_PASSWORD") {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        let why = "there is no terminal to ask for the password; set ADMIN_PASSWORD";
        return Err(Failure::Usage(vec![why.to_owned()]));
    }
    let ask = |what: &str| rpassword::prompt_password(what).map_err(Failure::failed);
    let password = ask("Password: ")?;
    if ask("Again: ")? == password {
        Ok(password)
    } else {
        Err(Failure::Usage(vec!["the two passwords differ; please try again".to_owned()]))
    }
}
