# The recipes of Entrepot; `just` lists them. Arguments reach the commands as they were typed: "$@" and "$1", never {{ }},
# which the shell would read once more.
set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

# List the recipes
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# Serve on http://127.0.0.1:3000, with everything in ./data
serve *ARGS:
    cargo run --release -- "$@"

# The same from a debug build, built and started again whenever a source file changes
dev *ARGS:
    @deploy/dev "$@"

# Make an admin: just admin ada@example.com "Ada Lovelace"
admin EMAIL NAME:
    cargo run --release -- admin create --email "$1" --name "$2"

# Import a catalogue: sku,name,price and optional description,stock,currency
import FILE *ARGS:
    cargo run --release -- import products "$@"

# Start a local PostgreSQL and Redis in ./data/local, and say how to use them
up:
    @deploy/local up

# Stop them; the data of PostgreSQL stays
down:
    @deploy/local down

# A session with the local PostgreSQL: just psql -c '\dt'
psql *ARGS:
    @deploy/local psql "$@"

# Drop the local database and make an empty one
reset:
    @deploy/local reset

# Bring the schema up to date
migrate *ARGS:
    cargo run --release -- migrate "$@"

# Print the OpenAPI document
openapi:
    @cargo run --release --quiet -- openapi

# Format everything
fmt:
    cargo fmt --all

# Run clippy on everything; a warning is an error
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Run all tests, those of one crate (just test domain), or some of it (just test domain money)
test CRATE='' *FILTER:
    cargo test {{ if CRATE == '' { '--workspace' } else { '--package "entrepot-$1"' } }} "${@:2}"

# What a commit needs: format, lints, and the tests that start no server
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --lib --bins --package entrepot-domain --package entrepot-application --package entrepot-cached --package entrepot-http
    cargo test --package entrepot-server --test arrows

# Write the documentation to target/doc; a broken link in it is an error
doc *ARGS:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps "$@"

# Build what is shipped and measured, target/dist/entrepot: as fast as it gets, which takes long
dist:
    cargo build --profile dist --locked

# Measure what the program costs on this machine; "servers [FOLDER]" on PostgreSQL and Redis, beside the peers there
bench *ARGS:
    cargo run --profile dist --package entrepot-tests --bin bench -- "$@"

# Hold the program against its own document, by schemathesis: just conformance [--seed 7]
conformance *ARGS:
    tests/conformance/run "$@"

# Look at the dependencies: advisories, licences, duplicates, sources, unused ones (cargo install cargo-deny cargo-machete --locked)
audit:
    cargo deny --locked check
    cargo machete

# Write what the program is made of to target/entrepot.cdx.json (cargo install cargo-cyclonedx --locked)
sbom:
    deploy/sbom

# Everything that CI runs: format, lints, all tests, and what the program costs
ci:
    .ci/run
