//! The command line.

mod admin;
mod demo;
mod doctor;
mod health;
mod import;
mod migrate;
mod serve;
mod signals;
mod worker;

use std::{fmt::Display, io::Write, net::SocketAddr};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use self::health::Probe;
use crate::config::{Config, Endpoint};

/// An order backend: users, login, catalogue and orders over REST.
#[derive(Debug, Parser)]
#[command(
    name = "entrepot",
    version,
    about,
    after_help = "Without a command it serves. Settings are environment variables, or the same names in a file .env; \
        none is required.\n\nExamples:\n  entrepot\n  entrepot admin create --email ada@example.com --name Ada\n  \
        entrepot import products catalogue.csv\n  entrepot openapi > openapi.json"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the schema up to date if needed, serve the API and run the background jobs (the default)
    Serve {
        /// Leave the background jobs to `entrepot worker`
        #[arg(long)]
        no_worker: bool,
    },
    /// Run the background jobs alone, beside `entrepot serve --no-worker`
    Worker {
        /// Serve /health/live, /health/ready and /metrics of this process here, such as on 127.0.0.1:9100
        #[arg(long, value_name = "ADDRESS")]
        probes: Option<SocketAddr>,
    },
    /// Bring the schema up to date; may run from several instances at once
    Migrate {
        /// Only check whether it is up to date; exit 1 if it is not
        #[arg(long)]
        check: bool,
    },
    /// Manage admins
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Import data
    #[command(subcommand)]
    Import(ImportCommand),
    /// Fill an empty store with a demo shop: 2,000 products, 50 customers and a year of orders
    ///
    /// Prints a line EMAIL PASSWORD for each member of the staff. Refuses in production, and on a store that is not empty.
    Demo,
    /// Check the configuration and every dependency, and say what is wrong and how to fix it
    Doctor,
    /// Ask the server that listens at HOST and PORT whether it is ready; exit 1 if it is not
    Health {
        /// Only ask whether the process answers, whatever the state of its dependencies
        #[arg(long)]
        live: bool,
    },
    /// Print the `OpenAPI` document
    Openapi,
    /// Print the schema of GraphQL
    GraphqlSchema,
    /// Print the completions of a shell; see its manual for where to put them
    Completions {
        /// The shell that they are for
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Create an admin; the password is prompted for, or read from `ADMIN_PASSWORD`
    Create {
        /// The address to log in with
        #[arg(long)]
        email: String,
        /// The name of the admin
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Create or change products by sku
    ///
    /// A product without a currency keeps the one that it has; a new one gets `DEFAULT_CURRENCY`. Bad lines are told by
    /// their number, the others are kept, and the exit code is 1 if any was bad.
    Products(import::ImportArguments),
}

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Bad arguments or configuration: exit 2, a sentence for each mistake.
    Usage(Vec<String>),
    /// The command failed: exit 1.
    Failed(String),
}

impl Failure {
    fn failed(why: impl Display) -> Self {
        // With `#` an anyhow::Error is formatted with all its causes.
        Self::Failed(format!("{why:#}"))
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<(), Failure> {
        match self.command.unwrap_or(Command::Serve { no_worker: false }) {
            Command::Serve { no_worker } => serve::serve(&configured()?, !no_worker),
            Command::Worker { probes } => worker::worker(&configured()?, probes),
            Command::Migrate { check } => migrate::migrate(&configured()?, check),
            Command::Admin(AdminCommand::Create { email, name }) => admin::create(&configured()?, &email, &name),
            Command::Import(ImportCommand::Products(arguments)) => import::products(&configured()?, &arguments),
            Command::Demo => demo::demo(&configured()?),
            Command::Doctor => doctor::doctor(),
            Command::Health { live } => {
                let endpoint = Endpoint::from_environment().map_err(Failure::Usage)?;
                health::health(&endpoint, if live { Probe::Live } else { Probe::Ready })
            }
            Command::Openapi => {
                print_line(&entrepot_http::openapi_json());
                Ok(())
            }
            Command::GraphqlSchema => {
                print(entrepot_graphql::sdl().as_bytes());
                Ok(())
            }
            Command::Completions { shell } => {
                print(&completions(shell));
                Ok(())
            }
        }
    }
}

fn configured() -> Result<Config, Failure> {
    Config::from_environment().map_err(Failure::Usage)
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "entrepot", &mut script);
    script
}

/// Prints a line to stdout.
fn print_line(line: &str) {
    print(format!("{line}\n").as_bytes());
}

/// Prints to stdout. A reader that is gone (`| head`) is no failure.
fn print(text: &[u8]) {
    let mut stdout = std::io::stdout();
    stdout.write_all(text).and_then(|()| stdout.flush()).ok();
}

/// A count with its noun: `1 migration`, `2 migrations`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Runs a use case to its end, on a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    Ok(runtime.block_on(work))
}

/// The error of a use case with all its causes.
fn explain(error: &entrepot_application::Error) -> String {
    use std::error::Error;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command() {
        assert!(Cli::try_parse_from(["entrepot"]).unwrap().command.is_none());
        assert!(Cli::try_parse_from(["entrepot", "sevre"]).is_err());
    }
}
