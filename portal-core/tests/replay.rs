//! What somebody who was away gets afterwards, and what not (SPEC 12.2).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OTHER, PREMIUM, Stage, user};
use portal_core::model::{ChatId, ChatType, ConnectionId, SessionId};
use portal_core::{Actor, Delivery};
use serde_json::{Value, json};

/// As many deliveries as a page may bring.
const PAGE: usize = 200;

/// A person who comes and goes with one session.
struct Comer {
    session: SessionId,
    connection: ConnectionId,
}

impl Comer {
    fn new(stage: &Stage, user: i64) -> Self {
        let (session, connection) = stage.connect(user);
        Self {
            session,
            connection,
        }
    }

    /// Loses the connection; answers the last event before that.
    fn goes(&self, stage: &Stage) -> u64 {
        stage.portal.disconnect(self.connection).unwrap();
        stage.as_of()
    }

    fn comes_back(&mut self, stage: &Stage) {
        self.connection = stage.portal.connect(&Actor::session(self.session)).unwrap();
    }

    fn joins(&self, stage: &Stage, chat: ChatId) {
        let here = json!({ "chat_id": chat });
        stage.ok(&Actor::connection(self.connection), "room.join", here);
    }

    /// The events that the person missed; with a chat, those of the chat.
    fn missed(&self, stage: &Stage, chat: Option<ChatId>, after: u64) -> Vec<(String, Value)> {
        let mut page = stage.portal.replay(self.connection, chat, after).unwrap();
        let mut missed = self.read(page.deliveries);
        while let Some(rest) = page.rest {
            page = stage.portal.replay_rest(rest).unwrap();
            missed.extend(self.read(page.deliveries));
        }
        missed
    }

    fn read(&self, deliveries: Vec<Delivery>) -> Vec<(String, Value)> {
        assert!(deliveries.len() <= PAGE);
        deliveries
            .into_iter()
            .map(|delivery| match delivery {
                Delivery::Send { to, name, data } => {
                    assert_eq!(to, [self.connection]);
                    (name.to_owned(), serde_json::from_str(&data).unwrap())
                }
                Delivery::Close { .. } => panic!("a replay closes nothing"),
            })
            .collect()
    }
}

fn names(missed: &[(String, Value)]) -> Vec<&str> {
    missed.iter().map(|(name, _)| name.as_str()).collect()
}

fn rename(stage: &Stage, chat: ChatId, name: &str) {
    let params = json!({ "chat_id": chat, "name": name });
    stage.ok(&user(PREMIUM), "chat.update", params);
}

fn mute(stage: &Stage, chat: ChatId, whom: i64) {
    let params = json!({ "chat_id": chat, "user_id": whom });
    stage.ok(&user(PREMIUM), "mod.mute", params);
}

/// Writes so many events of the room to the log.
fn write(stage: &Stage, chat: ChatId, count: u32) {
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         INSERT INTO event (at, name, audience, chat_id, data)
         SELECT 0, 'room:updated', 'chat', ?1, json_object('chat_id', ?1, 'changed', json('[]')) FROM n";
    stage.raw().execute(insert, (chat.get(), count)).unwrap();
}

/// The places of events in the log.
fn seqs(missed: &[(String, Value)]) -> Vec<u64> {
    let seqs = missed.iter().map(|(_, data)| data["seq"].as_u64().unwrap());
    seqs.collect()
}

/// Somebody who missed so many events of a chat, before they have read any; and the last that they did not miss.
fn behind(kind: ChatType, count: u32) -> (Stage, ChatId, Comer, u64) {
    let stage = Stage::new();
    let slug = (kind == ChatType::Public).then_some("open-door");
    let chat = stage.chat(kind, PREMIUM, slug);
    if kind == ChatType::Private {
        stage.member(chat, BASIC);
    }
    let mut ben = Comer::new(&stage, BASIC);
    ben.joins(&stage, chat);
    let after = ben.goes(&stage);
    write(&stage, chat, count);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    (stage, chat, ben, after)
}

#[test]
fn an_event_that_names_the_person_comes_once_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let mut ben = Comer::new(&stage, BASIC);
    ben.joins(&stage, chat);
    let after = ben.goes(&stage);
    mute(&stage, chat, BASIC);
    mute(&stage, chat, OTHER);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let own = ben.missed(&stage, None, after);
    assert_eq!(names(&own), ["user:muted"]);
    assert_eq!(own[0].1["user_id"], BASIC);
    let of_chat = ben.missed(&stage, Some(chat), after);
    let muted: Vec<_> = of_chat
        .iter()
        .filter(|(name, _)| name == "user:muted")
        .map(|(_, data)| data["user_id"].as_i64().unwrap())
        .collect();
    assert_eq!(muted, [OTHER]);
}

#[test]
fn what_is_older_than_a_connection_is_not_delivered_to_it_live_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let mut follower = stage.portal.follow(None).unwrap();
    mute(&stage, chat, BASIC);
    // The log is read late: the connection was not there yet.
    Comer::new(&stage, BASIC);
    let delivered = stage.portal.deliver(&mut follower, 100).unwrap();
    let muted = delivered
        .iter()
        .any(|delivery| matches!(delivery, Delivery::Send { name, .. } if *name == "user:muted"));
    assert!(!muted, "{delivered:?}");
}

#[test]
fn a_chats_private_times_are_not_replayed_to_who_comes_when_it_is_public_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, OTHER);
    let (mut ben, mut oskar) = (Comer::new(&stage, BASIC), Comer::new(&stage, OTHER));
    let after = ben.goes(&stage);
    oskar.goes(&stage);
    rename(&stage, chat, "While private");
    mute(&stage, chat, OTHER);
    let public = json!({ "chat_id": chat, "slug": "now-public" });
    stage.ok(&user(PREMIUM), "chat.update", public);
    rename(&stage, chat, "While public");
    for comer in [&mut ben, &mut oskar] {
        comer.comes_back(&stage);
        comer.joins(&stage, chat);
    }
    let seen = ben.missed(&stage, Some(chat), after);
    assert!(!names(&seen).contains(&"user:muted"), "{seen:?}");
    let updates = |missed: &[(String, Value)]| {
        let of_updates = names(missed);
        of_updates
            .iter()
            .filter(|name| **name == "room:updated")
            .count()
    };
    // Going public is an update itself, and it is told together with the epoch.
    assert!(updates(&seen) >= 1);
    let whole = oskar.missed(&stage, Some(chat), after);
    assert!(updates(&whole) > updates(&seen), "{whole:?}");
}

#[test]
fn nothing_from_before_the_membership_is_replayed_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let mut ben = Comer::new(&stage, BASIC);
    let after = ben.goes(&stage);
    mute(&stage, chat, OTHER);
    let add = json!({ "chat_id": chat, "user_id": BASIC });
    stage.ok(&Actor::operator(), "member.add", add);
    rename(&stage, chat, "Afterwards");
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let missed = ben.missed(&stage, Some(chat), after);
    assert!(!names(&missed).contains(&"user:muted"), "{missed:?}");
    assert!(names(&missed).contains(&"room:updated"));
}

#[test]
fn where_history_is_hidden_nothing_from_before_the_joining_is_replayed_spec_6_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    stage.configure(chat, "history_visible", json!(false));
    let mut ben = Comer::new(&stage, BASIC);
    ben.joins(&stage, chat);
    let after = ben.goes(&stage);
    mute(&stage, chat, OTHER);
    // Within a minute it is the same joining, and nothing is hidden of it.
    stage.clock.advance(59_000);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let seen = ben.missed(&stage, Some(chat), after);
    assert!(names(&seen).contains(&"user:muted"), "{seen:?}");
    ben.goes(&stage);
    stage.clock.advance(61_000);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let hidden = ben.missed(&stage, Some(chat), after);
    assert!(!names(&hidden).contains(&"user:muted"), "{hidden:?}");
}

#[test]
fn staff_get_what_staff_was_told_meanwhile_each_by_their_role_spec_12_2() {
    let stage = Stage::new();
    let mut away = [BASIC, MODERATOR, ADMIN].map(|who| Comer::new(&stage, who));
    let after = away.each_ref().map(|comer| comer.goes(&stage))[2];
    stage.ok(
        &Actor::operator(),
        "user.create",
        json!({ "username": "nova" }),
    );
    stage
        .raw()
        .execute(
            "INSERT INTO event (at, name, audience, data)
             VALUES (0, 'report:new', 'staff', '{\"report_id\":1,\"chat_id\":1}')",
            [],
        )
        .unwrap();
    let expected: [&[&str]; 3] = [&[], &["user:created"], &["user:created", "report:new"]];
    for (comer, expected) in away.iter_mut().zip(expected) {
        comer.comes_back(&stage);
        let missed = comer.missed(&stage, None, after);
        assert_eq!(names(&missed), expected);
    }
}

#[test]
fn guests_get_no_replay_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let after = stage.as_of();
    rename(&stage, chat, "Renamed");
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    let here = json!({ "chat_id": chat });
    stage.ok(&Actor::connection(guest), "room.join", here);
    for part in [None, Some(chat)] {
        let page = stage.portal.replay(guest, part, after).unwrap();
        assert!(page.deliveries.is_empty() && page.rest.is_none());
    }
}

#[test]
fn whoever_missed_more_than_a_replay_brings_reads_the_state_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let mut ben = Comer::new(&stage, BASIC);
    let after = ben.goes(&stage);
    write(&stage, chat, 5000);
    ben.comes_back(&stage);
    // Joining writes to the log too, for whoever is there already: this one's part ends before that.
    ben.joins(&stage, chat);
    assert_eq!(ben.missed(&stage, Some(chat), after).len(), 5000);
    ben.goes(&stage);
    write(&stage, chat, 1);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let refused = stage.portal.replay(ben.connection, Some(chat), after);
    assert_eq!(refused.unwrap_err().kind().code(), "ERR_EVENTS_PRUNED");
}

#[test]
fn what_was_missed_comes_in_pages_each_once_and_in_order_spec_12_2() {
    let (stage, chat, ben, after) = behind(ChatType::Public, 450);
    let first = stage.portal.replay(ben.connection, Some(chat), after);
    let first = first.unwrap();
    let mut got = seqs(&ben.read(first.deliveries));
    assert_eq!(got.len(), PAGE);
    // What is written between two pages is live, and in none of them.
    rename(&stage, chat, "Meanwhile");
    let mut rest = first.rest;
    while let Some(next) = rest {
        let page = stage.portal.replay_rest(next).unwrap();
        got.extend(seqs(&ben.read(page.deliveries)));
        rest = page.rest;
    }
    let whole: Vec<u64> = (after + 1..=after + 450).collect();
    assert_eq!(got, whole);
}

#[test]
fn behind_a_full_page_that_is_the_last_nothing_comes() {
    let (stage, chat, ben, after) = behind(ChatType::Public, 200);
    assert_eq!(ben.missed(&stage, Some(chat), after).len(), PAGE);
}

#[test]
fn what_staff_was_told_comes_in_pages_too_spec_12_2() {
    let stage = Stage::new();
    let mut ada = Comer::new(&stage, ADMIN);
    let after = ada.goes(&stage);
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
         INSERT INTO event (at, name, audience, data)
         SELECT 0, 'config:changed', 'staff', '{\"key\":\"a\"}' FROM n";
    stage.raw().execute(insert, []).unwrap();
    ada.comes_back(&stage);
    let got = seqs(&ada.missed(&stage, None, after));
    let whole: Vec<u64> = (after + 1..=after + 450).collect();
    assert_eq!(got, whole);
}

#[test]
fn the_last_coming_to_belong_hides_the_pages_before_it_spec_12_2() {
    let (stage, chat, mut ben, after) = behind(ChatType::Private, 300);
    let whom = json!({ "chat_id": chat, "user_id": BASIC });
    stage.ok(&user(PREMIUM), "mod.kick", whom.clone());
    let kicked = stage.as_of();
    stage.ok(&Actor::operator(), "member.add", whom);
    write(&stage, chat, 300);
    ben.goes(&stage);
    ben.comes_back(&stage);
    ben.joins(&stage, chat);
    let got = seqs(&ben.missed(&stage, Some(chat), after));
    assert!(got.len() >= 300 && got.is_sorted(), "{got:?}");
    assert!(got[0] > kicked, "{got:?}, {kicked}");
}

#[test]
fn whoever_may_not_be_there_any_more_gets_no_other_page_spec_12_2() {
    let (stage, chat, ben, after) = behind(ChatType::Private, 450);
    let first = stage.portal.replay(ben.connection, Some(chat), after);
    let rest = first.unwrap().rest.unwrap();
    let ban = json!({ "chat_id": chat, "user_id": BASIC });
    stage.ok(&user(PREMIUM), "mod.ban", ban);
    let refused = stage.portal.replay_rest(rest).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_NOT_JOINED");
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": chat }));
    let refused = stage.portal.replay_rest(rest).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_NOT_JOINED");
}

#[test]
fn whoever_leaves_between_two_pages_and_comes_back_gets_each_event_once_spec_12_2() {
    let (stage, chat, ben, after) = behind(ChatType::Public, 450);
    let first = stage.portal.replay(ben.connection, Some(chat), after);
    let rest = first.unwrap().rest.unwrap();
    let there = json!({ "chat_id": chat });
    let actor = Actor::connection(ben.connection);
    stage.ok(&actor, "room.leave", there.clone());
    // Nobody was there for it, so it is in no page; and what was live before it is in none either.
    rename(&stage, chat, "Meanwhile");
    stage.ok(&actor, "room.join", there);
    let mut got = Vec::new();
    let mut page = stage.portal.replay_rest(rest).unwrap();
    loop {
        got.extend(seqs(&ben.read(page.deliveries)));
        let Some(rest) = page.rest else { break };
        page = stage.portal.replay_rest(rest).unwrap();
    }
    let whole: Vec<u64> = (after + 201..=after + 450).collect();
    assert_eq!(got, whole);
}

#[test]
fn a_page_that_was_pruned_before_it_was_read_is_refused_spec_12_2() {
    let (stage, chat, ben, after) = behind(ChatType::Public, 450);
    let first = stage.portal.replay(ben.connection, Some(chat), after);
    let rest = first.unwrap().rest.unwrap();
    let prune = "INSERT OR REPLACE INTO meta (key, value) VALUES ('event_horizon', ?)";
    stage.raw().execute(prune, [after + 201]).unwrap();
    let refused = stage.portal.replay_rest(rest).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_EVENTS_PRUNED");
}
