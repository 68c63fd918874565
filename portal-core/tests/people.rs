//! People: names, roles, tiers, who sees what of whom (SPEC 1.1-1.6, 4.6).

mod common;

use common::{
    ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user,
};
use portal_core::Actor;
use portal_core::model::{ChatType, DAY};
use serde_json::{Value, json};

const ROLES: [&str; 4] = ["user", "moderator", "admin", "owner"];

fn me(stage: &Stage, id: i64) -> Value {
    stage.ok(&user(id), "user.me", json!({}))
}

#[test]
fn a_username_is_unique_without_regard_to_case_spec_1_1() {
    let stage = Stage::new();
    let taken = json!({ "username": "BEN-Basic" });
    stage.refused(
        &Actor::operator(),
        "user.create",
        taken.clone(),
        "ERR_USERNAME_TAKEN",
    );
    stage.refused(&user(OTHER), "user.update", taken, "ERR_USERNAME_TAKEN");
    // Another case of one's own name is no other name.
    stage.ok(
        &user(BASIC),
        "user.update",
        json!({ "username": "BEN-Basic" }),
    );
    assert_eq!(me(&stage, BASIC)["username"], "BEN-Basic");
}

#[test]
fn a_username_given_up_is_held_for_30_days_spec_1_7() {
    let stage = Stage::new();
    stage.ok(
        &user(BASIC),
        "user.update",
        json!({ "username": "ben-better" }),
    );
    let former = json!({ "username": "Ben-Basic" });
    stage.clock.advance(30 * DAY - 1);
    stage.portal.tick().unwrap();
    stage.refused(
        &user(OTHER),
        "user.update",
        former.clone(),
        "ERR_USERNAME_TAKEN",
    );
    stage.clock.advance(1);
    stage.ok(&user(OTHER), "user.update", former);
}

#[test]
fn names_are_not_hoarded_by_changing_ones_own() {
    let stage = Stage::new();
    for round in 0..5 {
        let name = json!({ "username": format!("ben-{round}") });
        stage.ok(&user(BASIC), "user.update", name);
    }
    let name = json!({ "username": "ben-again" });
    let error = stage.refused(&user(BASIC), "user.update", name, "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(3_600_000));
}

#[test]
fn a_role_is_granted_below_ones_own_to_whom_one_may_act_on_spec_1_6() {
    let rank = |role| ROLES.iter().position(|name| *name == role).unwrap();
    let cast = [
        (OWNER, "owner"),
        (ADMIN, "admin"),
        (MODERATOR, "moderator"),
        (BASIC, "user"),
    ];
    let mut stage = Stage::new();
    for (actor, actor_role) in cast {
        for (target, target_role) in cast {
            for role in ROLES {
                let params = json!({ "user_id": target, "role": role });
                let outcome = stage.call(&user(actor), "user.set_role", params);
                let lawful = actor != target
                    && rank(actor_role) > rank(target_role)
                    && (actor_role == "owner" || rank(role) < rank(actor_role));
                let what = format!("{actor_role} makes {target_role} {role}");
                match outcome {
                    Ok(_) => {
                        assert!(lawful, "{what}");
                        assert_eq!(me(&stage, target)["role"], role, "{what}");
                        stage = Stage::new();
                    }
                    Err(error) => {
                        assert!(!lawful, "{what}: {error}");
                        assert_eq!(error.kind().code(), "ERR_FORBIDDEN", "{what}");
                        assert_eq!(me(&stage, target)["role"], target_role, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn platform_owners_may_act_on_each_other_spec_1_4() {
    let stage = Stage::new();
    let promote = json!({ "user_id": ADMIN, "role": "owner" });
    stage.ok(&user(OWNER), "user.set_role", promote);
    let demote = json!({ "user_id": OWNER, "role": "user" });
    stage.ok(&user(ADMIN), "user.set_role", demote);
    assert_eq!(me(&stage, OWNER)["role"], "user");
}

#[test]
fn the_last_platform_owner_is_neither_demoted_nor_deleted_spec_1_6() {
    let stage = Stage::new();
    let demote = json!({ "user_id": OWNER, "role": "admin" });
    stage.refused(
        &Actor::operator(),
        "user.set_role",
        demote,
        "ERR_LAST_OWNER",
    );
    let delete = json!({ "user_id": OWNER });
    for actor in [Actor::operator(), user(OWNER)] {
        stage.refused(&actor, "user.delete", delete.clone(), "ERR_LAST_OWNER");
    }
    stage.ok(
        &Actor::operator(),
        "user.set_role",
        json!({ "user_id": ADMIN, "role": "owner" }),
    );
    stage.ok(&user(OWNER), "user.delete", delete);
}

#[test]
fn an_owner_of_official_chats_falls_below_admin_only_with_an_heir_spec_1_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    let demote = |heir: Value| json!({ "user_id": ADMIN, "role": "moderator", "chats_to": heir });
    let refused = [
        (Value::Null, "ERR_USER_OWNS_CHATS"),
        (json!(ADMIN), "ERR_INVALID"),
        (json!(MODERATOR), "ERR_FORBIDDEN"),
        (json!(77), "ERR_USER_NOT_FOUND"),
    ];
    for (heir, code) in refused {
        stage.refused(&user(OWNER), "user.set_role", demote(heir), code);
    }
    assert_eq!(me(&stage, ADMIN)["role"], "admin");
    stage.ok(&user(OWNER), "user.set_role", demote(json!(OWNER)));
    let shown = stage.ok(&user(OWNER), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["owner"], OWNER);
    // Staying admin or above, the chats stay.
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    let promote = json!({ "user_id": ADMIN, "role": "owner" });
    stage.ok(&user(OWNER), "user.set_role", promote);
    let shown = stage.ok(&user(OWNER), "chat.get", json!({ "chat_id": chat }));
    assert_eq!(shown["owner"], ADMIN);
}

#[test]
fn a_change_of_role_ends_the_sessions_spec_1_6() {
    let stage = Stage::new();
    let (session, _) = stage.connect(BASIC);
    let (bystander, _) = stage.connect(OTHER);
    let before = stage.as_of();
    let same = json!({ "user_id": BASIC, "role": "user" });
    stage.ok(&user(OWNER), "user.set_role", same);
    stage.ok(&Actor::session(session), "user.me", json!({}));
    let promote = json!({ "user_id": BASIC, "role": "moderator" });
    stage.ok(&user(OWNER), "user.set_role", promote);
    stage.refused(
        &Actor::session(session),
        "user.me",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    stage.ok(&Actor::session(bystander), "user.me", json!({}));
    let events = stage.events(before);
    assert_eq!(events[0]["name"], "session:ended");
    assert_eq!(
        events[0]["data"],
        json!({ "session_id": session, "user_id": BASIC, "reason": "role_changed" })
    );
    assert_eq!(events[1]["name"], "user:updated");
    assert_eq!(
        events[1]["data"],
        json!({ "user_id": BASIC, "changed": ["role"] })
    );
}

#[test]
fn a_stranger_gets_neither_role_nor_tier_spec_1_8() {
    let stage = Stage::new();
    let role = json!({ "user_id": STRANGER, "role": "moderator" });
    stage.refused(
        &Actor::operator(),
        "user.set_role",
        role,
        "ERR_STRANGER_FORBIDDEN",
    );
    let tier = json!({ "user_id": STRANGER, "tier": "premium" });
    stage.refused(
        &Actor::operator(),
        "user.set_tier",
        tier,
        "ERR_STRANGER_FORBIDDEN",
    );
}

#[test]
fn a_trial_lasts_seven_days_once_and_is_no_premium_spec_1_3() {
    let stage = Stage::new();
    let trial = stage.ok(&user(BASIC), "user.start_trial", json!({}));
    let end = START.plus(7 * DAY);
    assert_eq!(trial, json!({ "tier": "trial", "tier_expires_at": end }));
    assert_eq!(me(&stage, BASIC)["premium_now"], false);
    stage.clock.advance(8 * DAY);
    stage.refused(
        &user(BASIC),
        "user.start_trial",
        json!({}),
        "ERR_TRIAL_USED",
    );
    let again = json!({ "user_id": BASIC, "tier": "trial" });
    stage.refused(&user(ADMIN), "user.set_tier", again, "ERR_TRIAL_USED");
    // Who has premium loses nothing by asking for less.
    stage.refused(
        &user(PREMIUM),
        "user.start_trial",
        json!({}),
        "ERR_FORBIDDEN",
    );
    stage.ok(
        &user(ADMIN),
        "user.set_tier",
        json!({ "user_id": OTHER, "tier": "trial" }),
    );
    stage.refused(
        &user(OTHER),
        "user.start_trial",
        json!({}),
        "ERR_TRIAL_USED",
    );
}

#[test]
fn premium_is_granted_for_days_or_without_end_spec_1_3() {
    let stage = Stage::new();
    let grant = |tier: &str, days: Value| json!({ "user_id": BASIC, "tier": tier, "days": days });
    for (tier, days) in [
        ("premium", json!(0)),
        ("premium", json!(3651)),
        ("premium", json!(-1)),
        ("lifetime", json!(30)),
        ("basic", json!(30)),
        ("trial", json!(30)),
    ] {
        let error = stage.refused(
            &user(ADMIN),
            "user.set_tier",
            grant(tier, days),
            "ERR_INVALID",
        );
        assert_eq!(error.extras().field.as_deref(), Some("days"));
    }
    stage.ok(&user(ADMIN), "user.set_tier", grant("premium", json!(3650)));
    let view = me(&stage, BASIC);
    assert_eq!(view["tier_expires_at"], json!(START.plus(3650 * DAY)));
    assert_eq!(view["premium_now"], true);
    stage.clock.advance(3650 * DAY);
    assert_eq!(me(&stage, BASIC)["premium_now"], false);
    for tier in ["premium", "lifetime"] {
        stage.ok(&user(ADMIN), "user.set_tier", grant(tier, Value::Null));
        stage.clock.advance(10_000 * DAY);
        assert_eq!(me(&stage, BASIC)["premium_now"], true);
    }
}

#[test]
fn tiers_are_the_admins_on_whom_they_may_act_spec_4_6() {
    let stage = Stage::new();
    for (actor, target, lawful) in [
        (MODERATOR, BASIC, false),
        (BASIC, BASIC, false),
        (ADMIN, ADMIN, false),
        (ADMIN, OWNER, false),
        (ADMIN, MODERATOR, true),
        (OWNER, ADMIN, true),
    ] {
        let params = json!({ "user_id": target, "tier": "lifetime" });
        match stage.call(&user(actor), "user.set_tier", params) {
            Ok(_) => assert!(lawful, "{actor} on {target}"),
            Err(error) => {
                assert_eq!(
                    (error.kind().code(), lawful),
                    ("ERR_FORBIDDEN", false),
                    "{actor} on {target}"
                );
            }
        }
    }
}

#[test]
fn every_change_of_tier_leaves_a_row_of_history_spec_1_3() {
    let stage = Stage::new();
    stage.ok(&user(BASIC), "user.start_trial", json!({}));
    let premium = json!({ "user_id": BASIC, "tier": "premium", "days": 1 });
    stage.ok(&user(ADMIN), "user.set_tier", premium);
    let basic = json!({ "user_id": BASIC, "tier": "basic" });
    stage.ok(&Actor::operator(), "user.set_tier", basic);
    let of_basic = json!({ "user_id": BASIC });
    let seen = stage.ok(&user(ADMIN), "user.subscription", of_basic.clone());
    let history: Vec<_> = seen["history"].as_array().unwrap().iter().collect();
    let told: Vec<_> = history
        .iter()
        .map(|row| (&row["tier"], &row["changed_by"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("basic"), &json!("operator")),
            (&json!("premium"), &json!("user:2000")),
            (&json!("trial"), &json!("user:5000")),
        ]
    );
    // The person sees what, not by whom; others see nothing.
    let own = stage.ok(&user(BASIC), "user.subscription", json!({}));
    assert_eq!(own["history"].as_array().unwrap().len(), 3);
    assert_eq!(own["history"][0].get("changed_by"), None);
    assert_eq!(own["trial_used"], true);
    for other in [OTHER, MODERATOR] {
        stage.refused(
            &user(other),
            "user.subscription",
            of_basic.clone(),
            "ERR_FORBIDDEN",
        );
    }
}

#[test]
fn tier_and_state_are_for_the_person_and_staff_who_may_act_on_them_spec_4_6() {
    let stage = Stage::new();
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, kind, by_actor, at, until) VALUES (?, 'timeout', 'operator', ?, ?)",
            (OTHER, START.as_millis(), START.plus(DAY).as_millis()),
        )
        .unwrap();
    let get = json!({ "user_id": OTHER });
    for staff in [MODERATOR, ADMIN, OWNER] {
        let seen = stage.ok(&user(staff), "user.get", get.clone());
        assert_eq!(seen["state"], "timed_out");
        assert_eq!(seen["until"], json!(START.plus(DAY)));
    }
    let seen = stage.ok(&user(BASIC), "user.get", get.clone());
    assert_eq!(
        (&seen["username"], seen.get("state")),
        (&json!("oskar-other"), None)
    );
    let above = stage.ok(&user(MODERATOR), "user.get", json!({ "user_id": ADMIN }));
    assert_eq!((above.get("state"), above.get("tier")), (None, None));
    assert_eq!(me(&stage, LIFETIME)["tier"], "lifetime");
    stage.refused(
        &Actor::guest(),
        "user.get",
        get.clone(),
        "ERR_UNAUTHENTICATED",
    );
    stage.refused(&user(STRANGER), "user.get", get, "ERR_STRANGER_FORBIDDEN");
    // A punishment that ran out counts as absent.
    stage.clock.advance(DAY);
    assert_eq!(me(&stage, OTHER)["state"], "active");
}

#[test]
fn staff_find_people_by_a_part_of_the_name_and_page_by_id() {
    let stage = Stage::new();
    stage.refused(&user(BASIC), "user.list", json!({}), "ERR_FORBIDDEN");
    stage.refused(
        &Actor::guest(),
        "user.list",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    let ids = |params: Value| -> Vec<i64> {
        let page = stage.ok(&user(MODERATOR), "user.list", params);
        let users = page["users"].as_array().unwrap().iter();
        users.map(|user| user["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(json!({ "search": "O" })), [1000, 3000, 6000, 9000]);
    assert_eq!(ids(json!({ "search": "%" })), [0_i64; 0]);
    assert_eq!(ids(json!({ "limit": 2 })), [1000, 2000]);
    assert_eq!(ids(json!({ "limit": 2, "after": 2000 })), [3000, 4000]);
    let error = stage.refused(
        &user(ADMIN),
        "user.list",
        json!({ "limit": 201 }),
        "ERR_INVALID",
    );
    assert_eq!(error.extras().field.as_deref(), Some("limit"));
}

#[test]
fn a_stranger_may_do_nothing_to_an_account_spec_1_8() {
    let stage = Stage::new();
    for (name, params) in [
        ("user.update", json!({ "username": "better" })),
        ("user.start_trial", json!({})),
        ("user.subscription", json!({})),
        ("user.replace_account_key", json!({})),
        ("user.delete", json!({ "user_id": STRANGER })),
        ("login_code.create", json!({})),
        ("session.list", json!({})),
    ] {
        stage.refused(&user(STRANGER), name, params, "ERR_STRANGER_FORBIDDEN");
    }
    assert_eq!(me(&stage, STRANGER)["stranger"], true);
}

#[test]
fn a_user_is_made_with_a_tier_in_one_go_spec_1_3() {
    let stage = Stage::new();
    let operator = Actor::operator();
    let create = |more: Value| {
        let mut params = more;
        params["username"] = json!("newcomer");
        stage.call(&operator, "user.create", params)
    };
    for (wrong, field) in [
        (json!({ "days": 30 }), "days"),
        (json!({ "tier": "premium", "days": 0 }), "days"),
        (json!({ "tier": "lifetime", "days": 30 }), "days"),
        (json!({ "tier": "golden" }), "tier"),
    ] {
        let error = create(wrong.clone()).unwrap_err();
        assert_eq!(error.kind().code(), "ERR_INVALID", "{wrong}");
        assert_eq!(error.extras().field.as_deref(), Some(field), "{wrong}");
    }
    // A refusal leaves nobody behind: the name is free.
    let made = create(json!({ "role": "moderator", "tier": "premium", "days": 30 })).unwrap();
    let whose = json!({ "user_id": made["user_id"] });
    let tier = stage.ok(&operator, "user.subscription", whose.clone());
    assert_eq!(tier["tier"], "premium");
    assert_eq!(
        tier["tier_expires_at"],
        START.plus(30 * DAY).as_millis(),
        "{tier}"
    );
    assert_eq!(tier["history"].as_array().unwrap().len(), 1);
    let acts = stage.ok(
        &operator,
        "audit.list",
        json!({ "target": made["user_id"] }),
    );
    let acts = acts["rows"].as_array().unwrap();
    assert_eq!(acts.len(), 1);
    assert_eq!(acts[0]["details"]["tier"], "premium");
}

#[test]
fn a_user_is_found_by_name_without_regard_to_case_spec_1_1() {
    let stage = Stage::new();
    let found = |name: &str| {
        let page = stage.ok(&user(MODERATOR), "user.list", json!({ "username": name }));
        let users = page["users"].as_array().unwrap().iter();
        users.map(|user| user["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("BEN-basic"), [json!(BASIC)]);
    assert_eq!(found("ben-bas"), [] as [Value; 0]);
}
