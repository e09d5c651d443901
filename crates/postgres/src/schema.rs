//! The tables, as the migrations made them.

diesel::table! {
    users (id) {
        id -> Uuid,
        name -> Text,
        email -> Nullable<Text>,
        email_folded -> Nullable<Text>,
        password -> Nullable<Text>,
        roles -> BigInt,
        email_verified -> Bool,
        search -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        erased_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        refresh_hash -> Binary,
        refresh_id -> Uuid,
        refresh_issued_at -> Timestamptz,
        previous_hash -> Nullable<Binary>,
        rotated_at -> Nullable<Timestamptz>,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    products (id) {
        id -> Uuid,
        sku -> Text,
        name -> Text,
        description -> Text,
        amount -> BigInt,
        currency -> Text,
        stock -> BigInt,
        search -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    orders (id) {
        id -> Uuid,
        user_id -> Uuid,
        status -> Text,
        amount -> BigInt,
        currency -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    order_lines (order_id, line) {
        order_id -> Uuid,
        line -> BigInt,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        quantity -> BigInt,
        unit_amount -> BigInt,
        line_amount -> BigInt,
    }
}

diesel::table! {
    events (sequence) {
        sequence -> BigInt,
        kind -> Text,
        order_id -> Nullable<Uuid>,
        product_id -> Nullable<Uuid>,
        actor_id -> Uuid,
        status_from -> Nullable<Text>,
        status_to -> Nullable<Text>,
        delta -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        at -> Timestamptz,
    }
}

diesel::table! {
    /// Has no primary key: a record has no number yet when it is written.
    event_log (sequence) {
        sequence -> BigInt,
        number -> Nullable<BigInt>,
        nonce -> BigInt,
        kinds -> BigInt,
        at -> Timestamptz,
        numbered_at -> Nullable<Timestamptz>,
        events -> Nullable<Text>,
        orders -> Nullable<Array<Uuid>>,
        products -> Nullable<Array<Uuid>>,
        stocks -> Nullable<Array<BigInt>>,
        versions -> Nullable<Array<BigInt>>,
    }
}

diesel::table! {
    event_head (single) {
        single -> Bool,
        last -> BigInt,
    }
}

diesel::table! {
    event_consumers (name) {
        name -> Text,
        record -> BigInt,
        place -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> Uuid,
        key -> Text,
        fingerprint -> Binary,
        order_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Uuid,
        created_at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        actor_via -> Nullable<Uuid>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Uuid,
        changes -> Jsonb,
        personal -> Nullable<Jsonb>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        prefix -> Text,
        hash -> Binary,
        scopes -> BigInt,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    tickets (hash) {
        hash -> Binary,
        user_id -> Uuid,
        session_id -> Nullable<Uuid>,
        key_prefix -> Nullable<Text>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Uuid,
        secret -> Binary,
        created_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Nullable<BigInt>,
    }
}

diesel::table! {
    recovery_codes (user_id, hash) {
        user_id -> Uuid,
        hash -> Binary,
    }
}

diesel::table! {
    jobs (id) {
        id -> Uuid,
        kind -> Text,
        priority -> BigInt,
        payload_version -> BigInt,
        payload -> Text,
        unique_key -> Nullable<Text>,
        trace -> Nullable<Text>,
        attempt -> BigInt,
        max_attempts -> BigInt,
        fence -> BigInt,
        run_at -> Timestamptz,
        lease_until -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    ended_jobs (id) {
        id -> Uuid,
        kind -> Text,
        status -> Text,
        priority -> BigInt,
        payload_version -> BigInt,
        payload -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        trace -> Nullable<Text>,
        attempt -> BigInt,
        max_attempts -> BigInt,
        fence -> BigInt,
        run_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Timestamptz,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    job_schedules (name) {
        name -> Text,
        pattern -> Text,
        next_at -> Timestamptz,
    }
}

diesel::table! {
    /// A view.
    all_jobs (id) {
        id -> Uuid,
        kind -> Text,
        status -> Text,
        priority -> BigInt,
        attempt -> BigInt,
        max_attempts -> BigInt,
        run_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Uuid,
        url -> Text,
        types -> Nullable<BigInt>,
        description -> Text,
        active -> Bool,
        signing -> Text,
        public_key -> Nullable<Text>,
        secret -> Binary,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<Timestamptz>,
        created_by -> Uuid,
        deleted_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Uuid,
        webhook_id -> Uuid,
        event_id -> Text,
        kind -> Text,
        body -> Text,
        status -> Text,
        attempts -> Text,
        failures -> BigInt,
        forced -> Bool,
        next_attempt_at -> Nullable<Timestamptz>,
        fence -> BigInt,
        lease_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    account_tokens (hash) {
        hash -> Bytea,
        user_id -> Uuid,
        purpose -> Text,
        email -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    known_devices (user_id, device) {
        user_id -> Uuid,
        device -> Bytea,
        last_used_at -> Timestamptz,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(account_tokens -> users (user_id));
diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(order_lines -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(account_tokens, users);
diesel::allow_tables_to_appear_in_same_query!(api_keys, users);
diesel::allow_tables_to_appear_in_same_query!(orders, order_lines);
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhooks);
