//! Strangers: anonymous users that are made with a session and vanish with it (SPEC 1.8).

mod blocking;
mod names;

pub use blocking::{Block, List, Stranger, StrangerPage, Unblock};

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes::{self, LETTERS_AND_DIGITS};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Role, Timestamp, UserId, Username};
use crate::operation::{Context, Operation};
use crate::ops::sessions::NewSession;
use crate::ops::{chats, deletion, sessions, users};
use crate::policy::{ActingAs, may_be_let_in};
use crate::store;

use names::{FIRST_WORDS, SECOND_WORDS};

/// Makes an anonymous user with a generated name, and a session for it; for guests.
///
/// `ERR_STRANGER_LIMIT`; `ERR_FORBIDDEN` for who is signed in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {}

/// A new stranger.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewStranger {
    /// The generated name.
    pub username: Username,
    /// The session.
    #[serde(flatten)]
    pub session: NewSession,
}

impl Operation for Create {
    const NAME: &'static str = "stranger.create";
    type Reply = NewStranger;

    fn apply(self, cx: &mut Context<'_>) -> Result<NewStranger> {
        may_be_let_in(&cx.actor)?;
        if let ActingAs::Person(_) = cx.actor {
            return Err(Error::with_message(
                ErrorKind::Forbidden,
                "You are signed in; a stranger is nobody yet.",
            ));
        }
        if let Some(network) = cx.caller.network()
            && sessions::live_strangers(cx.db, &network, cx.now)? >= cx.settings.strangers_per_ip
        {
            return Err(ErrorKind::StrangerLimit.into());
        }
        let username = free_name(cx)?;
        let user = users::insert_stranger(cx, &username)?;
        let session = sessions::open(cx, user, Role::User)?;
        Ok(NewStranger { username, session })
    }
}

/// A two-word name that nobody has. When the words are crowded, four more characters tell them apart.
fn free_name(cx: &Context<'_>) -> Result<Username> {
    for attempt in 0..32 {
        let mut draw = [0; 2];
        cx.random.fill(&mut draw);
        let [first, second] = draw.map(usize::from);
        let mut name = format!(
            "{}-{}",
            FIRST_WORDS[first % FIRST_WORDS.len()],
            SECOND_WORDS[second % SECOND_WORDS.len()]
        );
        if attempt >= 8 {
            name.push('-');
            name.push_str(&codes::pick(cx.random, LETTERS_AND_DIGITS, 4));
        }
        let name = Username::try_from(name).map_err(|_| ErrorKind::Internal)?;
        if users::is_free(cx.db, &name, cx.now)? {
            return Ok(name);
        }
    }
    Err(ErrorKind::Internal.into())
}

/// Lets a stranger vanish whose last session is gone, unless a DIRECT chat still waits for them.
pub(crate) fn let_go(cx: &mut Context<'_>, user: UserId) -> Result<()> {
    let person = users::person(cx.db, user, cx.now)?;
    let stays = !person.stranger
        || !sessions::ids_of(cx.db, user)?.is_empty()
        || !chats::directs_of(cx.db, user)?.is_empty();
    if stays {
        return Ok(());
    }
    deletion::end_stranger(cx, &person)
}

/// Lets strangers vanish whose sessions and DIRECT chats are gone, at most 1000; answers when to come
/// back. To be called after the sessions' tick.
pub(crate) fn tick(cx: &mut Context<'_>) -> Result<Option<Timestamp>> {
    let gone = without_a_session(cx.db)?;
    let full = gone.len() == BATCH;
    for user in gone {
        let_go(cx, user)?;
    }
    Ok(full.then_some(cx.now))
}

const BATCH: usize = 1000;

fn without_a_session(db: &Connection) -> Result<Vec<UserId>> {
    store::all(
        db,
        "SELECT u.id FROM user u WHERE u.stranger = 1
           AND NOT EXISTS (SELECT 1 FROM session s WHERE s.user_id = u.id)
           AND NOT EXISTS (SELECT 1 FROM chat c WHERE c.pair_low = u.id)
           AND NOT EXISTS (SELECT 1 FROM chat c WHERE c.pair_high = u.id)
         ORDER BY u.id LIMIT 1000",
        [],
        |row| row.get(0),
    )
}
