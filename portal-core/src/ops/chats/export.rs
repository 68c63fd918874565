//! What is stored of a person as an owner of chats, for their export (SPEC 1.9).

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

use super::slugs::{self, HeldSlug};
use super::transfer::{Offer, offers_to};
use super::{COLUMNS, ChatView, from_row};
use crate::error::Result;
use crate::model::{Timestamp, UserId};
use crate::store;

/// A person's chats, addresses and offers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChatsOfPerson {
    /// The chats they own, with their configurations.
    pub owned_chats: Vec<ChatView>,
    /// Addresses that are held for them.
    pub held_slugs: Vec<HeldSlug>,
    /// Chats that were offered to them; also those whose time is over.
    pub transfer_offers: Vec<Offer>,
}

pub(crate) fn export_of(db: &Connection, user: UserId) -> Result<ChatsOfPerson> {
    let owned_chats = store::all(
        db,
        &format!("SELECT {COLUMNS} FROM chat c WHERE c.owner_id = ? ORDER BY c.id"),
        [user],
        |row| from_row(row).map(ChatView::from),
    )?;
    Ok(ChatsOfPerson {
        owned_chats,
        held_slugs: slugs::held_for(db, user)?,
        transfer_offers: offers_to(db, user, Timestamp::from_millis(0))?,
    })
}
