# What deploy/backup and deploy/restore share: where the store is, and the programs that read it. Sourced by both.
# shellcheck shell=bash

fail() {
    echo "$*" >&2
    exit 1
}

# A program of PostgreSQL: the newest, since an older pg_dump refuses a newer server.
postgres_program() {
    local found
    found=$(compgen -G "/usr/lib/postgresql/*/bin/$1" | sort -Vr | head -n 1) || true
    [ -n "$found" ] || found=$(command -v "$1") || fail "$1 is missing. Please run: apt-get install postgresql-client"
    echo "$found"
}

# The address without what only Entrepot understands.
postgres_url() { sed -E 's/([?&])pgbouncer=[^&]*&?/\1/; s/[?&]$//' <<<"$DATABASE_URL"; }

sqlite_file() {
    local url=${DATABASE_URL:-sqlite://${DATA_DIR:-./data}/entrepot.db}
    echo "${url#sqlite://}"
}

need_sqlite3() { command -v sqlite3 >/dev/null || fail "sqlite3 is missing. Please run: apt-get install sqlite3"; }
