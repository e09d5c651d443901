//! Second factors.

pub(crate) mod write;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, dsl::count_star};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
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
        cause: &Cause,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        self.write((user, confirmation.clone(), cause.clone()), |connection, (user, confirmation, cause)| {
            write::confirm(connection, *user, confirmation, cause).boxed()
        })
        .await
    }

    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault> {
        self.write((user, step), |connection, (user, step)| write::take_step(connection, *user, *step).boxed()).await
    }

    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault> {
        self.write((user, code, cause.clone()), |connection, (user, code, cause)| {
            write::take_recovery_code(connection, *user, *code, cause).boxed()
        })
        .await
    }

    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault> {
        self.write((user, codes.to_vec(), cause.clone()), |connection, (user, codes, cause)| {
            write::renew(connection, *user, codes, cause).boxed()
        })
        .await
    }

    async fn remove(&self, user: UserId, cause: &Cause) -> Result<bool, Fault> {
        self.write((user, cause.clone()), |connection, (user, cause)| write::remove(connection, *user, cause).boxed())
            .await
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
