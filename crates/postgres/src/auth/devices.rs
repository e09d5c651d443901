//! The devices that users have logged in from.

use diesel::{ExpressionMethods, QueryDsl, delete, dsl::exists, insert_into, select, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, UserId,
    auth::{MAX_KNOWN_DEVICES, NewSession},
};

use crate::{error::fault, schema::known_devices as table};

/// Remembers the device of a session. Returns whether it is another one than those that the user has used before.
pub(super) async fn remember(connection: &mut AsyncPgConnection, new: &NewSession) -> Result<bool, Fault> {
    let (user, device, now) = (new.user.0, new.device.identity().0, new.cause.at);
    let known = table::table.filter(table::user_id.eq(user)).filter(table::device.eq(device.as_slice()));
    if update(known).set(table::last_used_at.eq(now)).execute(connection).await.map_err(fault)? > 0 {
        return Ok(false);
    }
    let others = table::table.filter(table::user_id.eq(user));
    let has_others = select(exists(others)).get_result(connection).await.map_err(fault)?;
    let inserted = insert_into(table::table)
        .values((table::user_id.eq(user), table::device.eq(device.as_slice()), table::last_used_at.eq(now)))
        .on_conflict_do_nothing()
        .execute(connection)
        .await
        .map_err(fault)?;
    // Another login from the same device, at the same time, was first.
    if inserted == 0 {
        return Ok(false);
    }
    forget_surplus(connection, new.user).await?;
    Ok(has_others)
}

async fn forget_surplus(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    let of_user = table::table.filter(table::user_id.eq(user.0));
    let surplus: Vec<Vec<u8>> = of_user
        .order((table::last_used_at.desc(), table::device))
        .offset(MAX_KNOWN_DEVICES.into())
        .select(table::device)
        .load(connection)
        .await
        .map_err(fault)?;
    if !surplus.is_empty() {
        delete(of_user.filter(table::device.eq_any(surplus))).execute(connection).await.map_err(fault)?;
    }
    Ok(())
}

/// Forgets the devices of a user.
pub(crate) async fn forget(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    delete(table::table.filter(table::user_id.eq(user.0))).execute(connection).await.map_err(fault)?;
    Ok(())
}
