//! How many chats a person may own (SPEC 3.5). Counted in the transaction that adds one, so that the limit
//! holds however many are made at once.

use crate::error::{ErrorKind, Result};
use crate::model::ChatType;
use crate::operation::View;
use crate::ops::users;
use crate::policy::{Person, slot_limit};
use crate::store;

/// Refuses with `ERR_CHAT_SLOT_LIMIT` unless the person may own one chat more of this type.
pub(super) fn check_free(view: &View<'_>, chat_type: ChatType, owner: &Person) -> Result<()> {
    let tier = users::tier_of(view.db, owner.id)?;
    let Some(limit) = slot_limit(chat_type, owner.role, tier, &view.settings) else {
        return Ok(());
    };
    let count = store::first(
        view.db,
        "SELECT count(*) FROM chat WHERE owner_id = ?1 AND (chat_type = 'OFFICIAL') = ?2",
        (owner.id, chat_type == ChatType::Official),
        |row| row.get::<_, u32>(0),
    )?;
    if count.unwrap_or_default() < limit {
        Ok(())
    } else {
        Err(ErrorKind::ChatSlotLimit.into())
    }
}
