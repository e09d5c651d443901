//! The command line.

mod admin;
mod doctor;
mod import;
mod migrate;
mod serve;

use std::{fmt::Display, io::Write, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::config::Config;

/// An order backend: users, products with stock, and orders.
#[derive(Debug, Parser)]
#[command(
    name = "entrepot",
    version,
    about,
    after_help = "Without a command it serves. It is configured by environment variables, or by the same names in a \
        file .env; none is needed.\n\nExamples:\n  entrepot\n  entrepot admin create --email ada@example.com --name Ada\n  \
        entrepot import products catalogue.csv\n  entrepot openapi > openapi.json"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the schema up to date if needed, and serve the API (what happens without a command)
    Serve,
    /// Bring the schema up to date; safe to run from many places at once
    Migrate {
        /// Only say whether it is; exit 1 if it is not
        #[arg(long)]
        check: bool,
    },
    /// Manage admins
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Bring data in
    #[command(subcommand)]
    Import(ImportCommand),
    /// Check the configuration and every dependency, and say what is wrong and how to mend it
    Doctor,
    /// Print the `OpenAPI` document
    Openapi,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an admin; the password is asked for, or taken from `ADMIN_PASSWORD`
    Create {
        /// The address to log in with
        #[arg(long)]
        email: String,
        /// What the admin wants to be called
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Make or change products by sku
    Products {
        /// A CSV file with the columns sku,name,price (minor units) and, if you like, description,stock,currency;
        /// - is stdin
        file: PathBuf,
    },
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was asked or configured wrongly: exit 2, a sentence for each mistake.
    Usage(Vec<String>),
    /// It failed: exit 1.
    Failed(String),
}

impl Failure {
    fn failed(why: impl Display) -> Self {
        // With `#` an anyhow::Error tells its whole chain.
        Self::Failed(format!("{why:#}"))
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<(), Failure> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&configured()?),
            Command::Migrate { check } => migrate::migrate(&configured()?, check),
            Command::Admin(AdminCommand::Create { email, name }) => admin::create(&configured()?, &email, &name),
            Command::Import(ImportCommand::Products { file }) => import::products(&configured()?, &file),
            Command::Doctor => doctor::doctor(),
            Command::Openapi => {
                print_line(&entrepot_http::openapi_json());
                Ok(())
            }
        }
    }
}

fn configured() -> Result<Config, Failure> {
    Config::from_environment().map_err(Failure::Usage)
}

/// Prints a line to stdout. A reader that is gone (`| head`) has seen what it wanted.
fn print_line(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Runs a use case to its end, on a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    Ok(runtime.block_on(work))
}

/// What a use case's refusal is to a person at a terminal.
fn explain(error: &entrepot_application::Error) -> String {
    use std::error::Error;
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert!(Cli::try_parse_from(["entrepot"]).unwrap().command.is_none());
        assert!(Cli::try_parse_from(["entrepot", "sevre"]).is_err());
    }
}
