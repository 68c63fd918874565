//! Eight people are matched and leave again, at once, in a process that keeps presence: a match is there for
//! both or for neither, what was acknowledged is there, and everybody's slot is free again once it is over
//! (SPEC 9.4).

use std::collections::BTreeSet;
use std::path::Path;

use portal_core::model::UserId;
use portal_core::ops::matching::{Dequeue, Enqueue, Leave};
use portal_core::{Actor, ErrorKind, Options, Portal};
use rusqlite::Connection;
use serde_json::json;

use super::{Scenario, acknowledge, numbers};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "matches",
    prepare,
    work: match_for_ever,
    check,
};

const PEOPLE: i64 = 8;

fn prepare(path: &Path) {
    let portal = Portal::open(path, Options::default()).unwrap();
    let operator = Actor::operator();
    let call = |name: &str, params: serde_json::Value| {
        portal
            .call_json(&operator, name, &params.to_string())
            .unwrap()
    };
    call(
        "config.set",
        json!({ "key": "rematch_pause_seconds", "value": 0 }),
    );
    for id in 1..=PEOPLE {
        call("user.create", json!({ "username": format!("person-{id}") }));
    }
}

/// The child: everybody asks, and leaves whatever match they have. Every match that one of the two was told
/// of is a line, and so is every match that was left.
fn match_for_ever(path: &Path) {
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(path, options).unwrap();
    std::thread::scope(|scope| {
        for id in 1..=PEOPLE {
            let portal = &portal;
            scope.spawn(move || {
                let person = Actor::user(UserId::try_from(id).unwrap());
                portal.connect(&person).unwrap();
                loop {
                    take_turn(portal, &person);
                }
            });
        }
        let portal = &portal;
        scope.spawn(move || {
            loop {
                portal.tick().unwrap();
            }
        });
    });
}

fn take_turn(portal: &Portal, person: &Actor) {
    let interests = vec!["music".to_owned()];
    match portal.call(person, Enqueue { interests }) {
        Ok(reply) => {
            if let Some(chat) = reply.chat {
                acknowledge(&format!("found {}", chat.chat_id));
            }
        }
        Err(error) => match error.kind() {
            ErrorKind::MatchAlreadySearching => drop(portal.call(person, Dequeue {}).unwrap()),
            ErrorKind::MatchSlotLimit => {}
            _ => panic!("{error}"),
        },
    }
    match portal.call(person, Leave::default()) {
        Ok(left) => acknowledge(&format!("left {}", left.chat_id)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::MatchNoActiveDirect, "{error}"),
    }
}

fn check(path: &Path, acknowledged: &[String], run: &str) {
    let db = Connection::open(path).unwrap();
    let there: BTreeSet<_> = numbers(&db, "SELECT id FROM chat").into_iter().collect();
    // Both are told of each that is there, and both of the end of each that is not.
    let told = numbers(
        &db,
        "SELECT data ->> 'chat_id' FROM event WHERE name = 'match:found' GROUP BY 1 HAVING count(*) = 2 ORDER BY 1",
    );
    assert_eq!(told, there.iter().copied().collect::<Vec<_>>(), "{run}");
    let half =
        "SELECT count(*) FROM (SELECT 1 FROM event WHERE name IN ('match:found', 'match:ended')
                GROUP BY name, data ->> 'chat_id' HAVING count(DISTINCT user_id) <> 2)";
    assert_eq!(numbers(&db, half), [0], "{run}: a match for one alone");
    let over = "SELECT DISTINCT data ->> 'chat_id' FROM event WHERE name = 'match:ended'";
    let over: BTreeSet<_> = numbers(&db, over).into_iter().collect();
    assert!(over.is_disjoint(&there), "{run}: over, and still there");
    for line in acknowledged {
        let (word, chat) = line.split_once(' ').unwrap();
        let chat: i64 = chat.parse().unwrap();
        let kept = over.contains(&chat) || word == "found" && there.contains(&chat);
        assert!(kept, "{run}: acknowledged and not so: {line}");
    }
    // Nobody has more than their one slot, and whoever waits has it free.
    let both = "SELECT count(*) FROM (SELECT pair_low AS person FROM chat UNION ALL SELECT pair_high FROM chat
                UNION ALL SELECT user_id FROM match_entry) GROUP BY person HAVING count(*) > 1";
    assert_eq!(numbers(&db, both), [0_i64; 0], "{run}: a slot taken twice");
}
