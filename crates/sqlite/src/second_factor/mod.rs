//! Second factors.

pub(crate) mod write;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, dsl::count_star};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, SecondFactorRepository, TimeStep},
};

use crate::{
    SqliteStore,
    error::{broken_row, fault},
    schema::{recovery_codes, second_factors},
    value::Id,
};

#[async_trait]
impl SecondFactorRepository for SqliteStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Fault> {
        self.read(move |connection| {
            let found: Option<(Vec<u8>, Option<i64>)> = second_factors::table
                .filter(second_factors::user_id.eq(Id(user.0)))
                .select((second_factors::secret, second_factors::confirmed_at))
                .get_result(connection)
                .optional()
                .map_err(fault)?;
            let Some((secret, confirmed_at)) = found else { return Ok(None) };
            let secret = SealedSecret(secret);
            if confirmed_at.is_none() {
                return Ok(Some(SecondFactor::Pending(secret)));
            }
            let left: i64 = recovery_codes::table
                .filter(recovery_codes::user_id.eq(Id(user.0)))
                .select(count_star())
                .get_result(connection)
                .map_err(fault)?;
            let left = u32::try_from(left).map_err(|why| broken_row("recovery_codes", "user_id", user, why))?;
            Ok(Some(SecondFactor::InForce { secret, recovery_codes_left: left }))
        })
        .await
    }

    async fn begin(&self, user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault> {
        let secret = secret.clone();
        self.write(move |connection| write::begin(connection, user, &secret, now)).await
    }

    async fn confirm(
        &self,
        user: UserId,
        confirmation: &Confirmation,
        cause: &Cause,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        let (confirmation, cause) = (confirmation.clone(), cause.clone());
        self.write(move |connection| write::confirm(connection, user, &confirmation, &cause)).await
    }

    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault> {
        self.write(move |connection| write::take_step(connection, user, step)).await
    }

    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault> {
        let cause = cause.clone();
        self.write(move |connection| write::take_recovery_code(connection, user, code, &cause)).await
    }

    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault> {
        let (codes, cause) = (codes.to_vec(), cause.clone());
        self.write(move |connection| write::renew(connection, user, &codes, &cause)).await
    }

    async fn remove(&self, user: UserId, cause: &Cause) -> Result<bool, Fault> {
        let cause = cause.clone();
        self.write(move |connection| write::remove(connection, user, &cause)).await
    }
}
