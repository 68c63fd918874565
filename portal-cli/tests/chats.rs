//! `chat`, `member`, `mod`, `invite`, `message`.

mod common;

use common::Bench;
use serde_json::json;

/// Chats 1 OFFICIAL /lobby of ada, 2 PRIVATE of pia.
fn furnished() -> Bench {
    let bench = Bench::with_people();
    bench
        .run("chat create --type OFFICIAL --name Lobby --owner 2 --slug lobby")
        .exits(0);
    bench
        .run("chat create --type private --name A~chat --owner 3 --config slow_mode_seconds=5")
        .exits(0);
    bench
}

#[test]
fn a_chat_is_made_and_shown() {
    let bench = furnished();
    let chat = bench.run("chat show 2 --json").json();
    assert_eq!(
        (&chat["name"], &chat["chat_type"], &chat["owner"]),
        (&json!("A chat"), &json!("PRIVATE"), &json!(3))
    );
    assert_eq!(chat["chat_config"]["slow_mode_seconds"], 5);
    let shown = bench.run("chat show 2").exits(0).out;
    assert!(shown.starts_with("id "), "{shown}");
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("created_at") && line.ends_with('Z')),
        "{shown}"
    );
}

#[test]
fn a_person_makes_a_chat_of_their_own() {
    let bench = furnished();
    let chat = bench
        .run("--json --as 3 chat create --type PRIVATE --name Mine")
        .json();
    assert_eq!(chat["owner"], 3);
    bench
        .run("--json --as 4 chat create --type PRIVATE --name Mine")
        .refused(4, "ERR_PREMIUM_REQUIRED");
    bench
        .run("--json chat create --type PRIVATE --name Nobodys")
        .refused(2, "ERR_INVALID");
}

#[test]
fn an_update_changes_what_is_named_and_leaves_the_rest() {
    let bench = furnished();
    bench.run("chat update 2 --name Renamed").exits(0);
    let chat = bench.run("chat show 2 --json").json();
    assert_eq!(chat["name"], "Renamed");
    assert_eq!(chat["chat_config"]["slow_mode_seconds"], 5);
}

#[test]
fn an_update_sets_and_clears_what_can_be_null() {
    let bench = furnished();
    bench.run("chat update 2 --description Words --slug a-chat --config wipe_preset=1h --browser kiosk=true").exits(0);
    let chat = bench.run("chat show /a-chat --json").json();
    assert_eq!(
        (&chat["id"], &chat["description"], &chat["chat_type"]),
        (&json!(2), &json!("Words"), &json!("PUBLIC"))
    );
    assert_eq!(
        (
            &chat["chat_config"]["wipe_preset"],
            &chat["browser_config"]["kiosk"]
        ),
        (&json!("1h"), &json!(true))
    );
    bench
        .run("chat update a-chat --no-description --no-slug")
        .exits(0);
    let chat = bench.run("chat show 2 --json").json();
    assert_eq!(
        (&chat["description"], &chat["slug"], &chat["chat_type"]),
        (&json!(null), &json!(null), &json!("PRIVATE"))
    );
}

#[test]
fn a_chat_is_found_by_its_slug_or_not_at_all() {
    let bench = furnished();
    for named in ["1", "lobby", "/lobby"] {
        assert_eq!(
            bench.run(&format!("--json chat show {named}")).json()["id"],
            1
        );
    }
    for named in ["/nowhere", "nowhere", "No~Slug", "abcdefghijklmnop"] {
        bench
            .run(&format!("--json chat show {named}"))
            .refused(3, "ERR_CHAT_NOT_FOUND");
    }
}

#[test]
fn as_a_person_one_sees_what_the_person_sees_spec_4_4() {
    let bench = furnished();
    bench.run("--json --as 3 chat show 2").json();
    bench
        .run("--json --as 4 chat show 2")
        .refused(3, "ERR_CHAT_NOT_FOUND");
    bench
        .run("--json --as 4 chat update 1 --name Mine")
        .refused(4, "ERR_FORBIDDEN");
}

#[test]
fn what_destroys_asks_and_is_refused_where_nobody_can_answer() {
    let bench = furnished();
    for words in ["chat destroy 2", "chat clear 2", "message delete 2 1"] {
        bench
            .run(&format!("--json {words}"))
            .refused(4, "ERR_NOT_CONFIRMED");
    }
    let ran = bench.run("chat destroy 2").exits(4);
    assert!(
        ran.err
            .contains("This destroys chat 2 (PRIVATE \"A chat\")")
            && ran.err.contains("--yes"),
        "{}",
        ran.err
    );
    // An answer on stdin that is no terminal is not an answer.
    let piped = bench
        .run_with_stdin(&["chat", "destroy", "2"], "y\n")
        .exits(4);
    assert_eq!(piped.out, "");
    bench.run("chat show 2").exits(0);
    bench
        .run("--json --yes chat destroy 99")
        .refused(3, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn a_chat_is_destroyed_with_yes_and_not_in_a_rehearsal() {
    let bench = furnished();
    let ran = bench.run("chat destroy 2 --dry-run").exits(0);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
    bench.run("chat show 2").exits(0);
    bench.run("chat destroy 2 --yes").exits(0);
    bench
        .run("--json chat show 2")
        .refused(3, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn a_rehearsal_says_what_it_would_do_and_does_not() {
    let bench = furnished();
    let ran = bench
        .run("--dry-run --json chat create --type PRIVATE --name Another --owner 3")
        .exits(0);
    assert!(
        ran.err.contains("A rehearsal: nothing was changed."),
        "{}",
        ran.err
    );
    let chat: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(chat["id"], 3);
    bench
        .run("--json chat show 3")
        .refused(3, "ERR_CHAT_NOT_FOUND");
    // Looking is not rehearsing.
    assert_eq!(bench.run("--dry-run chat show 1").exits(0).err, "");
}

#[test]
fn destroying_and_clearing_say_how_much_goes_spec_16_1() {
    let bench = furnished();
    with_messages(&bench, 3);
    bench.run("member add 2 ben").exits(0);
    bench.run("invite create 2").exits(0);
    bench.run("mod ban 2 ada").exits(0);
    let asked = bench.run("chat destroy 2").exits(4).err;
    let goes = "This destroys chat 2 (PRIVATE \"A chat\") with its keys, 4 messages, 1 member, 1 live invite, 1 ban and 0 mutes.";
    assert_eq!(asked.lines().next(), Some(goes));
    let asked = bench.run("chat clear 2").exits(4).err;
    assert!(
        asked.starts_with("This deletes 4 messages of chat 2"),
        "{asked}"
    );
    let asked = bench.run("message delete 2 1 2 99").exits(4).err;
    assert!(
        asked.starts_with("This deletes 2 messages of chat 2."),
        "{asked}"
    );
    let asked = bench.run("message delete-last 2 100").exits(4).err;
    assert!(
        asked.starts_with("This deletes 4 messages of chat 2."),
        "{asked}"
    );
    // What is refused is refused before anybody is asked.
    let refused = bench.run("--as ben chat destroy 2").exits(4).err;
    assert_eq!(refused.lines().count(), 1, "{refused}");
}

/// So that it answers at once in a chat that holds as many as a chat may.
#[test]
fn a_chats_story_counts_five_thousand_messages_and_says_that_there_are_more() {
    let bench = furnished();
    let shown = |more: u32| {
        let db = bench.raw();
        db.execute(
            "UPDATE chat SET next_message_id = next_message_id + ?1 WHERE id = 2",
            [more],
        )
        .unwrap();
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO message (chat_id, id, epoch, code, content, created_at)
             SELECT 2, c.next_message_id - n.i, 0, 'member_joined', '', 0 FROM chat c, n WHERE c.id = 2",
            [more],
        )
        .unwrap();
        let counts = bench.run("--json chat show 2").json()["counts"].take();
        let line = bench.run("chat show 2").exits(0).out;
        let line = line
            .lines()
            .find(|line| line.starts_with("counts.messages"));
        let words = line.unwrap().split_whitespace().skip(1);
        let said = words.collect::<Vec<_>>().join(" ");
        (
            counts["messages"].clone(),
            counts["messages_more"].clone(),
            said,
        )
    };
    let before = bench.number(
        "portal.db",
        "SELECT count(*) FROM message WHERE chat_id = 2",
    );
    let all = 5_000 - u32::try_from(before).unwrap();
    assert_eq!(shown(all), (json!(5_000), json!(false), "5000".into()));
    assert_eq!(
        shown(1),
        (json!(5_000), json!(true), "more than 5000".into())
    );
}

#[test]
fn a_chats_story_is_told_by_parts() {
    let bench = furnished();
    bench.run("member add 2 ben").exits(0);
    bench.run("invite create 2").exits(0);
    let story = bench.run("--json chat show 2").json();
    assert_eq!(story["owner_username"], "pia");
    assert_eq!(
        (&story["counts"]["members"], &story["counts"]["invites"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(story["members"][0]["username"], "ben");
    assert_eq!(story["invites"].as_array().unwrap().len(), 1);
    assert_eq!(story["withheld"], json!([]));
    let shown = bench.run("chat show 2").exits(0).out;
    for part in [
        "counts.members",
        "\nMembers\n",
        "\nReports: none\n",
        "member.add",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // A member sees the chat, and not what is for those who look after it.
    let story = bench.run("--json --as ben chat show 2").json();
    assert_eq!(story["name"], "A chat");
    assert_eq!(
        story["withheld"],
        json!(["counts", "invites", "activity", "reports", "done_to_it"])
    );
    assert_eq!(story["invites"], json!(null));
}

#[test]
fn a_chat_is_cleared() {
    let bench = furnished();
    let cleared = bench.run("--json --yes chat clear 2").exits(0);
    let cleared: serde_json::Value = serde_json::from_str(&cleared.out).unwrap();
    assert_eq!(
        (&cleared["deleted"], &cleared["epoch"]),
        (&json!(0), &json!(2))
    );
}

#[test]
fn the_directory_and_a_persons_chats_are_listed() {
    let bench = furnished();
    let page = bench.run("chat list --json").json();
    assert_eq!(
        (
            page["chats"].as_array().unwrap().len(),
            &page["chats"][0]["slug"]
        ),
        (1, &json!("lobby"))
    );
    let own = bench.run("chat list --user pia").exits(0).out;
    assert!(own.contains("A chat") && !own.contains("Lobby"), "{own}");
    bench
        .run("--json chat list --user pia --after somewhere")
        .refused(2, "ERR_INVALID");
}

#[test]
fn a_label_is_set_and_taken_away() {
    let bench = furnished();
    bench.run("chat label lobby Staff~pick").exits(0);
    assert_eq!(
        bench.run("--json chat show 1").json()["label"],
        "Staff pick"
    );
    bench.run("chat label lobby --none").exits(0);
    assert_eq!(bench.run("--json chat show 1").json()["label"], json!(null));
    bench.run("chat label lobby").exits(2);
}

#[test]
fn a_chat_is_offered_and_accepted() {
    let bench = furnished();
    bench
        .raw()
        .execute("UPDATE user SET tier = 3 WHERE id = 4", [])
        .unwrap();
    assert!(bench.run("--json chat transfer 2 ben").json()["expires_at"].is_i64());
    assert_eq!(
        bench.run("--json --as ben chat accept-transfer 2").json()["owner"],
        4
    );
    bench
        .run("--json --as ben chat leave 2")
        .refused(4, "ERR_OWNER_CANNOT_LEAVE");
    bench.run("--as pia chat leave 2").exits(0);
}

#[test]
fn members_are_added_listed_and_removed() {
    let bench = furnished();
    bench.run("member add 2 ben").exits(0);
    let ran = bench.run("member add 2 ben").exits(0);
    assert!(ran.err.contains("already"), "{}", ran.err);
    let people = bench.run("member list 2").exits(0).out;
    assert_eq!(people.lines().count(), 3, "{people}");
    assert!(people.contains("pia") && people.contains("ben"), "{people}");
    assert_eq!(
        bench.run("--json member remove 2 ben").json()["removed"],
        true
    );
    assert_eq!(
        bench.run("--json member remove 2 ben").json()["removed"],
        false
    );
    bench
        .run("--json member add 2 nobody")
        .refused(3, "ERR_USER_NOT_FOUND");
}

#[test]
fn people_are_muted_kicked_and_banned() {
    let bench = furnished();
    bench.run("member add 2 ben").exits(0);
    bench
        .run("mod mute 2 ben --for 15m --reason Shouting")
        .exits(0);
    bench.run("mod unmute 2 ben").exits(0);
    bench.run("mod kick 2 ben").exits(0);
    bench.run("mod ban 2 ben --for 7d").exits(0);
    let held = bench.run("--json mod list 2").json();
    assert_eq!(held["rows"][0]["username"], "ben");
    assert_eq!(held["rows"][0]["kind"], "ban");
    bench.run("mod unban 2 ben").exits(0);
    let held = bench.run("--json mod list 2").json();
    assert_eq!(held["rows"], serde_json::json!([]));
    bench
        .run("--json mod kick 2 pia")
        .refused(4, "ERR_TARGET_IS_OWNER");
    let seen = bench.run("mod activity 2").exits(0).out;
    assert!(seen.contains("kick") && seen.contains("ban"), "{seen}");
}

#[test]
fn invites_are_made_followed_listed_and_revoked() {
    let bench = furnished();
    let invite = bench
        .run("--json invite create 2 --expires-in 7d --max-uses 2")
        .json();
    assert!(invite["expires_at"].as_i64() > invite["created_at"].as_i64());
    let code = invite["code"].as_str().unwrap();
    assert_eq!(
        bench
            .run(&format!("--json --as ben invite resolve {code}"))
            .json()["joined"],
        true
    );
    let listed = bench.run("invite list 2").exits(0).out;
    assert!(listed.contains(code), "{listed}");
    bench.run(&format!("invite revoke 2 {code}")).exits(0);
    bench
        .run(&format!("--json --as ada invite resolve {code}"))
        .refused(3, "ERR_INVITE_INVALID");
    bench
        .run("--json invite create 2 --expires-at 2020-01-01T00:00:00Z")
        .refused(2, "ERR_INVALID");
}

/// Writes messages past the library: sending one takes a key and a session.
fn with_messages(bench: &Bench, count: i64) {
    let db = bench.raw();
    db.execute(
        "UPDATE chat SET next_message_id = ?1 WHERE id = 2",
        [count + 1],
    )
    .unwrap();
    for id in 1..=count {
        db.execute(
            "INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, content, created_at)
             VALUES (2, ?1, 3, 0, 1, 'sealed', 1800000000000)",
            [id],
        )
        .unwrap();
    }
}

#[test]
fn messages_are_listed_newest_first() {
    let bench = furnished();
    with_messages(&bench, 3);
    let page = bench.run("--json message list 2 --limit 2").json();
    assert_eq!(
        (&page["messages"][0]["id"], &page["messages"][1]["id"]),
        (&json!(3), &json!(2))
    );
    let table = bench.run("message list 2").exits(0).out;
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table.contains("2027-01-15T08:00:00Z") && table.contains("pia"),
        "{table}"
    );
}

#[test]
fn deleting_more_than_is_there_exits_7() {
    let bench = furnished();
    with_messages(&bench, 3);
    let ran = bench.run("--json --yes message delete 2 1 2 9 9").exits(7);
    assert_eq!(ran.out, "{\"deleted\":2}\n");
    assert!(
        ran.err.contains("1 of 3 messages were not there"),
        "{}",
        ran.err
    );
    let rest = bench.run("--json --yes message delete-last 2 5").exits(0);
    assert_eq!(rest.out, "{\"deleted\":1}\n");
}
