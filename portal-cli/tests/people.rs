//! `user`, `session`, `signup`.

mod common;

use common::Bench;
use serde_json::{Value, json};

#[test]
fn a_user_is_made_with_a_role() {
    let bench = Bench::new();
    assert_eq!(
        bench.run("--json user create olga --role owner").json(),
        json!({ "user_id": 1 })
    );
    assert_eq!(bench.run("user create ada").exits(0).out, "user_id  2\n");
    let roles: Vec<i64> = (1..=2)
        .map(|id| {
            bench
                .raw()
                .query_row("SELECT role FROM user WHERE id = ?", [id], |row| row.get(0))
                .unwrap()
        })
        .collect();
    assert_eq!(roles, [3, 0]);
}

#[test]
fn the_operator_is_named_in_the_audit_log() {
    let bench = Bench::with_people();
    let rows = bench.run("--json audit list --action user.create").json();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&rows["rows"][0]["actor"], &rows["rows"][0]["os_user"]),
        (&json!("operator"), &json!("tester"))
    );
    let table = bench.run("audit list --target 1").exits(0).out;
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[test]
fn the_audit_log_is_filtered_and_names_people_spec_7_8() {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PUBLIC --slug a-square --name Square --owner pia")
        .exits(0);
    bench.run("--as pia mod kick a-square ben").exits(0);
    bench.run("--as ada user set-tier ben premium").exits(0);
    let count = |words: &str| {
        let page = bench.run(&format!("--json audit list {words}")).json();
        page["rows"].as_array().unwrap().len()
    };
    for (words, found) in [
        ("--action mod.kick", 1),
        ("--action user.", 5),
        ("--chat a-square", 2),
        ("--target ben", 3),
        ("--target ben --action mod.", 1),
        ("--by ada", 1),
        ("--actor user", 2),
        ("--actor operator --os-user tester", 5),
        ("--os-user nobody", 0),
        ("--from 2001-01-01T00:00:00Z", 7),
        ("--until 2001-01-01T00:00:00Z", 0),
        ("--limit 2", 2),
        ("--before 3", 2),
    ] {
        assert_eq!(count(words), found, "{words}");
    }
    bench
        .run("--json --as ben audit list")
        .refused(4, "ERR_FORBIDDEN");
    let table = bench.run("audit list --action mod.").exits(0).out;
    assert!(table.contains("pia") && table.contains("ben"), "{table}");
    bench.run("user delete ben --yes").exits(0);
    let table = bench.run("audit list --action mod.").exits(0).out;
    assert!(table.contains(" 4 ") && !table.contains("ben"), "{table}");
}

#[test]
fn who_acts_as_somebody_is_named_beside_them_in_the_audit_log_spec_16_1() {
    let bench = Bench::with_people();
    bench.run("--as ada user set-tier ben premium").exits(0);
    let row = bench.run("--json audit list --limit 1").json()["rows"][0].clone();
    assert_eq!(
        (&row["actor"], &row["username"], &row["os_user"]),
        (&json!("user"), &json!("ada"), &json!("tester"))
    );
    // With sudo it is who called it; with nobody's name, their number.
    let os_user = |command: &mut std::process::Command| {
        common::ran(command.args(["config", "set", "registration", "open"])).exits(0);
        bench.run("--json audit list --limit 1").json()["rows"][0]["os_user"].clone()
    };
    let sudo = os_user(bench.command().env("USER", "root").env("SUDO_USER", "mira"));
    assert_eq!(sudo, "mira");
    let number = os_user(bench.command().env_remove("USER"));
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(number, format!("uid {uid}"));
}

#[test]
fn a_persons_story_is_told_by_parts() {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PRIVATE --name Hers --owner pia")
        .exits(0);
    bench.run("--as ada mod warn ben --reason Careful").exits(0);
    bench.run("user set-tier ben premium --days 30").exits(0);
    bench.run("session create ben").exits(0);
    bench.run("--as ben match enqueue tea").exits(0);
    let story = bench.run("--json user show ben").json();
    assert_eq!(
        (&story["id"], &story["tier"]),
        (&json!(4), &json!("premium"))
    );
    assert_eq!(story["match"]["state"], "searching");
    assert_eq!(story["punishments"][0]["reason"], "Careful");
    for part in ["tier_history", "sessions", "punishments"] {
        assert_eq!(story[part].as_array().unwrap().len(), 1, "{part}");
    }
    let done: Vec<_> = story["done_to_them"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert!(
        done.contains(&"mod.warn") && done.contains(&"user.set_tier"),
        "{done:?}"
    );
    let shown = bench.run("user show pia").exits(0).out;
    for part in [
        "match.state",
        "\nChats\n",
        "Hers",
        "\nReports by them: none\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // An admin has no business in the queue, nor in the list of others' chats.
    let story = bench.run("--json --as ada user show ben").json();
    assert_eq!(story["withheld"], json!(["chats", "match"]));
}

#[test]
fn a_list_of_people_is_rehearsed_made_and_told_line_by_line() {
    let bench = Bench::with_people();
    let list = "username,role,tier,days\ncarl,moderator,,\nADA,,,\ndora,,premium,30\n";
    let import = |words: &[&str]| {
        let args = [&["user", "import", "-"], words].concat();
        bench.run_with_stdin(&args, list).exits(7)
    };
    let tried = import(&["--dry-run"]);
    assert_eq!(tried.out.lines().count(), 3, "{tried:?}");
    assert_eq!(
        bench.run("--json user list").json()["users"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let done = import(&[]);
    let said: Vec<_> = done.out.lines().collect();
    assert_eq!((said[0], said[2]), ("2  carl  user 5", "4  dora  user 6"));
    assert!(said[1].starts_with("3  ADA  ") && said[1].ends_with("(ERR_USERNAME_TAKEN)"));
    assert_eq!(done.err, "partly done: 2 done, 1 failed, 0 not tried\n");
    assert_eq!(bench.run("--json user show dora").json()["tier"], "premium");
    assert_eq!(
        bench.run("--json user show carl").json()["role"],
        "moderator"
    );
}

#[test]
fn shutting_out_says_how_much_goes() {
    let bench = Bench::with_people();
    bench.run("session create ben").exits(0);
    bench.run("--as ben match enqueue tea").exits(0);
    let asked = bench.run("mod platform-ban ben").exits(4).err;
    let goes = "This shuts out ben: 1 session and 0 DIRECT chats with what was said there are over at once; 1 waiting for a match.";
    assert_eq!(asked.lines().next(), Some(goes));
    let args = ["mod", "platform-ban", "--from", "-", "--dry-run"];
    let asked = bench.run_with_stdin(&args, "ben\npia\n").exits(0).err;
    assert!(
        asked.starts_with("This shuts out 2 people: 1 session"),
        "{asked}"
    );
    // Whoever is not there, or is named again, is nobody more.
    let asked = bench.run_with_stdin(&args, "ben\n@ben\nnobody\n").err;
    assert!(
        asked.starts_with("This shuts out 1 person: 1 session"),
        "{asked}"
    );
    assert_eq!(bench.run("--json user show ben").json()["state"], "active");
}

#[test]
fn a_session_shows_its_token_once() {
    let bench = Bench::with_people();
    let session = bench.run("--json session create 4").json();
    assert_eq!(session["user_id"], 4);
    assert_eq!(session["token"].as_str().unwrap().len(), 43);
}

#[test]
fn users_are_listed_and_shown_by_id_or_name() {
    let bench = Bench::with_people();
    let table = bench.run("user list").exits(0).out;
    assert_eq!(table.lines().count(), 5, "{table}");
    let found = bench.run("--json user list --search PI").json();
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
    for named in ["3", "pia", "PIA", "@pia"] {
        assert_eq!(
            bench.run(&format!("--json user show {named}")).json()["id"],
            3
        );
    }
    // Half a name is no name, and @ makes digits one.
    bench
        .run("--json user show pi")
        .refused(3, "ERR_USER_NOT_FOUND");
    bench
        .run("--json user show @3")
        .refused(3, "ERR_USER_NOT_FOUND");
    bench
        .run("--json user show 99")
        .refused(3, "ERR_USER_NOT_FOUND");
}

#[test]
fn roles_and_tiers_are_set() {
    let bench = Bench::with_people();
    bench.run("user set-role ben moderator").exits(0);
    bench.run("user set-tier ben premium --days 30").exits(0);
    let ben = bench.run("--json user show ben").json();
    assert_eq!(
        (&ben["role"], &ben["tier"], &ben["premium_now"]),
        (&json!("moderator"), &json!("premium"), &json!(true))
    );
    let history = bench.run("user subscription ben").exits(0).out;
    assert!(
        history.contains("premium_now") && history.contains("TIER"),
        "{history}"
    );
    bench
        .run("--json user set-role olga user")
        .refused(4, "ERR_LAST_OWNER");
}

#[test]
fn a_user_is_renamed() {
    let bench = Bench::with_people();
    bench.run("user rename ben benno").exits(0);
    assert_eq!(bench.run("--json user show benno").json()["id"], 4);
    bench
        .run("--json user rename benno ada")
        .refused(5, "ERR_USERNAME_TAKEN");
}

#[test]
fn a_sign_in_code_is_made_spec_2_6() {
    let bench = Bench::with_people();
    let code = bench.run("--json user sign-in-code olga").json();
    assert_eq!(code["code"].as_str().unwrap().len(), 8);
}

#[test]
fn blocking_is_done_for_somebody_spec_7_7() {
    let bench = Bench::with_people();
    for _ in 0..2 {
        bench.run("--as ben user block ada").exits(0);
    }
    let listed = bench.run("--json --as ben user blocks").json();
    assert_eq!(listed["users"][0]["username"], "ada");
    let table = bench.run("--as ben user blocks").exits(0).out;
    assert_eq!(table.lines().count(), 2, "{table}");
    bench.run("--as ben user unblock ada").exits(0);
    let listed = bench.run("--json --as ben user blocks").json();
    assert_eq!(listed["users"], json!([]));
    let error = bench
        .run("--json user block ada")
        .refused(4, "ERR_FORBIDDEN");
    assert!(error["message"].as_str().unwrap().contains("name one"));
}

#[test]
fn everything_about_a_user_is_written_out_spec_1_9() {
    let bench = Bench::with_people();
    let all = bench.run("user export ben").json();
    assert_eq!(all["user"]["username"], "ben");
    assert_eq!(
        bench.run("--as ben user export ben").json()["user"]["id"],
        4
    );
    bench
        .run("--json --as ben user export ada")
        .refused(4, "ERR_FORBIDDEN");
    bench
        .run("--json --as ada user export ben")
        .refused(4, "ERR_REASON_REQUIRED");
    bench
        .run("--as ada user inspect ben --reason by~mail")
        .exits(0);
    bench.run("--as ada user export ben").exits(0);
}

#[cfg(unix)]
#[test]
fn an_export_goes_into_a_new_file_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::with_people();
    let path = bench.dir.path().join("ben.json");
    let reply = bench.run("--json user export ben --output ben.json").json();
    assert_eq!(reply, json!({ "file": "ben.json" }));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = std::fs::read_to_string(&path).unwrap();
    let all: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(all["user"]["username"], "ben");
    // What is there stays, even if it is somebody's link to somewhere else.
    bench
        .run("--json user export ada --output ben.json")
        .refused(5, "ERR_STORAGE_EXISTS");
    std::os::unix::fs::symlink(bench.dir.path().join("away"), bench.dir.path().join("link"))
        .unwrap();
    bench
        .run("--json user export ada --output link")
        .refused(5, "ERR_STORAGE_EXISTS");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    // What fails leaves nothing.
    for (words, exit, code) in [
        ("user export 99 --output new.json", 3, "ERR_USER_NOT_FOUND"),
        ("user export ben --output no/new.json", 2, "ERR_INVALID"),
    ] {
        bench.run(&format!("--json {words}")).refused(exit, code);
    }
    bench
        .run("user export ben --output new.json --dry-run")
        .exits(0);
    for name in ["new.json", "away"] {
        assert!(!bench.dir.path().join(name).exists(), "{name}");
    }
}

#[test]
fn deleting_a_user_says_what_goes() {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PRIVATE --name Hers --owner pia")
        .exits(0);
    bench.run("session create pia").exits(0);
    // Refused before anybody is asked, with the way out.
    let ran = bench.run("user delete pia").exits(4);
    let refusal = "error: The user owns chat 1 (PRIVATE \"Hers\"); say --chats-to USER or --destroy-chats. \
                   (ERR_USER_OWNS_CHATS)\n";
    assert_eq!(ran.err, refusal);
    bench
        .run("--json --yes user delete pia")
        .refused(4, "ERR_USER_OWNS_CHATS");
    let ran = bench.run("user delete pia --destroy-chats").exits(4);
    assert_eq!(
        ran.err.lines().take(4).collect::<Vec<_>>(),
        [
            "This deletes user 3 (pia, user): 1 session with their keys, 0 memberships, 0 DIRECT chats (over for both).",
            "Chat 1 (PRIVATE \"Hers\") is destroyed.",
            "What they wrote stays, under their number: 0 messages.",
            "The name is kept from everyone for 30 days.",
        ]
    );
    let ran = bench
        .run("user delete pia --destroy-chats --erase-messages --dry-run")
        .exits(0);
    assert!(ran.err.contains("What they wrote goes too"), "{}", ran.err);
    bench
        .run("user delete pia --destroy-chats --dry-run")
        .exits(0);
    bench.run("user show pia").exits(0);
    bench.run("user delete pia --destroy-chats --yes").exits(0);
    bench
        .run("--json user show pia")
        .refused(3, "ERR_USER_NOT_FOUND");
    bench
        .run("--json chat show 1")
        .refused(3, "ERR_CHAT_NOT_FOUND");
}

#[test]
fn an_admin_and_people_themselves_delete_with_their_own_rights() {
    let bench = Bench::with_people();
    bench
        .run("chat create --type PRIVATE --name Hers --owner pia")
        .exits(0);
    bench
        .run("--json --yes --as ben user delete pia --destroy-chats")
        .refused(4, "ERR_FORBIDDEN");
    bench
        .run("--yes --as ada user delete pia --destroy-chats")
        .exits(0);
    bench.run("--yes --as ben user delete ben").exits(0);
}

#[test]
fn sessions_are_listed_and_ended() {
    let bench = Bench::with_people();
    bench.run("session create ben").exits(0);
    let listed = bench.run("--json session list ben").json();
    let suffix = listed["sessions"][0]["suffix"].as_str().unwrap();
    assert_eq!(suffix.len(), 6);
    bench
        .run_args(&["--json", "session", "destroy", "ben", suffix])
        .refused(4, "ERR_NOT_CONFIRMED");
    bench
        .run_args(&["--yes", "session", "destroy", "ben", suffix])
        .exits(0);
    let listed = bench.run("--json session list ben").json();
    assert_eq!(listed["sessions"], json!([]));
    bench
        .run_args(&["--json", "--yes", "session", "destroy", "ben", suffix])
        .refused(3, "ERR_SESSION_NOT_FOUND");
}

#[test]
fn sign_up_codes_are_made_listed_and_revoked() {
    let bench = Bench::with_people();
    let code: Value = bench
        .run("--json signup create --expires-in 12h --max-uses 3")
        .json();
    let text = code["code"].as_str().unwrap();
    assert!(bench.run("signup list").exits(0).out.contains(text));
    bench.run(&format!("signup revoke {text}")).exits(0);
    assert_eq!(bench.run("--json signup list").json()["codes"], json!([]));
}

#[test]
fn people_are_held_back_everywhere_and_let_go_again() {
    let bench = Bench::with_people();
    let state = || bench.run("--json user show pia").json();
    bench
        .run("mod hard-mute pia --for 1h --reason Shouting")
        .exits(0);
    bench.run("mod hard-unmute pia").exits(0);
    let told = bench
        .run("--yes mod timeout pia --for 1h --reason Enough")
        .exits(0)
        .err;
    assert!(told.ends_with("They are timed out.\n"), "{told}");
    assert_eq!(state()["state"], "timed_out");
    bench.run("session create pia").exits(4);
    bench.run("mod lift-timeout pia").exits(0);
    let asked = bench.run("mod platform-ban pia").exits(4).err;
    assert!(asked.contains("DIRECT chats"), "{asked}");
    bench.run("--yes mod platform-ban pia").exits(0);
    assert_eq!(state()["state"], "banned");
    bench.run("mod platform-unban pia").exits(0);
    assert_eq!(state()["state"], "active");
    let warned = bench.run("--json mod warn pia --reason Careful").json();
    let rows = bench.run("--json mod punishments pia").json()["rows"].clone();
    assert_eq!(rows[0]["id"], warned["punishment_id"]);
    let kinds: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["kind"])
        .collect();
    assert_eq!(kinds, ["warn", "platform_ban", "timeout", "hard_mute"]);
    assert_eq!(rows[2]["reason"], "Enough");
    let table = bench.run("mod punishments pia").exits(0).out;
    assert!(table.contains("Shouting"), "{table}");
    for (wrong, named) in [
        ("mod timeout pia", "--for"),
        ("--yes mod timeout pia --for 5s", "duration_seconds"),
        ("mod warn pia", "--reason"),
        ("mod hard-mute pia --for 2d", "duration_seconds"),
    ] {
        let refused = bench.run(wrong).exits(2).err;
        assert!(refused.contains(named), "{wrong}: {refused}");
    }
    let acts = bench.run("--json audit list --target pia").json();
    assert!(acts["rows"].as_array().unwrap().len() >= 7, "{acts}");
}
