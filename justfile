# The recipes of Entrepot; `just` lists them.

# List the recipes
default:
    @just --list --unsorted

# Serve on http://127.0.0.1:3000, with everything in ./data
serve *ARGS:
    cargo run --release -- {{ARGS}}

# Make an admin: just admin ada@example.com "Ada Lovelace"
admin EMAIL NAME:
    cargo run --release -- admin create --email "{{EMAIL}}" --name "{{NAME}}"

# Import a catalogue: sku,name,price and optional description,stock,currency
import FILE:
    cargo run --release -- import products "{{FILE}}"

# Start a local PostgreSQL and Redis in ./data/local, and say how to use them
up:
    @deploy/local up

# Stop them; the data of PostgreSQL stays
down:
    @deploy/local down

# A session with the local PostgreSQL
psql *ARGS:
    @deploy/local psql {{ARGS}}

# Drop the local database and make an empty one
reset:
    @deploy/local reset

# Bring the schema up to date
migrate *ARGS:
    cargo run --release -- migrate {{ARGS}}

# Print the OpenAPI document
openapi:
    @cargo run --release --quiet -- openapi

# Run the tests of one crate: just test domain
test CRATE:
    cargo test --package entrepot-{{CRATE}}

# Format everything, and say what clippy thinks
fmt:
    cargo fmt --all
    cargo clippy --workspace --all-targets

# Measure what the program costs on this machine; "servers [FOLDER]" on PostgreSQL and Redis, beside the peers there
bench *ARGS:
    cargo run --release --package entrepot-tests --bin bench -- {{ARGS}}

# Hold the program against its own document, by schemathesis: just conformance [--seed 7]
conformance *ARGS:
    tests/conformance/run {{ARGS}}

# Look at the dependencies: known holes, licences, duplicates, sources (cargo install cargo-deny --locked)
audit:
    cargo deny --locked check

# Write what the program is made of to target/entrepot.cdx.json (cargo install cargo-cyclonedx --locked)
sbom:
    deploy/sbom

# Everything that CI runs: format, lints, all tests, and what the program costs
ci:
    .ci/run
