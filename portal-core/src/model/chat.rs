//! A chat, as an enum by type: a DIRECT with an owner or a PUBLIC without a slug cannot be written down.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChatId, MessageId, Slug, UserId};

/// The four types of chats (SPEC 3.2).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChatType {
    /// The platform's own, open to all.
    Official,
    /// Open to anyone with the link, listed.
    Public,
    /// By invite, never listed.
    Private,
    /// Two matched people.
    Direct,
}

impl ChatType {
    /// Every type, in the order of SPEC 3.2.
    pub const ALL: [ChatType; 4] = [
        ChatType::Official,
        ChatType::Public,
        ChatType::Private,
        ChatType::Direct,
    ];

    /// The word of SPEC 3.2, as the database keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ChatType::Official => "OFFICIAL",
            ChatType::Public => "PUBLIC",
            ChatType::Private => "PRIVATE",
            ChatType::Direct => "DIRECT",
        }
    }

    /// Whether anyone may look in: OFFICIAL and PUBLIC.
    pub const fn is_open(self) -> bool {
        matches!(self, ChatType::Official | ChatType::Public)
    }
}

impl TryFrom<&str> for ChatType {
    type Error = String;

    fn try_from(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| format!("a chat is OFFICIAL, PUBLIC, PRIVATE or DIRECT, not {word:?}"))
    }
}

/// What a chat's type carries with it (SPEC 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// Owned by an admin or above.
    Official {
        /// Its owner.
        owner: UserId,
        /// Its address, if it has one.
        slug: Option<Slug>,
    },
    /// Owned, with an address.
    Public {
        /// Its owner.
        owner: UserId,
        /// Its address.
        slug: Slug,
        /// The first message that everyone may read (SPEC 3.4).
        public_from: MessageId,
    },
    /// Owned, by invite.
    Private {
        /// Its owner.
        owner: UserId,
    },
    /// Two people, pinned at creation, the lower id first.
    Direct {
        /// The two.
        pair: (UserId, UserId),
    },
}

impl ChatKind {
    /// The type's word.
    pub const fn chat_type(&self) -> ChatType {
        match self {
            ChatKind::Official { .. } => ChatType::Official,
            ChatKind::Public { .. } => ChatType::Public,
            ChatKind::Private { .. } => ChatType::Private,
            ChatKind::Direct { .. } => ChatType::Direct,
        }
    }

    /// The owner; DIRECT chats have none.
    pub const fn owner(&self) -> Option<UserId> {
        match self {
            ChatKind::Official { owner, .. }
            | ChatKind::Public { owner, .. }
            | ChatKind::Private { owner } => Some(*owner),
            ChatKind::Direct { .. } => None,
        }
    }

    /// What the chat becomes with another address or none (SPEC 3.4): a PRIVATE one with an address is
    /// PUBLIC, open from `next` on, the next message; a PUBLIC one without is PRIVATE. An OFFICIAL chat
    /// stays what it is. None for a DIRECT, which has no address and never changes.
    #[must_use]
    pub fn with_slug(&self, slug: Option<Slug>, next: MessageId) -> Option<Self> {
        Some(match (self, slug) {
            (ChatKind::Official { owner, .. }, slug) => ChatKind::Official {
                owner: *owner,
                slug,
            },
            (
                ChatKind::Public {
                    owner, public_from, ..
                },
                Some(slug),
            ) => ChatKind::Public {
                owner: *owner,
                slug,
                public_from: *public_from,
            },
            (ChatKind::Private { owner }, Some(slug)) => ChatKind::Public {
                owner: *owner,
                slug,
                public_from: next,
            },
            (ChatKind::Public { owner, .. } | ChatKind::Private { owner }, None) => {
                ChatKind::Private { owner: *owner }
            }
            (ChatKind::Direct { .. }, _) => return None,
        })
    }

    /// The first message that everyone may read; PUBLIC chats alone have one.
    pub const fn public_from(&self) -> Option<MessageId> {
        match self {
            ChatKind::Public { public_from, .. } => Some(*public_from),
            _ => None,
        }
    }

    /// The address, if the chat has one.
    pub const fn slug(&self) -> Option<&Slug> {
        match self {
            ChatKind::Official { slug, .. } => slug.as_ref(),
            ChatKind::Public { slug, .. } => Some(slug),
            ChatKind::Private { .. } | ChatKind::Direct { .. } => None,
        }
    }
}

/// A chat as the rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Its type, with what only that type has.
    pub kind: ChatKind,
    /// The encryption suite: 2 or 3.
    pub e2ee: u8,
    /// The current epoch, from 1.
    pub epoch: u64,
}
