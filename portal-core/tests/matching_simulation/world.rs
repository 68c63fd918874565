//! The library and its model side by side: every step is done to both, and what they answer, whom they tell
//! what, and where people stand then, is compared.

use std::collections::{BTreeMap, BTreeSet};

use portal_core::clock::Clock;
use portal_core::model::{ConnectionId, DAY, SessionId};
use portal_core::{Actor, Durability, Options, Portal};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::model::{Answer, Id, Model, NEVER, Person};
use super::steps::{Scene, Step};
use crate::common::{Stage, user};

/// What people are told, and what of it: an event's name and data.
type News = Vec<(String, Value)>;

/// The events that are compared; the others tell of nothing that the model knows.
const COMPARED: [&str; 4] = [
    "match:",
    "room:peer_left",
    "room:peer_returned",
    "room:destroyed",
];

/// When everybody gets a new session: they last 30 days.
const SESSIONS_HOLD: i64 = 25 * DAY;

pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) model: Model,
    scene: Scene,
    random: StdRng,
    sessions: BTreeMap<Id, SessionId>,
    /// Since when.
    sessions_since: i64,
    /// How much of the event log was read.
    read: u64,
    /// When housekeeping wants to run next.
    wanted_at: i64,
    steps: u64,
    /// Every code that was answered, and every reason that was told.
    pub(crate) seen: BTreeSet<String>,
}

impl World {
    pub(crate) fn new(scene: Scene, random: StdRng) -> Self {
        let stage = Stage::new();
        let mut model = Model {
            now: stage.clock.now().as_millis(),
            keeps_presence: true,
            pause_seconds: 60,
            ..Model::default()
        };
        let mut db = stage.raw();
        let rows = db.transaction().unwrap();
        for nth in 1..=scene.people {
            let id = 10_000 + 10 * i64::try_from(nth).unwrap();
            let name = format!("person-{nth}");
            let insert = "INSERT INTO user (id, username, created_at) VALUES (?, ?, 0)";
            rows.execute(insert, (id, &name)).unwrap();
            let person = Person {
                name,
                ..Person::default()
            };
            model.people.insert(id, person);
        }
        rows.commit().unwrap();
        Self {
            read: stage.as_of(),
            sessions_since: model.now,
            sessions: BTreeMap::new(),
            wanted_at: 0,
            steps: 0,
            seen: BTreeSet::new(),
            stage,
            model,
            scene,
            random,
        }
    }

    /// A world of the seed's own size.
    pub(crate) fn small(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self::new(Scene::small(&mut random), random)
    }

    /// Thousands of people.
    pub(crate) fn crowd(seed: u64) -> Self {
        Self::new(Scene::crowd(), StdRng::seed_from_u64(seed))
    }

    /// What happens next.
    pub(crate) fn draw(&mut self) -> Step {
        if self.model.now - self.sessions_since > SESSIONS_HOLD {
            return Step::Renew;
        }
        self.scene.draw(&mut self.random, &self.model, self.steps)
    }

    /// Does a step to both, and compares what they answer, whom they tell what, and where those whom it
    /// touched stand then.
    pub(crate) fn take(&mut self, step: &Step) {
        self.steps += 1;
        let mut touched = self.touches(step);
        let got = match self.called(step) {
            Some((actor, name, params)) => self.call(&actor, name, params),
            None => self.happens(step),
        };
        if let Step::TimeOut(who, _) | Step::LogOut(who) | Step::Delete(who) = step {
            self.hang_up(*who);
        }
        let mut news = self.news();
        let expected = self.modelled(step, got.as_ref().unwrap_or(&Value::Null), &news);
        // Of the others it is enough that they were done.
        let is_told = matches!(step, Step::Enqueue(..) | Step::Dequeue(_) | Step::Leave(..));
        let got = got.map(|reply| if is_told { reply } else { Value::Null });
        assert_eq!(got, expected, "the answer");

        let mut told = std::mem::take(&mut self.model.told);
        for list in [&mut news, &mut told] {
            list.sort_by_cached_key(|(name, data)| format!("{name} {data}"));
        }
        assert_eq!(news, told, "what people are told");
        self.seen.extend(got.err().map(str::to_owned));
        let reasons = told.iter().filter_map(|(_, data)| data["reason"].as_str());
        self.seen.extend(reasons.map(str::to_owned));

        touched.extend(self.touches(step));
        for who in touched {
            self.compare_status(who);
        }
    }

    /// Whom a step touches.
    fn touches(&self, step: &Step) -> BTreeSet<Id> {
        let who = match step {
            Step::Connect(who)
            | Step::Enqueue(who, _)
            | Step::Dequeue(who)
            | Step::Leave(who, _)
            | Step::Block(who, _)
            | Step::Unblock(who, _)
            | Step::Premium(who, _)
            | Step::Basic(who)
            | Step::HardMute(who)
            | Step::TimeOut(who, _)
            | Step::LiftTimeout(who)
            | Step::Delete(who)
            | Step::LogOut(who)
            | Step::BlockStranger(who, _) => Some(*who),
            Step::Disconnect(connection)
            | Step::Forget(connection)
            | Step::Join(connection, _)
            | Step::LeaveRoom(connection, _) => self.model.whose(*connection),
            Step::SignUp
            | Step::Come
            | Step::Pause(_)
            | Step::PauseLength(_)
            | Step::Pass(_)
            | Step::Tick
            | Step::Restart(_)
            | Step::Renew => None,
        };
        let chats = who.map(|who| self.model.chats_of(who)).unwrap_or_default();
        let peers = chats.iter().flat_map(|chat| self.model.chats[chat].pair);
        peers.chain(who).collect()
    }

    /// The call that a step is, if it is one.
    fn called(&self, step: &Step) -> Option<(Actor, &'static str, Value)> {
        let on = |who: &Id| json!({ "user_id": who });
        let in_room = |chat: &Id| json!({ "chat_id": chat });
        let (actor, name, params) = match step {
            Step::Join(by, chat) => (line(*by), "room.join", in_room(chat)),
            Step::LeaveRoom(by, chat) => (line(*by), "room.leave", in_room(chat)),
            Step::Enqueue(who, words) => {
                let params = json!({ "interests": words });
                (self.actor(*who), "match.enqueue", params)
            }
            Step::Dequeue(who) => (self.actor(*who), "match.dequeue", json!({})),
            Step::Leave(who, chat) => (self.actor(*who), "match.leave", json!({ "chat_id": chat })),
            Step::Block(by, whom) => (self.actor(*by), "user.block", on(whom)),
            Step::Unblock(by, whom) => (self.actor(*by), "user.unblock", on(whom)),
            Step::Premium(who, days) => {
                let days = (*days > 0).then_some(days);
                let params = json!({ "user_id": who, "tier": "premium", "days": days });
                (Actor::operator(), "user.set_tier", params)
            }
            Step::Basic(who) => {
                let params = json!({ "user_id": who, "tier": "basic" });
                (Actor::operator(), "user.set_tier", params)
            }
            Step::HardMute(who) => (Actor::operator(), "mod.hard_mute", on(who)),
            Step::TimeOut(who, seconds) => {
                let params = json!({ "user_id": who, "duration_seconds": seconds });
                (Actor::operator(), "mod.timeout", params)
            }
            Step::LiftTimeout(who) => (Actor::operator(), "mod.lift_timeout", on(who)),
            Step::SignUp => {
                let params = json!({ "username": format!("newcomer-{}", self.steps) });
                (Actor::operator(), "user.create", params)
            }
            Step::Delete(who) => (Actor::operator(), "user.delete", on(who)),
            Step::Come => (Actor::guest(), "stranger.create", json!({})),
            Step::LogOut(who) => {
                let session = self.sessions.get(who)?;
                (Actor::session(*session), "session.logout", json!({}))
            }
            Step::BlockStranger(who, true) => (Actor::operator(), "stranger.block", on(who)),
            Step::BlockStranger(who, false) => (Actor::operator(), "stranger.unblock", on(who)),
            Step::Pause(true) => (Actor::operator(), "match.pause", json!({})),
            Step::Pause(false) => (Actor::operator(), "match.resume", json!({})),
            Step::PauseLength(seconds) => {
                let params = json!({ "key": "rematch_pause_seconds", "value": seconds });
                (Actor::operator(), "config.set", params)
            }
            Step::Connect(_)
            | Step::Disconnect(_)
            | Step::Forget(_)
            | Step::Pass(_)
            | Step::Tick
            | Step::Restart(_)
            | Step::Renew => return None,
        };
        Some((actor, name, params))
    }

    /// What happens without a call.
    fn happens(&mut self, step: &Step) -> Answer {
        let portal = &self.stage.portal;
        match step {
            Step::Connect(who) => return self.connect(*who),
            Step::Disconnect(by) => portal.disconnect(connection(*by)).unwrap(),
            Step::Forget(by) => portal.forget(connection(*by)),
            Step::Pass(millis) => self.stage.clock.advance(*millis),
            Step::Tick => {
                let mut ticks = (0..100).map(|_| portal.tick().unwrap().as_millis());
                let later = ticks.find(|wanted_at| *wanted_at > self.model.now);
                self.wanted_at = later.expect("an end of housekeeping");
            }
            Step::Restart(presence) => self.restart(*presence),
            Step::Renew => {
                for who in self.strangers_with_a_session() {
                    self.take(&Step::LogOut(who));
                }
                self.restart(true);
                self.sessions.clear();
                self.sessions_since = self.model.now;
            }
            _ => {}
        }
        Ok(Value::Null)
    }

    /// What the model makes of a step; of whoever is new the library says the number.
    fn modelled(&mut self, step: &Step, reply: &Value, news: &[(String, Value)]) -> Answer {
        let model = &mut self.model;
        match step {
            Step::Connect(who) => {
                model.check_standing(*who)?;
                model.connect(*who, reply["connection"].as_i64().unwrap());
            }
            Step::Disconnect(by) => {
                model.lose(*by);
                model.note_departures();
            }
            Step::Forget(by) => model.lose(*by),
            Step::Join(by, chat) => return model.join(*by, *chat),
            Step::LeaveRoom(by, chat) => model.leave_room(*by, *chat),
            Step::Enqueue(who, words) => return model.enqueue(*who, words),
            Step::Dequeue(who) => return model.dequeue(*who),
            Step::Leave(who, chat) => return model.leave(*who, *chat),
            Step::Block(by, whom) => return model.block(*by, *whom),
            Step::Unblock(by, whom) => return model.unblock(*by, *whom),
            Step::Premium(who, 0) => return model.set_premium(*who, NEVER),
            Step::Premium(who, days) => return model.set_premium(*who, model.now + days * DAY),
            Step::Basic(who) => return model.set_premium(*who, 0),
            Step::TimeOut(who, seconds) => model.time_out(*who, *seconds),
            Step::LiftTimeout(who) => model.person_mut(*who).timed_out_until = 0,
            Step::LogOut(who) => model.log_out(*who),
            Step::Delete(who) => model.vanish(*who),
            Step::BlockStranger(who, blocked) => return model.block_stranger(*who, *blocked),
            Step::Pause(paused) => model.pause(*paused),
            Step::PauseLength(seconds) => model.pause_seconds = *seconds,
            Step::Pass(millis) => model.now += millis,
            Step::Restart(presence) => model.restart(*presence),
            Step::Renew => model.restart(true),
            // Silence touches no match.
            Step::HardMute(_) => {}
            Step::SignUp | Step::Come => self.welcome(step, reply),
            Step::Tick => {
                let found = matches(news);
                self.seen
                    .extend(found.first().map(|_| "matched later".to_owned()));
                model.tick(&found);
                let soonest = model.ends().into_iter().min().unwrap_or(NEVER);
                let (wanted, now) = (self.wanted_at, model.now);
                assert!(
                    wanted <= soonest,
                    "housekeeping is back in {} ms, and something ends in {} ms",
                    wanted - now,
                    soonest - now
                );
            }
        }
        Ok(Value::Null)
    }

    fn call(&self, actor: &Actor, name: &str, params: Value) -> Answer {
        let answer = self.stage.call(actor, name, params);
        answer.map_err(|error| error.kind().code())
    }

    /// As whom a person calls: by a connection, if they have one, or as the host's person.
    fn actor(&self, who: Id) -> Actor {
        let connections = &self.model.person(who).connections;
        let by_connection = connections
            .keys()
            .next()
            .filter(|_| self.steps.is_multiple_of(2));
        by_connection.map_or_else(|| user(who), |by| line(*by))
    }

    fn connect(&mut self, who: Id) -> Answer {
        let session = if let Some(session) = self.sessions.get(&who) {
            *session
        } else {
            let params = json!({ "user_id": who });
            session_of(&self.call(&Actor::operator(), "session.create", params)?)
        };
        self.sessions.insert(who, session);
        let connection = self.stage.portal.connect(&Actor::session(session)).unwrap();
        Ok(json!({ "connection": connection }))
    }

    /// Closes the connections of somebody whose session has ended, as a face does when it is told.
    fn hang_up(&mut self, who: Id) {
        self.sessions.remove(&who);
        for by in self.model.person(who).connections.keys() {
            self.stage.portal.forget(connection(*by));
        }
    }

    fn restart(&mut self, presence: bool) {
        self.stage.portal.close();
        let options = Options {
            presence,
            clock: self.stage.clock.clone(),
            durability: Durability::Normal,
            ..Options::default()
        };
        self.stage.portal = Portal::open(self.stage.portal.path(), options).unwrap();
    }

    fn strangers_with_a_session(&self) -> Vec<Id> {
        let people = self.model.people.iter();
        let strangers = people.filter(|(_, person)| person.is_stranger && person.has_session);
        strangers.map(|(id, _)| *id).collect()
    }

    /// Somebody new.
    fn welcome(&mut self, step: &Step, reply: &Value) {
        let id = reply["user_id"].as_i64().unwrap();
        let is_stranger = matches!(step, Step::Come);
        let name = if is_stranger {
            reply["username"].as_str().unwrap().to_owned()
        } else {
            format!("newcomer-{}", self.steps)
        };
        if is_stranger {
            self.sessions.insert(id, session_of(reply));
        }
        let person = Person {
            name,
            is_stranger,
            has_session: is_stranger,
            ..Person::default()
        };
        self.model.people.insert(id, person);
    }

    /// What was told since this was last asked.
    fn news(&mut self) -> News {
        let mut news = Vec::new();
        loop {
            let events = self.stage.events(self.read);
            let Some(last) = events.last() else {
                return news;
            };
            self.read = last["seq"].as_u64().unwrap();
            for event in events {
                let name = event["name"].as_str().unwrap();
                if COMPARED.iter().any(|start| name.starts_with(start)) {
                    news.push((name.to_owned(), event["data"].clone()));
                }
            }
        }
    }
}

fn connection(id: Id) -> ConnectionId {
    ConnectionId::try_from(id).unwrap()
}

fn line(id: Id) -> Actor {
    Actor::connection(connection(id))
}

fn session_of(reply: &Value) -> SessionId {
    SessionId::try_from(reply["session_id"].as_i64().unwrap()).unwrap()
}

/// Who was matched with whom, and into which chat, in the order of the chats.
fn matches(news: &[(String, Value)]) -> Vec<(Id, [Id; 2])> {
    let found = news.iter().filter(|(name, _)| name == "match:found");
    let sides = found.map(|(_, data)| {
        let number = |key: &str| data[key].as_i64().unwrap();
        (number("chat_id"), [number("user_id"), number("peer_id")])
    });
    // Each of the two has an event; that both are told, and told right, is compared afterwards.
    let firsts: BTreeMap<_, _> = sides.collect();
    firsts.into_iter().collect()
}
