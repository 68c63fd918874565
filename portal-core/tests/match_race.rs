//! Nobody is matched twice from one wish, beyond their slots or with themself, however many ask at once
//! (SPEC 9.4): many threads, and two portals on one file.

mod common;

use std::collections::BTreeMap;
use std::sync::Barrier;

use common::Stage;
use portal_core::model::{Role, Tier, UserId};
use portal_core::ops::matching::{Dequeue, Enqueue, Leave, Status};
use portal_core::ops::tiers::SetTier;
use portal_core::ops::users::Create;
use portal_core::{Actor, ErrorKind, Portal};
use serde_json::json;

const PEOPLE: usize = 32;

/// People without a match, every fourth of them with premium.
fn people(stage: &Stage) -> Vec<(UserId, usize)> {
    let operator = Actor::operator();
    let make = |number: usize| {
        let username = format!("person-{number}").parse().unwrap();
        let role = Role::User;
        let made = stage.portal.call(
            &operator,
            Create {
                username,
                role,
                tier: None,
                days: None,
            },
        );
        let user_id = made.unwrap().user_id;
        if !number.is_multiple_of(4) {
            return (user_id, 1);
        }
        let tier = Tier::Lifetime;
        let days = None;
        let lifetime = SetTier {
            user_id,
            tier,
            days,
        };
        stage.portal.call(&operator, lifetime).unwrap();
        (user_id, 3)
    };
    (0..PEOPLE).map(make).collect()
}

/// Everybody does it at the same moment, by turns on each portal.
fn rush<T: Send>(
    portals: &[&Portal],
    people: &[(UserId, usize)],
    act: impl Fn(&Portal, &Actor, usize) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(people.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = people
            .iter()
            .enumerate()
            .zip(portals.iter().cycle())
            .map(|((number, (user, _)), portal)| {
                let (start, act) = (&start, &act);
                let actor = Actor::user(*user);
                scope.spawn(move || {
                    start.wait();
                    act(portal, &actor, number)
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    })
}

/// Who is matched with whom: of everybody, as they see it.
fn peers(stage: &Stage, people: &[(UserId, usize)]) -> BTreeMap<UserId, Vec<UserId>> {
    let operator = Actor::operator();
    let of = |user: UserId| {
        let status = Status {
            user_id: Some(user),
        };
        let status = stage.portal.query(&operator, status).unwrap();
        status.chats.iter().map(|chat| chat.peer.id).collect()
    };
    people.iter().map(|(user, _)| (*user, of(*user))).collect()
}

/// What holds at any moment.
fn check(stage: &Stage, people: &[(UserId, usize)]) -> usize {
    let peers = peers(stage, people);
    let mut matched = 0;
    for (user, slots) in people {
        let mine = &peers[user];
        assert!(mine.len() <= *slots, "{user}: {mine:?}");
        for peer in mine {
            assert_ne!(peer, user);
            assert_eq!(
                mine.iter().filter(|other| *other == peer).count(),
                1,
                "twice with {peer}"
            );
            assert!(
                peers[peer].contains(user),
                "{user} with {peer}, but not {peer} with {user}"
            );
        }
        matched += mine.len();
    }
    let checked = stage.ok(&Actor::operator(), "db.check", json!({}));
    assert_eq!(checked["ok"], true, "{checked}");
    matched
}

fn ask(portal: &Portal, actor: &Actor) -> Result<bool, ErrorKind> {
    let interests = vec!["music".to_owned()];
    let reply = portal.call(actor, Enqueue { interests });
    reply
        .map(|reply| reply.chat.is_some())
        .map_err(|error| error.kind())
}

fn everybody_at_once(portals: &[&Portal], stage: &Stage) {
    let people = people(stage);
    let answers = rush(portals, &people, |portal, actor, _| ask(portal, actor));
    // One of each two finds the other: who asks while one waits is matched with them.
    let found = answers.iter().filter(|answer| **answer == Ok(true)).count();
    assert_eq!(found, PEOPLE / 2, "{answers:?}");
    assert_eq!(check(stage, &people), PEOPLE);
    let turns = rush(portals, &people, |portal, actor, number| {
        let mut done = 0;
        for turn in 0..20 {
            let outcome = match (number + turn) % 3 {
                0 => ask(portal, actor).map(drop),
                1 => portal
                    .call(actor, Dequeue {})
                    .map(drop)
                    .map_err(|error| error.kind()),
                _ => portal
                    .call(actor, Leave::default())
                    .map(drop)
                    .map_err(|error| error.kind()),
            };
            done += usize::from(outcome.is_ok());
        }
        done
    });
    assert!(turns.iter().sum::<usize>() > PEOPLE, "{turns:?}");
    check(stage, &people);
}

#[test]
fn thirty_two_threads_ask_at_once_spec_9_4() {
    let stage = Stage::with_presence(false);
    everybody_at_once(&[&stage.portal], &stage);
}

#[test]
fn thirty_two_threads_ask_at_once_on_two_portals_of_one_file_spec_9_4() {
    let stage = Stage::with_presence(false);
    let beside = stage.beside();
    everybody_at_once(&[&stage.portal, &beside], &stage);
}
