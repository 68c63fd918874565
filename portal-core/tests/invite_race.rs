//! `max_uses` holds under any concurrency (SPEC 5.3): many threads, and two portals on one file.

mod common;

use std::sync::Barrier;

use common::{PREMIUM, Stage};
use portal_core::model::{ChatType, UserId};
use portal_core::ops::invites::Resolve;
use portal_core::{Actor, ErrorKind, Options, Portal};
use serde_json::json;

/// An invite that lets ten in.
fn invite_for_ten(stage: &Stage) -> String {
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let params = json!({ "chat_id": chat, "max_uses": 10 });
    let made = stage.ok(&Actor::operator(), "invite.create", params);
    made["code"].as_str().unwrap().to_owned()
}

fn uses(stage: &Stage, code: &str) -> i64 {
    let sql = "SELECT uses FROM invite WHERE code = ?";
    stage
        .raw()
        .query_row(sql, [code], |row| row.get(0))
        .unwrap()
}

/// Everyone tries at the same moment, by turns on each portal; answers how many got in.
fn rush(portals: &[&Portal], people: &[i64], code: &str) -> usize {
    let start = Barrier::new(people.len());
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = people
            .iter()
            .zip(portals.iter().cycle())
            .map(|(id, portal)| {
                let start = &start;
                scope.spawn(move || {
                    let actor = Actor::user(UserId::try_from(*id).unwrap());
                    start.wait();
                    portal.call(
                        &actor,
                        Resolve {
                            code: code.to_owned(),
                        },
                    )
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for outcome in &outcomes {
        match outcome {
            Ok(resolved) => assert!(resolved.joined && !resolved.already_member),
            Err(error) => assert_eq!(error.kind(), ErrorKind::InviteInvalid, "{error}"),
        }
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

fn crowd(stage: &Stage) -> Vec<i64> {
    let db = stage.raw();
    let people: Vec<i64> = (20_000..20_064).collect();
    for id in &people {
        let sql = "INSERT INTO user (id, username, created_at) VALUES (?1, 'crowd-' || ?1, 0)";
        db.execute(sql, [id]).unwrap();
    }
    people
}

fn members(stage: &Stage) -> i64 {
    let sql = "SELECT count(*) FROM membership";
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn max_uses_holds_with_64_threads_on_one_portal_spec_5_3() {
    let stage = Stage::new();
    let code = invite_for_ten(&stage);
    let people = crowd(&stage);
    assert_eq!(rush(&[&stage.portal], &people, &code), 10);
    assert_eq!((members(&stage), uses(&stage, &code)), (10, 10));
}

#[test]
fn max_uses_holds_with_64_threads_on_two_portals_of_one_file_spec_5_3() {
    let stage = Stage::new();
    let options = Options {
        clock: stage.clock.clone(),
        ..Options::default()
    };
    let second = Portal::open(stage.portal.path(), options).unwrap();
    let code = invite_for_ten(&stage);
    let people = crowd(&stage);
    assert_eq!(rush(&[&stage.portal, &second], &people, &code), 10);
    assert_eq!((members(&stage), uses(&stage, &code)), (10, 10));
}
