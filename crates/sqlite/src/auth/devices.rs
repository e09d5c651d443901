//! The devices that users have logged in from.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, delete, dsl::exists, insert_into, select, update,
};
use entrepot_domain::{
    Fault, UserId,
    auth::{MAX_KNOWN_DEVICES, NewSession},
};

use crate::{error::fault, schema::known_devices as table, value::Id};

/// Remembers the device of a session. Returns whether it is another one than those that the user has used before.
pub(super) fn remember(connection: &mut SqliteConnection, new: &NewSession) -> Result<bool, Fault> {
    let (device, now) = (new.device.identity().0, new.cause.at.timestamp_millis());
    let of_user = table::table.filter(table::user_id.eq(Id(new.user.0)));
    let known = update(of_user.filter(table::device.eq(device.as_slice())))
        .set(table::last_used_at.eq(now))
        .execute(connection)
        .map_err(fault)?;
    if known > 0 {
        return Ok(false);
    }
    let has_others = select(exists(of_user)).get_result(connection).map_err(fault)?;
    insert_into(table::table)
        .values((table::user_id.eq(Id(new.user.0)), table::device.eq(device.as_slice()), table::last_used_at.eq(now)))
        .execute(connection)
        .map_err(fault)?;
    let surplus: Vec<Vec<u8>> = of_user
        .order((table::last_used_at.desc(), table::device))
        .limit(i64::MAX)
        .offset(MAX_KNOWN_DEVICES.into())
        .select(table::device)
        .load(connection)
        .map_err(fault)?;
    for device in surplus {
        delete(of_user.filter(table::device.eq(device))).execute(connection).map_err(fault)?;
    }
    Ok(has_others)
}

/// Forgets the devices of a user.
pub(crate) fn forget(connection: &mut SqliteConnection, user: UserId) -> Result<(), Fault> {
    delete(table::table.filter(table::user_id.eq(Id(user.0)))).execute(connection).map_err(fault)?;
    Ok(())
}
