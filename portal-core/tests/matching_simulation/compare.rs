//! What can be seen of the library at a moment, beside what the model says.

use portal_core::Actor;
use serde_json::{Value, json};

use super::model::{HOUR, Id, MINUTE};
use super::steps::Step;
use super::world::World;
use crate::common::STRANGER;

impl World {
    /// Compares everything, once housekeeping is done.
    pub(crate) fn compare_all(&mut self) {
        self.take(&Step::Tick);
        for who in self.model.people.keys() {
            self.compare_status(*who);
        }
        self.compare_strangers();
        self.compare_statistics();
        let checked = self.asked("db.check", json!({}));
        assert_eq!(checked["ok"], true, "{checked}");
    }

    fn asked(&self, name: &str, params: Value) -> Value {
        self.stage.ok(&Actor::operator(), name, params)
    }

    /// Where somebody stands; whoever is gone stands nowhere.
    pub(crate) fn compare_status(&self, who: Id) {
        let params = json!({ "user_id": who });
        if !self.model.people.contains_key(&who) {
            let code = self.stage.code(&Actor::operator(), "match.status", params);
            assert_eq!(code, "ERR_USER_NOT_FOUND", "of {who}");
            return;
        }
        let mut status = self.asked("match.status", params);
        status.as_object_mut().unwrap().remove("as_of");
        assert_eq!(status, self.model.status(who), "the status of {who}");
    }

    fn compare_strangers(&self) {
        let mut listed = Vec::new();
        loop {
            let after = listed.last().map(|last: &Value| last["user_id"].clone());
            let page = self.asked("stranger.list", json!({ "limit": 200, "after": after }));
            let page = page["strangers"].as_array().unwrap().clone();
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        // One of the cast, who is not in this.
        listed.retain(|stranger| stranger["user_id"] != STRANGER);
        for stranger in &mut listed {
            stranger.as_object_mut().unwrap().remove("created_at");
        }
        let people = self.model.people.iter();
        let strangers = people.filter(|(_, person)| person.is_stranger);
        let expected: Vec<_> = strangers
            .map(|(id, person)| {
                json!({
                    "user_id": id,
                    "username": person.name,
                    "blocked": person.is_blocked,
                    "searching": person.waits(self.model.now).is_some(),
                    "active_chats": self.model.chats_of(*id).len(),
                })
            })
            .collect();
        assert_eq!(listed, expected, "the strangers");
    }

    fn compare_statistics(&self) {
        let model = &self.model;
        let said = self.asked("match.stats", json!({ "limit": 200 }));
        let people = model.people.values();
        let entries: Vec<_> = people
            .filter_map(|person| person.waits(model.now))
            .collect();
        assert_eq!(said["paused"], model.is_paused);
        assert_eq!(said["waiting"], entries.len());
        let longest = entries.iter().map(|entry| entry.since).min();
        assert_eq!(said["waiting_since"], json!(longest));
        assert_eq!(said["active_chats"], model.chats.len());

        // Whoever has no free slot is counted only until that was noticed.
        let available = model.available();
        for counted in said["interests"].as_array().unwrap() {
            let tag = counted["interest"].as_str().unwrap();
            let least = available
                .iter()
                .filter(|(_, entry)| entry.interests.contains(tag));
            let most = entries.iter().filter(|entry| entry.interests.contains(tag));
            let waiting = usize::try_from(counted["waiting"].as_u64().unwrap()).unwrap();
            assert!(
                (least.count()..=most.count()).contains(&waiting),
                "{counted}"
            );
        }

        // An hour is counted in whole minutes.
        let minute = |at: i64| at.div_euclid(MINUTE);
        let pairings = model.pairings.iter().rev();
        let lately: Vec<_> = pairings
            .take_while(|pairing| minute(pairing.at) > minute(model.now - HOUR))
            .collect();
        assert_eq!(said["pairs_per_hour"], lately.len());
        let mut waits: Vec<_> = lately.iter().flat_map(|pairing| pairing.waited).collect();
        waits.sort_unstable();
        for (key, percent) in [("wait_p50_ms", 50), ("wait_p99_ms", 99)] {
            let place = (waits.len() * percent).div_ceil(100);
            let exact = place.checked_sub(1).map(|place| waits[place]);
            // A waiting time is at most an eighth too long.
            let is_near = match (said[key].as_i64(), exact) {
                (Some(said), Some(exact)) => (exact..=exact + exact / 8).contains(&said),
                (said, exact) => said == exact,
            };
            assert!(is_near, "{key} is {}, and not {exact:?}", said[key]);
        }
    }
}
