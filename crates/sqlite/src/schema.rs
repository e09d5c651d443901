//! The tables, as the migrations made them.

diesel::table! {
    users (id) {
        id -> Binary,
        name -> Text,
        email -> Nullable<Text>,
        email_folded -> Nullable<Text>,
        password -> Nullable<Text>,
        roles -> BigInt,
        email_verified -> Bool,
        search -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        erased_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        refresh_hash -> Binary,
        refresh_id -> Binary,
        refresh_issued_at -> BigInt,
        previous_hash -> Nullable<Binary>,
        rotated_at -> Nullable<BigInt>,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    products (id) {
        id -> Binary,
        sku -> Text,
        name -> Text,
        description -> Text,
        amount -> BigInt,
        currency -> Text,
        stock -> BigInt,
        search -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        archived_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    orders (id) {
        id -> Binary,
        user_id -> Binary,
        status -> Text,
        amount -> BigInt,
        currency -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    order_lines (order_id, line) {
        order_id -> Binary,
        line -> BigInt,
        product_id -> Binary,
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
        order_id -> Nullable<Binary>,
        product_id -> Nullable<Binary>,
        actor_id -> Binary,
        status_from -> Nullable<Text>,
        status_to -> Nullable<Text>,
        delta -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    event_log (number) {
        number -> BigInt,
        nonce -> BigInt,
        kinds -> BigInt,
        at -> BigInt,
        written_at -> BigInt,
        events -> Text,
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
        user_id -> Binary,
        key -> Text,
        fingerprint -> Binary,
        order_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Binary,
        created_at -> BigInt,
        actor_kind -> Text,
        actor_id -> Nullable<Binary>,
        actor_via -> Nullable<Binary>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Binary,
        changes -> Text,
        personal -> Nullable<Text>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Binary,
        user_id -> Binary,
        name -> Text,
        prefix -> Text,
        hash -> Binary,
        scopes -> BigInt,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    tickets (hash) {
        hash -> Binary,
        user_id -> Binary,
        session_id -> Nullable<Binary>,
        key_prefix -> Nullable<Text>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Binary,
        secret -> Binary,
        created_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
        last_step -> Nullable<BigInt>,
    }
}

diesel::table! {
    recovery_codes (user_id, hash) {
        user_id -> Binary,
        hash -> Binary,
    }
}

diesel::table! {
    jobs (id) {
        id -> Binary,
        kind -> Text,
        priority -> BigInt,
        payload_version -> BigInt,
        payload -> Text,
        unique_key -> Nullable<Text>,
        trace -> Nullable<Text>,
        attempt -> BigInt,
        max_attempts -> BigInt,
        fence -> BigInt,
        run_at -> BigInt,
        lease_until -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    ended_jobs (id) {
        id -> Binary,
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
        run_at -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> BigInt,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    job_schedules (name) {
        name -> Text,
        pattern -> Text,
        next_at -> BigInt,
    }
}

diesel::table! {
    /// A view.
    all_jobs (id) {
        id -> Binary,
        kind -> Text,
        status -> Text,
        priority -> BigInt,
        attempt -> BigInt,
        max_attempts -> BigInt,
        run_at -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Binary,
        url -> Text,
        types -> Nullable<BigInt>,
        description -> Text,
        active -> Bool,
        signing -> Text,
        public_key -> Nullable<Text>,
        secret -> Binary,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<BigInt>,
        created_by -> Binary,
        deleted_at -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Binary,
        webhook_id -> Binary,
        event_id -> Text,
        kind -> Text,
        body -> Text,
        status -> Text,
        attempts -> Text,
        failures -> BigInt,
        forced -> Bool,
        next_attempt_at -> Nullable<BigInt>,
        fence -> BigInt,
        lease_until -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    account_tokens (hash) {
        hash -> Binary,
        user_id -> Binary,
        purpose -> Text,
        email -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    known_devices (user_id, device) {
        user_id -> Binary,
        device -> Binary,
        last_used_at -> BigInt,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(account_tokens -> users (user_id));
diesel::joinable!(api_keys -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(account_tokens, users);
diesel::allow_tables_to_appear_in_same_query!(api_keys, users);
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhooks);
