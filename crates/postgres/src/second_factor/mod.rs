//! Second factors.

pub(crate) mod write;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::count_star};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, SecondFactorRepository, TimeStep},
};
use futures_util::FutureExt;

use crate::{
    PostgresStore,
    error::{broken_row, fault},
    schema::{recovery_codes, second_factors},
};

#[async_trait]
impl SecondFactorRepository for PostgresStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Fault> {
        self.read(user, |connection, user| find(connection, *user).boxed()).await
    }

    async fn begin(&self, user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault> {
        let begun = (user, secret.clone(), now);
        self.write(begun, |connection, (user, secret, now)| write::begin(connection, *user, secret, *now).boxed()).await
    }

    async fn confirm(
        &self,
        user: UserId,
        confirmation: &Confirmation,
        now: Timestamp,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        self.write((user, confirmation.clone(), now), |connection, (user, confirmation, now)| {
            write::confirm(connection, *user, confirmation, *now).boxed()
        })
        .await
    }

    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault> {
        self.write((user, step), |connection, (user, step)| write::take_step(connection, *user, *step).boxed()).await
    }

    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, _: Timestamp) -> Result<bool, Fault> {
        self.write((user, code), |connection, (user, code)| write::take_recovery_code(connection, *user, *code).boxed())
            .await
    }

    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], _: Timestamp) -> Result<bool, Fault> {
        let codes = (user, codes.to_vec());
        self.write(codes, |connection, (user, codes)| write::renew(connection, *user, codes).boxed()).await
    }

    async fn remove(&self, user: UserId, _: Timestamp) -> Result<bool, Fault> {
        self.write(user, |connection, user| write::remove(connection, *user).boxed()).await
    }
}

async fn find(connection: &mut AsyncPgConnection, user: UserId) -> Result<Option<SecondFactor>, Fault> {
    let found: Option<(Vec<u8>, Option<Timestamp>)> = second_factors::table
        .filter(second_factors::user_id.eq(user.0))
        .select((second_factors::secret, second_factors::confirmed_at))
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    let Some((secret, confirmed_at)) = found else { return Ok(None) };
    let secret = SealedSecret(secret);
    if confirmed_at.is_none() {
        return Ok(Some(SecondFactor::Pending(secret)));
    }
    let left: i64 = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user.0))
        .select(count_star())
        .get_result(connection)
        .await
        .map_err(fault)?;
    let left = u32::try_from(left).map_err(|why| broken_row("recovery_codes", "user_id", user, why))?;
    Ok(Some(SecondFactor::InForce { secret, recovery_codes_left: left }))
}
