//! Random programs of what happens in a room of a real portal: in the end everybody present has the same key of the
//! present epoch, and the same inputs make the same requests (e2ee-bytes.md 8). `PROPTEST_CASES` makes a run longer.

mod common;

use common::rings::Ring;
use common::{BASIC, LIFETIME, OTHER, PREMIUM, on};
use portal_core::e2ee::keyring::OnKey;
use portal_core::model::{ChatId, ChatType};
use proptest::prelude::*;
use serde_json::json;

/// Who takes part; Pia owns the chat. Ben has two devices.
const CAST: [i64; 5] = [PREMIUM, BASIC, OTHER, LIFETIME, BASIC];

#[derive(Clone, Debug)]
enum Event {
    Come(usize),
    Go(usize),
    Kick(usize),
    Clear,
    Hide(bool),
    /// Some requests are called and others wait.
    Call(Vec<usize>),
    Deliver,
    Pass(i64),
    Settle,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let who = 0..CAST.len();
    let one = prop_oneof![
        4 => who.clone().prop_map(Event::Come),
        2 => who.clone().prop_map(Event::Go),
        1 => (1..CAST.len()).prop_map(Event::Kick),
        1 => Just(Event::Clear),
        1 => any::<bool>().prop_map(Event::Hide),
        4 => proptest::collection::vec(who, 1..6).prop_map(Event::Call),
        3 => Just(Event::Deliver),
        2 => (1..12i64).prop_map(Event::Pass),
        1 => Just(Event::Settle),
    ];
    proptest::collection::vec(one, 1..30)
}

struct Room {
    ring: Ring,
    chat: ChatId,
    present: [bool; CAST.len()],
}

impl Room {
    fn new(suite: u8) -> Self {
        let mut ring = Ring::new();
        ring.policy.on_change = OnKey::Accept;
        let chat = match suite {
            2 => ring.stage.chat(ChatType::Private, PREMIUM, None),
            _ => ring.stage.room(&[]),
        };
        for user in CAST {
            ring.device(user);
        }
        let present = [false; CAST.len()];
        Self {
            ring,
            chat,
            present,
        }
    }

    fn come(&mut self, who: usize) {
        let user = CAST[who];
        if user != PREMIUM {
            let is_member = self.ring.stage.raw().query_row(
                "SELECT EXISTS (SELECT 1 FROM membership WHERE chat_id = ? AND user_id = ?)",
                (self.chat.get(), user),
                |row| row.get::<_, bool>(0),
            );
            if !is_member.unwrap() {
                self.ring.stage.member(self.chat, user);
            }
        }
        if !self.present[who] {
            self.present[who] = true;
            self.ring.join(who, self.chat);
        }
    }

    fn go(&mut self, who: usize) {
        if std::mem::take(&mut self.present[who]) {
            self.ring.disconnect(who);
            self.ring.reconnect(who);
        }
    }

    fn run(&mut self, event: &Event) {
        let chat = json!({ "chat_id": self.chat });
        let owner = common::user(PREMIUM);
        match event {
            Event::Come(who) => self.come(*who),
            Event::Go(who) => self.go(*who),
            Event::Kick(who) => {
                let user = CAST[*who];
                let out = self
                    .ring
                    .stage
                    .call(&owner, "mod.kick", on(self.chat, user));
                if out.is_ok() {
                    let gone = CAST.iter().enumerate().filter(|(_, other)| **other == user);
                    gone.for_each(|(who, _)| self.present[who] = false);
                }
            }
            Event::Clear => drop(self.ring.stage.call(&owner, "chat.clear", chat)),
            Event::Hide(hide) => {
                let update =
                    json!({ "chat_id": self.chat, "chat_config": { "history_visible": !hide } });
                self.ring.stage.ok(&owner, "chat.update", update);
            }
            Event::Call(order) => {
                for who in order {
                    self.ring.call_next(*who);
                }
            }
            Event::Deliver => {
                self.ring.deliver();
            }
            Event::Pass(seconds) => self.ring.stage.pass(*seconds),
            Event::Settle => self.ring.pass(2),
        }
    }

    /// Within two minutes, in which a renewal may be waited for, everybody who is there has the key.
    fn check(&mut self) {
        let present: Vec<_> = (0..CAST.len()).filter(|who| self.present[*who]).collect();
        self.ring.pump();
        let epoch = |room: &Self| room.ring.stage.epoch(room.chat);
        let mut waited = 0;
        while !present.iter().all(|who| {
            let person = &self.ring.people[*who];
            person.ring.epoch(self.chat.into()) == Some(epoch(self))
                && person.ring.holds(self.chat.into(), epoch(self))
                && person.queue.is_empty()
        }) {
            waited += 1;
            assert!(waited <= 24, "not everybody got the key: {present:?}");
            self.ring.pass(5);
        }
        self.ring.pass(1);
        self.ring.all_talk(self.chat, &present);
        self.ring.assert_repeatable();
    }
}

fn run(suite: u8, events: &[Event]) {
    let mut room = Room::new(suite);
    room.come(0);
    for event in events {
        room.run(event);
    }
    room.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn everybody_present_ends_up_with_the_same_key_e2ee_8(events in events(), suite in 2..=3u8) {
        run(suite, &events);
    }
}
