//! Who is matched with whom, and when (SPEC 9.1 to 9.6).

mod common;

use common::{
    BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, delivered, user,
};
use portal_core::model::{CountryCode, DAY, MINUTE, SECOND};
use portal_core::{Actor, Options};
use serde_json::{Value, json};

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["name"].as_str().unwrap()).collect()
}

// Being matched -----------------------------------------------------------------------------------

#[test]
fn two_who_share_an_interest_are_matched_at_once_and_both_are_told_spec_9_4() {
    let stage = Stage::new();
    let mut follower = stage.portal.follow(None).unwrap();
    let (ben, waits) = stage.seek(BASIC, &["chess", "music"]);
    assert_eq!(waits["state"], "searching");
    assert_eq!(waits["expires_at"], json!(START.plus(10 * MINUTE)));
    let (_, tab) = stage.connect(BASIC);
    delivered(&stage, &mut follower);
    stage.clock.advance(SECOND);
    let (oskar, found) = stage.seek(OTHER, &["music", "tea"]);
    assert_eq!(
        (&found["state"], &found["expires_at"]),
        (&json!("matched"), &Value::Null)
    );
    let sent = delivered(&stage, &mut follower);
    let told: Vec<_> = sent
        .iter()
        .filter(|(_, name, _)| name != "session:started")
        .map(|(to, name, _)| (to.clone(), name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (vec![ben, tab], "match:found"),
            (vec![oskar], "match:found"),
            (vec![ben, tab, oskar], "message:new"),
        ],
        "every live connection of both is in the room"
    );
    let (_, _, said) = sent
        .iter()
        .find(|(_, name, _)| name == "match:found")
        .unwrap();
    let peer = json!({ "id": OTHER, "name": "oskar-other", "country_code": null });
    assert_eq!(said["peer"], peer);
    assert_eq!(said["interests"], json!(["music"]));
    assert_eq!(said["expires_at"], json!(START.plus(SECOND + DAY)));
    assert_eq!(said["chat_id"], found["chat"]["chat_id"]);
    let (_, _, opened) = sent.last().unwrap();
    assert_eq!(opened["message"]["code"], "match_opened");
    assert_eq!(opened["message"]["content"], "You were matched by: music");
}

#[test]
fn each_of_the_two_may_talk_without_joining_and_nobody_else_sees_the_chat_spec_9_7() {
    let stage = Stage::new();
    let (_, oskar, chat) = stage.matched(BASIC, OTHER);
    let at = json!({ "chat_id": chat });
    stage.ok(&Actor::connection(oskar), "room.typing", at.clone());
    let shown = stage.ok(&user(BASIC), "chat.get", at.clone());
    assert_eq!(
        (&shown["chat_type"], &shown["e2ee"]),
        (&json!("DIRECT"), &json!(3))
    );
    for nobody in [user(PREMIUM), user(OWNER), Actor::guest()] {
        stage.refused(&nobody, "chat.get", at.clone(), "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn the_suite_of_direct_chats_is_a_setting_spec_3_1() {
    let stage = Stage::new();
    let set = json!({ "key": "direct_e2ee", "value": 2 });
    stage.ok(&user(OWNER), "config.set", set);
    let (.., chat) = stage.matched(BASIC, OTHER);
    let shown = stage.ok(&user(BASIC), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["e2ee"], 2);
}

#[test]
fn each_learns_from_which_country_the_other_asked_if_it_is_known_spec_9_4() {
    let stage = Stage::new();
    let country = CountryCode::try_from("NZ".to_owned()).unwrap();
    for who in [BASIC, OTHER] {
        stage.connect(who);
    }
    let from_there = user(BASIC).from_country(country);
    let interests = json!({ "interests": ["music"] });
    stage.ok(&from_there, "match.enqueue", interests.clone());
    let found = stage.ok(&user(OTHER), "match.enqueue", interests);
    assert_eq!(found["chat"]["peer"]["country_code"], "NZ");
    let status = stage.match_status(BASIC);
    assert_eq!(status["chats"][0]["peer"]["country_code"], Value::Null);
}

#[test]
fn whoever_shares_no_interest_waits_spec_9_3() {
    let stage = Stage::new();
    stage.seek(BASIC, &["chess", "music"]);
    stage.seek(OTHER, &["tea", "chess2"]);
    assert_eq!(stage.match_state(BASIC), "searching");
    assert_eq!(stage.match_state(OTHER), "searching");
}

#[test]
fn whoever_waits_longest_is_matched_first_spec_9_3() {
    let stage = Stage::new();
    stage.seek(BASIC, &["tea"]);
    stage.clock.advance(1);
    stage.seek(PREMIUM, &["chess", "music"]);
    // Shares less, and waits longer.
    let (_, found) = stage.seek(OTHER, &["chess", "music", "tea"]);
    assert_eq!(found["chat"]["peer"]["id"], BASIC);
}

#[test]
fn among_those_who_wait_equally_long_the_most_shared_interests_decide_spec_9_3() {
    let stage = Stage::new();
    stage.seek(BASIC, &["tea", "cats"]);
    stage.seek(PREMIUM, &["chess", "music"]);
    stage.seek(LIFETIME, &["dogs"]);
    let (_, found) = stage.seek(OTHER, &["chess", "music", "tea"]);
    assert_eq!(found["chat"]["peer"]["id"], PREMIUM);
    assert_eq!(found["chat"]["interests"], json!(["chess", "music"]));
}

#[test]
fn nobody_is_matched_with_whom_they_blocked_or_who_blocked_them_spec_9_3() {
    for (blocker, blocked) in [(BASIC, OTHER), (OTHER, BASIC)] {
        let stage = Stage::new();
        stage.ok(&user(blocker), "user.block", json!({ "user_id": blocked }));
        stage.seek(BASIC, &["music"]);
        stage.seek(OTHER, &["music"]);
        stage.after(SECOND);
        assert_eq!(stage.match_state(BASIC), "searching");
        assert_eq!(stage.match_state(OTHER), "searching");
        stage.ok(
            &user(blocker),
            "user.unblock",
            json!({ "user_id": blocked }),
        );
        stage.after(SECOND);
        assert_eq!(stage.peers(BASIC), [OTHER], "housekeeping finds them");
    }
}

#[test]
fn two_are_not_matched_again_within_the_pause_and_are_after_it_spec_9_3() {
    let stage = Stage::new();
    let (.., chat) = stage.matched(BASIC, OTHER);
    stage.clock.advance(20 * SECOND);
    stage.ok(&user(BASIC), "match.leave", json!({ "chat_id": chat }));
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    assert_eq!(stage.partner(OTHER, &["music"]), Ok(None));
    // The pause counts from the match.
    stage.after(40 * SECOND - 1);
    assert_eq!(stage.match_state(BASIC), "searching");
    stage.after(1);
    assert_eq!(stage.peers(BASIC), [OTHER]);
}

#[test]
fn the_pause_is_a_setting_spec_9_3() {
    let stage = Stage::new();
    let set = json!({ "key": "rematch_pause_seconds", "value": 0 });
    stage.ok(&user(OWNER), "config.set", set);
    let (.., chat) = stage.matched(BASIC, OTHER);
    stage.ok(&user(BASIC), "match.leave", json!({ "chat_id": chat }));
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    assert_eq!(stage.partner(OTHER, &["music"]), Ok(Some(BASIC)));
}

#[test]
fn housekeeping_says_when_the_next_match_may_become_possible_spec_14_2() {
    let stage = Stage::new();
    let (.., chat) = stage.matched(BASIC, OTHER);
    stage.ok(&user(BASIC), "match.leave", json!({ "chat_id": chat }));
    for who in [BASIC, OTHER] {
        assert_eq!(stage.partner(who, &["music"]), Ok(None));
    }
    let next = stage.portal.tick().unwrap();
    assert!(next <= START.plus(MINUTE), "{next:?}");
}

// Slots -------------------------------------------------------------------------------------------

#[test]
fn one_match_is_free_and_premium_has_three_spec_9_2() {
    let stage = Stage::new();
    for who in [BASIC, OTHER, PREMIUM, LIFETIME, MODERATOR] {
        stage.connect(who);
    }
    for (other, tag) in [(BASIC, "aaa"), (OTHER, "bbb"), (MODERATOR, "ccc")] {
        assert_eq!(stage.partner(PREMIUM, &[tag]), Ok(None));
        assert_eq!(stage.partner(other, &[tag]), Ok(Some(PREMIUM)));
        assert_eq!(stage.partner(other, &[tag]), Err("ERR_MATCH_SLOT_LIMIT"));
    }
    assert_eq!(
        stage.partner(PREMIUM, &["ddd"]),
        Err("ERR_MATCH_SLOT_LIMIT")
    );
    assert_eq!(stage.match_status(PREMIUM)["slots"], 3);
    assert_eq!(stage.match_status(BASIC)["slots"], 1);
}

#[test]
fn one_searches_with_a_free_slot_while_matched_spec_9_1() {
    let stage = Stage::new();
    stage.matched(PREMIUM, BASIC);
    assert_eq!(stage.partner(PREMIUM, &["tea"]), Ok(None));
    let status = stage.match_status(PREMIUM);
    assert_eq!(
        (&status["state"], &status["searching"]),
        (&json!("matched"), &json!(true))
    );
    assert_eq!(status["interests"], json!(["tea"]));
}

#[test]
fn whoever_lost_their_slot_while_waiting_is_matched_once_one_is_free_spec_9_5() {
    for gets_premium_back in [true, false] {
        let stage = Stage::new();
        let days = json!({ "user_id": BASIC, "tier": "premium", "days": 1 });
        stage.ok(&Actor::operator(), "user.set_tier", days.clone());
        let (.., chat) = stage.matched(BASIC, OTHER);
        stage.clock.advance(DAY - MINUTE);
        assert_eq!(stage.partner(BASIC, &["tea"]), Ok(None));
        // Premium is over, and with it the second slot.
        stage.after(MINUTE - 1);
        stage.clock.advance(1);
        stage.connect(PREMIUM);
        let (_, waits) = stage.seek(LIFETIME, &["tea"]);
        assert_eq!(waits["state"], "searching");
        stage.after(0);
        if gets_premium_back {
            stage.ok(&Actor::operator(), "user.set_tier", days);
        } else {
            // The first match has lasted a day by now, or is left.
            stage
                .call(&user(OTHER), "match.leave", json!({ "chat_id": chat }))
                .ok();
        }
        stage.after(SECOND);
        assert!(
            stage.peers(BASIC).contains(&LIFETIME),
            "{gets_premium_back}"
        );
    }
}

// Asking ------------------------------------------------------------------------------------------

#[test]
fn interests_are_one_to_three_different_words_spec_9_2() {
    let stage = Stage::new();
    stage.connect(BASIC);
    for (bad, field) in [
        (json!([]), "interests"),
        (json!(["one", "two", "three", "four"]), "interests"),
        (json!(["ok1", "ab"]), "interests[1]"),
        (json!(["abcdefghijklm"]), "interests[0]"),
        (json!(["Music"]), "interests[0]"),
        (json!(["mu sic"]), "interests[0]"),
        (json!(["musiké"]), "interests[0]"),
        (json!(["tea", "cats", "tea"]), "interests[2]"),
    ] {
        let params = json!({ "interests": bad });
        let error = stage.refused(
            &user(BASIC),
            "match.enqueue",
            params,
            "ERR_MATCH_BAD_INTEREST",
        );
        assert_eq!(error.extras().field.as_deref(), Some(field), "{bad}");
    }
    assert_eq!(stage.match_state(BASIC), "idle");
}

#[test]
fn refusals_come_in_the_order_of_spec_9_2() {
    let stage = Stage::new();
    let stranger = user(STRANGER);
    let refused = |code: &str| {
        let params = json!({ "interests": ["music"] });
        stage.refused(&stranger, "match.enqueue", params, code);
    };
    refused("ERR_NOT_CONNECTED");
    stage.connect(BASIC);
    let (_, _) = stage.seek(STRANGER, &["music"]);
    refused("ERR_MATCH_ALREADY_SEARCHING");
    stage.ok(
        &user(BASIC),
        "match.enqueue",
        json!({ "interests": ["music"] }),
    );
    refused("ERR_MATCH_SLOT_LIMIT");
    let blocked = json!({ "user_id": STRANGER });
    stage.ok(&user(MODERATOR), "stranger.block", blocked);
    refused("ERR_STRANGER_BLOCKED");
}

#[test]
fn only_people_are_matched_spec_9_2() {
    let stage = Stage::new();
    let params = json!({ "interests": ["music"] });
    stage.refused(
        &Actor::guest(),
        "match.enqueue",
        params.clone(),
        "ERR_UNAUTHENTICATED",
    );
    stage.refused(&Actor::operator(), "match.enqueue", params, "ERR_FORBIDDEN");
}

#[test]
fn whoever_is_timed_out_or_banned_waits_no_longer_spec_4_3() {
    for (name, params, reason) in [
        (
            "mod.timeout",
            json!({ "user_id": BASIC, "duration_seconds": 60 }),
            "timed_out",
        ),
        ("mod.platform_ban", json!({ "user_id": BASIC }), "banned"),
    ] {
        let stage = Stage::new();
        stage.seek(BASIC, &["music"]);
        let before = stage.as_of();
        stage.ok(&user(OWNER), name, params);
        let events = stage.events(before);
        let left = events
            .iter()
            .find(|e| e["name"] == "match:dequeued")
            .unwrap();
        assert_eq!(left["data"], json!({ "user_id": BASIC, "reason": reason }));
        let (_, waits) = stage.seek(OTHER, &["music"]);
        assert_eq!(waits["state"], "searching");
    }
}

#[test]
fn dequeuing_is_repeatable_and_leaves_matches_alone_spec_9_6() {
    let stage = Stage::new();
    stage.matched(PREMIUM, BASIC);
    assert_eq!(stage.partner(PREMIUM, &["tea"]), Ok(None));
    let before = stage.as_of();
    for was_searching in [true, false] {
        let reply = stage.ok(&user(PREMIUM), "match.dequeue", json!({}));
        assert_eq!(reply, json!({ "was_searching": was_searching }));
    }
    let events = stage.events(before);
    assert_eq!(names(&events), ["match:dequeued"]);
    assert_eq!(events[0]["data"]["reason"], "asked");
    assert_eq!(stage.peers(PREMIUM), [BASIC]);
    let (_, waits) = stage.seek(OTHER, &["tea"]);
    assert_eq!(waits["state"], "searching");
}

#[test]
fn asking_where_one_stands_changes_nothing_spec_9_6() {
    let stage = Stage::with_presence(false);
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    let before = stage.as_of();
    for _ in 0..5 {
        stage.clock.advance(MINUTE);
        let status = stage.ok(&user(BASIC), "match.status", json!({}));
        assert_eq!(status["expires_at"], json!(START.plus(10 * MINUTE)));
        assert_eq!(
            (&status["state"], &status["since"]),
            (&json!("searching"), &json!(START))
        );
    }
    assert_eq!(stage.as_of(), before);
    let another = json!({ "user_id": BASIC });
    stage.refused(
        &user(OTHER),
        "match.status",
        another.clone(),
        "ERR_FORBIDDEN",
    );
    stage.refused(
        &Actor::guest(),
        "match.status",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    let missing = json!({ "user_id": 77 });
    stage.refused(
        &Actor::operator(),
        "match.status",
        missing,
        "ERR_USER_NOT_FOUND",
    );
}

// How long one waits ------------------------------------------------------------------------------

#[test]
fn whoever_is_connected_waits_as_long_as_it_takes_spec_9_5() {
    let stage = Stage::new();
    stage.seek(BASIC, &["music"]);
    for _ in 0..3 {
        stage.after(9 * MINUTE + 30 * SECOND);
        let status = stage.match_status(BASIC);
        assert_eq!(
            status["expires_at"],
            json!(stage.portal.now().plus(10 * MINUTE))
        );
    }
    // A late tick takes nobody out who is there.
    stage.after(DAY);
    let (_, found) = stage.seek(OTHER, &["music"]);
    assert_eq!(found["chat"]["peer"]["id"], BASIC);
}

#[test]
fn fifteen_seconds_after_the_last_connection_the_entry_goes_spec_9_5() {
    let stage = Stage::new();
    let (tab, _) = stage.seek(BASIC, &["music"]);
    let (_, other_tab) = stage.connect(BASIC);
    stage.portal.disconnect(tab).unwrap();
    stage.after(MINUTE);
    assert_eq!(stage.match_state(BASIC), "searching", "one tab is left");
    stage.portal.disconnect(other_tab).unwrap();
    let gone = stage.portal.now();
    assert_eq!(
        stage.match_status(BASIC)["expires_at"],
        json!(gone.plus(15 * SECOND))
    );
    stage.after(15 * SECOND - 1);
    assert_eq!(stage.match_state(BASIC), "searching");
    let before = stage.as_of();
    stage.after(1);
    assert_eq!(stage.match_state(BASIC), "idle");
    let events = stage.events(before);
    assert_eq!(names(&events), ["match:dequeued"]);
    assert_eq!(events[0]["data"]["reason"], "expired");
}

#[test]
fn an_entry_whose_end_passed_counts_for_nothing_before_any_tick_spec_9_5() {
    let stage = Stage::new();
    let (tab, _) = stage.seek(BASIC, &["music"]);
    stage.portal.disconnect(tab).unwrap();
    stage.clock.advance(15 * SECOND);
    assert_eq!(stage.match_state(BASIC), "idle");
    let (_, waits) = stage.seek(OTHER, &["music"]);
    assert_eq!(waits["state"], "searching");
    // Asking anew is no second entry.
    stage.seek(BASIC, &["tea"]);
    assert_eq!(stage.match_status(BASIC)["interests"], json!(["tea"]));
}

#[test]
fn whoever_comes_back_in_time_goes_on_waiting_where_they_stood_spec_9_5() {
    let stage = Stage::new();
    let (tab, _) = stage.seek(BASIC, &["music"]);
    stage.clock.advance(SECOND);
    stage.seek(PREMIUM, &["music", "tea"]);
    // They would have been matched: so each waits for something else.
    assert_eq!(stage.peers(BASIC), [PREMIUM]);
    let (tab2, _) = stage.seek(LIFETIME, &["chess"]);
    stage.clock.advance(SECOND);
    stage.seek(MODERATOR, &["books"]);
    stage.portal.disconnect(tab2).unwrap();
    stage.portal.disconnect(tab).unwrap();
    stage.after(14 * SECOND);
    stage.connect(LIFETIME);
    stage.after(MINUTE);
    let (_, found) = stage.seek(OTHER, &["books", "chess"]);
    assert_eq!(
        found["chat"]["peer"]["id"], LIFETIME,
        "the longest waiting still"
    );
}

#[test]
fn whoever_comes_back_too_late_waits_no_longer_spec_9_5() {
    let stage = Stage::new();
    let (tab, _) = stage.seek(BASIC, &["music"]);
    stage.portal.disconnect(tab).unwrap();
    stage.clock.advance(15 * SECOND);
    stage.connect(BASIC);
    assert_eq!(stage.match_state(BASIC), "idle");
    stage.after(0);
    assert_eq!(stage.match_state(BASIC), "idle");
    let (_, waits) = stage.seek(OTHER, &["music"]);
    assert_eq!(waits["state"], "searching");
}

#[test]
fn where_no_presence_is_kept_entries_just_expire_spec_10_1() {
    let stage = Stage::with_presence(false);
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    stage.after(10 * MINUTE - 1);
    assert_eq!(stage.match_state(BASIC), "searching");
    stage.after(1);
    assert_eq!(stage.match_state(BASIC), "idle");
    assert_eq!(stage.partner(OTHER, &["music"]), Ok(None));
}

#[test]
fn a_process_beside_the_server_ends_nobody_s_waiting_spec_10_1() {
    let stage = Stage::new();
    stage.seek(BASIC, &["music"]);
    let options = Options {
        clock: stage.clock.clone(),
        ..Options::default()
    };
    let beside = portal_core::Portal::open(stage.portal.path(), options).unwrap();
    for _ in 0..30 {
        stage.after(MINUTE);
        beside.tick().unwrap();
    }
    assert_eq!(stage.match_state(BASIC), "searching");
}

#[test]
fn taking_up_presence_gives_waiting_entries_fifteen_seconds_spec_10_1() {
    let stage = Stage::with_presence(false);
    assert_eq!(stage.partner(BASIC, &["music"]), Ok(None));
    stage.clock.advance(5 * MINUTE);
    assert_eq!(stage.partner(OTHER, &["tea"]), Ok(None));
    let stage = stage.reopened(true);
    stage.connect(OTHER);
    stage.after(15 * SECOND - 1);
    assert_eq!(stage.match_state(BASIC), "searching");
    stage.after(1);
    assert_eq!(stage.match_state(BASIC), "idle");
    assert_eq!(
        stage.match_state(OTHER),
        "searching",
        "who came back waits on"
    );
}
