//! What the operations that remove people and sessions rely on, without those operations.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::operation::Aftermath;
use crate::{Actor, Options, Portal};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

struct Stage {
    portal: Portal,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// Two PRIVATE chats, 1 and 2, and people 10, 20 and 30 with the sessions 11, 12, 21 and 31.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
        let stage = Self {
            portal,
            clock,
            _dir: dir,
        };
        stage.sql(
            "INSERT INTO user (id, username, tier, created_at) VALUES
               (10, 'ana', 3, 0), (20, 'ben', 0, 0), (30, 'cem', 0, 0);
             INSERT INTO session (id, user_id, token_hash, created_at, expires_at, public_key)
               SELECT column1, column1 / 10 * 10, randomblob(32), 0, 1900000000000, randomblob(32)
               FROM (VALUES (11), (12), (21), (31));
             INSERT INTO chat (id, chat_type, name, owner_id, epoch_moved_at, chat_config, browser_config,
               created_at, last_activity_at)
               SELECT column1, 'PRIVATE', 'A chat', 10, 1800000000000, '{}', '{}', 0, 0 FROM (VALUES (1), (2));
             INSERT INTO membership (chat_id, user_id, via, joined_at) SELECT id, column1, 'operator', 0 FROM chat, (VALUES (20), (30));",
        );
        stage
    }

    fn sql(&self, sql: &str) {
        let writer = &self.portal.shared.store.writer;
        writer.exclusively(|db| Ok(db.execute_batch(sql)?)).unwrap();
    }

    fn within<T>(&self, work: impl FnOnce(&mut Context<'_>) -> Result<T>) -> T {
        let shared = &self.portal.shared;
        let system = Actor::system();
        let run = |db: &Connection| {
            let mut aftermath = Aftermath::default();
            let view = View::new(db, shared, &system)?;
            work(&mut Context::new(view, &*shared.random, &mut aftermath))
        };
        shared.store.writer.exclusively(run).unwrap()
    }

    fn schedule(&self, reason: EpochReason) {
        self.within(|cx| schedule_move(cx, chat(1), reason));
    }

    /// The moves of chat 1 so far.
    fn moves(&self) -> Vec<(u64, EpochReason)> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                crate::event::Event::RoomEpochChanged(e) => Some((e.epoch, e.reason)),
                _ => None,
            })
            .collect()
    }

    fn events(&self) -> Vec<crate::event::Event> {
        let read = |cx: &mut Context<'_>| crate::ops::events::read_after(cx.db, 0, 1000);
        let stored = self.within(read);
        stored.into_iter().map(|stored| stored.event).collect()
    }

    /// Ana's first session distributes in both chats, Ben's and Ana's second hold it by a blob.
    fn publish(&self) {
        self.sql(
            "INSERT INTO room_key SELECT id, epoch, NULL, 10, 11, 0 FROM chat;
             INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
               publisher_public_key, blob, at)
               SELECT id, epoch, column1, 10, 11, zeroblob(32), zeroblob(80), 0 FROM chat, (VALUES (12), (21));",
        );
    }
}

fn chat(id: i64) -> ChatId {
    ChatId::try_from(id).unwrap()
}

fn session(id: i64) -> SessionId {
    SessionId::try_from(id).unwrap()
}

#[test]
fn gathered_moves_are_at_most_one_in_ten_seconds_spec_8_6a() {
    let stage = Stage::new();
    stage.schedule(EpochReason::Joined);
    assert_eq!(
        stage.moves(),
        [(2, EpochReason::Joined)],
        "the first is at once"
    );

    stage.clock.advance(4 * SECOND);
    stage.schedule(EpochReason::MemberLeft);
    stage.clock.advance(SECOND);
    stage.schedule(EpochReason::SessionDestroyed);
    let due = START.plus(10 * SECOND);
    assert_eq!(stage.within(moves_due), Some(due));
    assert_eq!(stage.moves().len(), 1);

    stage.clock.set(due.plus(-1));
    stage.within(moves_due);
    assert_eq!(stage.moves().len(), 1);
    stage.clock.set(due);
    assert_eq!(stage.within(moves_due), None, "both are this one");
    assert_eq!(stage.moves()[1..], [(3, EpochReason::MemberLeft)]);

    stage.clock.advance(10 * SECOND);
    stage.schedule(EpochReason::Joined);
    assert_eq!(stage.moves().len(), 3, "10 s after the last, at once again");
}

#[test]
fn a_late_tick_makes_a_gathered_move_once_spec_14_2() {
    let stage = Stage::new();
    stage.schedule(EpochReason::Joined);
    stage.schedule(EpochReason::MemberLeft);
    stage.clock.advance(HOUR);
    stage.within(moves_due);
    stage.within(moves_due);
    assert_eq!(stage.moves().len(), 2);
}

#[test]
fn a_gathered_move_that_no_tick_made_is_made_by_the_next_spec_8_6a() {
    let stage = Stage::new();
    stage.schedule(EpochReason::Joined);
    stage.schedule(EpochReason::MemberLeft);
    stage.clock.advance(11 * SECOND);
    stage.schedule(EpochReason::Joined);
    assert_eq!(stage.moves().len(), 2);
    assert_eq!(stage.within(moves_due), None);
}

#[test]
fn any_move_takes_the_gathered_ones_with_it_spec_8_6a() {
    let stage = Stage::new();
    stage.schedule(EpochReason::Joined);
    stage.schedule(EpochReason::MemberLeft);
    stage.within(|cx| move_on(cx, chat(1), EpochReason::Cleared));
    stage.clock.advance(HOUR);
    assert_eq!(stage.within(moves_due), None);
    assert_eq!(stage.moves().len(), 2);
}

#[test]
fn a_session_is_asked_which_chats_it_holds_keys_of_spec_8_1() {
    let stage = Stage::new();
    stage.publish();
    stage.sql("DELETE FROM key_blob WHERE chat_id = 1 AND session_id = 21");
    let chats = |of| stage.within(|cx| chats_of_session(cx.db, session(of)));
    assert_eq!(chats(11), [chat(1), chat(2)], "as the distributor");
    assert_eq!(chats(21), [chat(2)], "by a blob");
    assert_eq!(chats(31), []);
}

#[test]
fn who_is_removed_loses_the_keys_of_that_chat_only_and_it_is_announced_spec_8_3() {
    let stage = Stage::new();
    stage.publish();
    let user = |id| UserId::try_from(id).unwrap();
    stage.within(|cx| drop_keys_of(cx, chat(1), user(10)));
    let holds = |c, s| stage.within(|cx| holds_key(cx.db, chat(c), session(s)));
    assert!(!holds(1, 11) && !holds(1, 12), "standing and blob are gone");
    assert!(holds(1, 21) && holds(2, 11) && holds(2, 12));
    let removed = |session_id| {
        crate::event::Event::from(KeyRemoved {
            chat_id: chat(1),
            user_id: user(10),
            session_id: session(session_id),
        })
    };
    assert_eq!(stage.events(), [removed(11), removed(12)]);
    stage.within(|cx| drop_keys_of(cx, chat(1), user(30)));
    assert_eq!(stage.events().len(), 2, "who held nothing is not announced");
}
