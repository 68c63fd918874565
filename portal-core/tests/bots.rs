//! Bots and codes for people on other platforms (SPEC 2.3, 2.5).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OWNER, PREMIUM, STRANGER, Stage, user};
use portal_core::actor::Who;
use portal_core::model::{BotId, ChatType, MINUTE};
use portal_core::{Actor, catalogue};
use serde_json::{Value, json};

const BROWSER: &str = "secret-of-this-browser";

/// A platform with a bot, where anybody may sign up.
struct Town {
    stage: Stage,
    bot: Actor,
}

impl Town {
    fn new() -> Self {
        let stage = Stage::new();
        let bot = bot_on(&stage, "telegram");
        let params = json!({ "key": "registration", "value": "open" });
        stage.ok(&user(OWNER), "config.set", params);
        Self { stage, bot }
    }

    /// Asks on the web, from an address.
    fn ask(&self, identity: &str, browser: &str, from: &str) -> Result<Value, portal_core::Error> {
        let params = json!({ "platform": "telegram", "identity": identity, "browser": browser });
        self.stage.call(&at(from), "login_code.request", params)
    }

    /// What the bot is given to deliver: identity and code.
    fn fetch(&self) -> Vec<(String, String)> {
        let reply = self.stage.ok(&self.bot, "login_code.fetch", json!({}));
        let codes = reply["codes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        codes
            .iter()
            .map(|code| (text(&code["identity"]), text(&code["code"])))
            .collect()
    }

    /// A code that was asked for and delivered.
    fn delivered(&self, identity: &str) -> String {
        self.ask(identity, BROWSER, "192.0.2.1").unwrap();
        let mut codes = self.fetch();
        assert_eq!(codes.len(), 1);
        let (whom, code) = codes.remove(0);
        assert_eq!(whom, identity);
        code
    }

    fn verify(&self, identity: &str, code: &str) -> Result<Value, portal_core::Error> {
        let params = claim(identity, code, Some(BROWSER));
        self.stage.call(&at("192.0.2.1"), "session.sign_in", params)
    }

    /// Somebody who has come from there before.
    fn arrived(&self, identity: &str) -> i64 {
        let code = self.delivered(identity);
        self.verify(identity, &code).unwrap()["user_id"]
            .as_i64()
            .unwrap()
    }
}

fn at(ip: &str) -> Actor {
    Actor::guest().from_ip(ip.parse().unwrap())
}

fn claim(identity: &str, code: &str, browser: Option<&str>) -> Value {
    json!({ "platform": "telegram", "identity": identity, "secret": code, "browser": browser })
}

fn bot_on(stage: &Stage, platform: &str) -> Actor {
    let params = json!({ "platform": platform, "name": "Doorman" });
    let made = stage.ok(&user(ADMIN), "bot.add", params);
    let key = made["key"].as_str().unwrap();
    Actor::bot(stage.portal.authenticate_bot(key).unwrap())
}

fn code_of(result: Result<Value, portal_core::Error>) -> &'static str {
    result.map_or_else(|error| error.kind().code(), |_| "ok")
}

#[test]
fn a_bots_key_is_shown_once_and_stored_as_a_hash_spec_2_5() {
    let stage = Stage::new();
    let params = json!({ "platform": "telegram", "name": " Doorman " });
    let made = stage.ok(&user(ADMIN), "bot.add", params);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("pbot_") && key.len() == 5 + 43, "{key}");
    assert_eq!(
        (&made["platform"], &made["name"]),
        (&json!("telegram"), &json!("Doorman"))
    );
    assert!(!stage.on_disk(key), "the key itself is stored");
    let list = stage.ok(&user(ADMIN), "bot.list", json!({}));
    assert!(!list.to_string().contains(key));
    assert_eq!(list["bots"][0]["bot_id"], made["bot_id"]);
    assert_eq!(list["bots"][0]["rotated_at"], Value::Null);
    let bot = stage.portal.authenticate_bot(key).unwrap();
    assert_eq!(json!(bot), made["bot_id"]);
    for wrong in ["", "pbot_", &key[1..], &key.to_lowercase()] {
        let refused = stage.portal.authenticate_bot(wrong).unwrap_err();
        assert_eq!(refused.kind().code(), "ERR_UNAUTHENTICATED", "{wrong:?}");
    }
    // A bot's key is no session's token, and the other way round.
    stage.portal.authenticate(key).unwrap_err();
}

#[test]
fn a_rotated_key_opens_nothing_any_more_and_a_removed_bot_is_nobody_spec_2_5() {
    let town = Town::new();
    let stage = &town.stage;
    let Actor { who, .. } = town.bot.clone();
    let Who::Bot(bot) = who else {
        panic!("{who:?}");
    };
    let made = stage.ok(&user(ADMIN), "bot.rotate", json!({ "bot_id": bot }));
    let second = made["key"].as_str().unwrap().to_owned();
    let made = stage.ok(&user(ADMIN), "bot.rotate", json!({ "bot_id": bot }));
    let third = made["key"].as_str().unwrap().to_owned();
    stage.portal.authenticate_bot(&second).unwrap_err();
    assert_eq!(stage.portal.authenticate_bot(&third).unwrap(), bot);
    let list = stage.ok(&user(ADMIN), "bot.list", json!({}));
    assert_eq!(list["bots"][0]["rotated_at"], json!(stage.portal.now()));

    let id = town.arrived("4711");
    stage.ok(&user(ADMIN), "bot.remove", json!({ "bot_id": bot }));
    stage.portal.authenticate_bot(&third).unwrap_err();
    let fetch = stage.code(&town.bot, "login_code.fetch", json!({}));
    assert_eq!(fetch, "ERR_UNAUTHENTICATED");
    for gone in ["bot.rotate", "bot.remove"] {
        let params = json!({ "bot_id": bot });
        stage.refused(&user(ADMIN), gone, params, "ERR_BOT_NOT_FOUND");
    }
    // Nobody would deliver: it is said at once.
    let refused = town.ask("4711", BROWSER, "192.0.2.1").unwrap_err();
    assert_eq!(refused.extras().field.as_deref(), Some("platform"));
    // Another bot of the platform lets the same people in again.
    let again = bot_on(stage, "telegram");
    let code = stage.ok(&again, "login_code.issue", json!({ "identity": "4711" }));
    let session = town.verify("4711", code["code"].as_str().unwrap()).unwrap();
    assert_eq!(session["user_id"], id);
}

#[test]
fn bots_are_for_admins_audited_and_told_to_staff_spec_4_6() {
    let stage = Stage::new();
    let new = json!({ "platform": "telegram", "name": "Doorman" });
    for (actor, code) in [
        (Actor::guest(), "ERR_UNAUTHENTICATED"),
        (user(STRANGER), "ERR_STRANGER_FORBIDDEN"),
        (user(BASIC), "ERR_FORBIDDEN"),
        (user(MODERATOR), "ERR_FORBIDDEN"),
    ] {
        stage.refused(&actor, "bot.add", new.clone(), code);
        stage.refused(&actor, "bot.list", json!({}), code);
        stage.refused(&actor, "bot.rotate", json!({ "bot_id": 1 }), code);
        stage.refused(&actor, "bot.remove", json!({ "bot_id": 1 }), code);
    }
    let before = stage.as_of();
    let bot = stage.ok(&user(ADMIN), "bot.add", new)["bot_id"].clone();
    stage.ok(&user(OWNER), "bot.rotate", json!({ "bot_id": bot }));
    stage.ok(&Actor::operator(), "bot.remove", json!({ "bot_id": bot }));
    let events = stage.events(before);
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["name"].as_str().unwrap(), &event["data"]["bot_id"]))
        .collect();
    assert_eq!(
        told,
        [
            ("bot:added", &bot),
            ("bot:rotated", &bot),
            ("bot:removed", &bot)
        ]
    );
    let log = stage.ok(&user(OWNER), "audit.list", json!({ "action": "bot." }));
    let rows = log["rows"].as_array().unwrap();
    let acts: Vec<_> = rows.iter().map(|row| &row["action"]).collect();
    assert_eq!(acts, ["bot.remove", "bot.rotate", "bot.add"]);
    assert!(rows.iter().all(|row| row["details"]["bot_id"] == bot
        && row["details"]["name"] == "Doorman"
        && row["details"].get("key").is_none()));
    for bad in ["T", "Telegram", "tele gram", "t"] {
        let params = json!({ "platform": bad, "name": "Doorman" });
        stage.refused(&user(ADMIN), "bot.add", params, "ERR_INVALID");
    }
}

#[test]
fn a_bot_may_nothing_but_let_people_in_spec_2_5() {
    let town = Town::new();
    let stage = &town.stage;
    let open = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let own = [
        "account.lookup",
        "login_code.fetch",
        "login_code.issue",
        // What anybody may know, signed in or not.
        "directory.list",
        "directory.statistics",
        // Whoever is in no room leaves none.
        "room.leave",
    ];
    let id = |name: &str| match name {
        "chat_id" => json!(open),
        "user_id" => json!(BASIC),
        _ => json!(1),
    };
    let words = json!({
        "action": "x", "blob": "", "browser": "b", "chat_type": "PRIVATE", "client_id": "c", "code": "abcdefgh12345678",
        "content": "{}", "identity": "4711", "interests": ["music"], "key": "registration", "key_check": "",
        "label": "Good", "name": "A chat", "platform": "telegram", "public_key": "", "reason": "why",
        "role": "user", "secret": "s", "state": "actioned", "suffix": "abcdef", "text": "t", "tier": "trial",
        "username": "somebody", "value": "open", "until": 1, "plaintext": "p", "epoch": 1, "blobs": [],
        "ids": [1], "seconds": 60, "message_ids": [1], "count": 1,
    });
    for entry in catalogue::all() {
        let schema: Value = entry.parameters().into();
        let mut params = json!({});
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            params[field] = match words.get(field) {
                Some(word) => word.clone(),
                None => id(field),
            };
        }
        let code = stage.code(&town.bot, entry.name(), params);
        let name = entry.name();
        if own.contains(&name) {
            assert!(
                matches!(code, "ok" | "ERR_USER_NOT_FOUND"),
                "{name}: {code}"
            );
        } else {
            let refused = matches!(
                code,
                "ERR_FORBIDDEN" | "ERR_CHAT_NOT_FOUND" | "ERR_UNAUTHENTICATED"
            );
            assert!(refused, "{name}: {code}");
        }
    }
    // The chat that anyone may look into is not there for it, and people are not shown to it.
    stage.refused(
        &town.bot,
        "message.history",
        json!({ "chat_id": open }),
        "ERR_CHAT_NOT_FOUND",
    );
    for user_id in [BASIC, 77] {
        let params = json!({ "user_id": user_id });
        stage.refused(&town.bot, "user.get", params, "ERR_FORBIDDEN");
    }
    let refused = stage.portal.connect(&town.bot).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_FORBIDDEN");
    for name in ["stranger.create", "user.sign_up", "session.sign_in"] {
        let params = match name {
            "user.sign_up" => json!({ "username": "somebody" }),
            "session.sign_in" => json!({ "username": "ben-basic", "secret": "s" }),
            _ => json!({}),
        };
        stage.refused(&town.bot, name, params, "ERR_FORBIDDEN");
    }
}

#[test]
fn only_a_bot_delivers_and_looks_up_spec_2_3() {
    let town = Town::new();
    let stage = &town.stage;
    for name in ["account.lookup", "login_code.issue"] {
        let params = json!({ "identity": "4711" });
        for (actor, code) in [
            (Actor::guest(), "ERR_UNAUTHENTICATED"),
            (user(BASIC), "ERR_FORBIDDEN"),
            (user(OWNER), "ERR_FORBIDDEN"),
            (Actor::operator(), "ERR_FORBIDDEN"),
            (
                Actor::bot(BotId::try_from(77).unwrap()),
                "ERR_UNAUTHENTICATED",
            ),
        ] {
            stage.refused(&actor, name, params.clone(), code);
            stage.refused(&actor, "login_code.fetch", json!({}), code);
        }
    }
    let lookup = |bot: &Actor, identity: &str| {
        let params = json!({ "identity": identity });
        stage.ok(bot, "account.lookup", params)["has_account"].clone()
    };
    assert_eq!(lookup(&town.bot, "4711"), false);
    town.arrived("4711");
    assert_eq!(lookup(&town.bot, "4711"), true);
    // Another platform's bot knows of its own people only.
    let matrix = bot_on(stage, "matrix");
    assert_eq!(lookup(&matrix, "4711"), false);
    stage.refused(
        &matrix,
        "login_code.issue",
        json!({ "identity": "4711" }),
        "ERR_USER_NOT_FOUND",
    );
    town.ask("4712", BROWSER, "192.0.2.9").unwrap();
    let reply = stage.ok(&matrix, "login_code.fetch", json!({}));
    assert_eq!(reply["codes"], json!([]));
    assert_eq!(town.fetch().len(), 1);
}

#[test]
fn somebody_unknown_gets_an_account_by_the_code_and_comes_back_to_it_spec_2_3() {
    let town = Town::new();
    let code = town.delivered("4711");
    assert_eq!(code.len(), 8);
    let first = town.verify("4711", &code).unwrap();
    let id = first["user_id"].clone();
    let profile = town
        .stage
        .ok(&user(OWNER), "user.get", json!({ "user_id": id }));
    let name = profile["username"].as_str().unwrap();
    let drawn = name.strip_prefix("user_").unwrap();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    assert!(drawn.len() == 8 && drawn.bytes().all(plain), "{name}");
    // Once.
    assert_eq!(code_of(town.verify("4711", &code)), "ERR_LOGIN_INVALID");
    let again = town.delivered("4711");
    assert_eq!(town.verify("4711", &again).unwrap()["user_id"], id);
    // Another identity is another person; the same words on another platform are too.
    assert_ne!(json!(town.arrived("4712")), id);
    let other = town
        .stage
        .ok(&Actor::operator(), "user.export", json!({ "user_id": id }));
    let identities = other["identities"].as_array().unwrap();
    assert_eq!(identities.len(), 1);
    assert_eq!(
        (&identities[0]["platform"], &identities[0]["identity"]),
        (&json!("telegram"), &json!("4711"))
    );
    // The same code lets in by name too.
    let code = town.delivered("4711");
    let by_name = json!({ "username": name, "secret": code, "browser": BROWSER });
    let session = town.stage.ok(&at("192.0.2.1"), "session.sign_in", by_name);
    assert_eq!(session["user_id"], id);
}

#[test]
fn a_new_account_needs_that_registration_lets_it_spec_2_4() {
    let town = Town::new();
    let stage = &town.stage;
    let known = town.arrived("4711");
    let set = |how: &str| {
        let params = json!({ "key": "registration", "value": how });
        stage.ok(&user(OWNER), "config.set", params);
    };
    set("closed");
    let code = town.delivered("4712");
    // A wrong code learns nothing of it; the right one is not spent by the refusal.
    assert_eq!(
        code_of(town.verify("4712", "WRONGONE")),
        "ERR_LOGIN_INVALID"
    );
    for _ in 0..2 {
        let refused = code_of(town.verify("4712", &code));
        assert_eq!(refused, "ERR_REGISTRATION_CLOSED");
    }
    let returning = town.delivered("4711");
    assert_eq!(town.verify("4711", &returning).unwrap()["user_id"], known);
    set("invite");
    assert_eq!(
        code_of(town.verify("4712", &code)),
        "ERR_SIGNUP_CODE_INVALID"
    );
    let invited = stage.ok(&user(ADMIN), "signup.create", json!({ "max_uses": 1 }));
    let mut params = claim("4712", &code, Some(BROWSER));
    params["signup_code"] = invited["code"].clone();
    let new = stage.ok(&at("192.0.2.1"), "session.sign_in", params);
    assert_ne!(new["user_id"], json!(known));
    let left = stage.ok(&user(ADMIN), "signup.list", json!({}));
    assert_eq!(left["codes"], json!([]));
}

#[test]
fn a_code_asked_for_on_the_web_works_only_in_that_browser_spec_2_3() {
    let town = Town::new();
    let code = town.delivered("4711");
    for browser in [None, Some("another-browser"), Some("")] {
        town.stage.refused(
            &at("192.0.2.1"),
            "session.sign_in",
            claim("4711", &code, browser),
            "ERR_LOGIN_INVALID",
        );
    }
    // Nor for another identity, nor for the same on another platform.
    assert_eq!(code_of(town.verify("4712", &code)), "ERR_LOGIN_INVALID");
    let mut elsewhere = claim("4711", &code, Some(BROWSER));
    elsewhere["platform"] = json!("matrix");
    town.stage.refused(
        &at("192.0.2.1"),
        "session.sign_in",
        elsewhere,
        "ERR_LOGIN_INVALID",
    );
    town.verify("4711", &code).unwrap();
    let empty = town.ask("4711", "", "192.0.2.1").unwrap_err();
    assert_eq!(empty.extras().field.as_deref(), Some("browser"));
}

#[test]
fn asking_answers_the_same_whether_or_not_there_is_an_account_spec_2_3() {
    let town = Town::new();
    let known = town.arrived("4711");
    // Codes of their own keep nobody from asking, which would tell that there is somebody.
    for _ in 0..5 {
        town.stage.ok(&user(known), "login_code.create", json!({}));
    }
    for (index, from) in (0..6).zip(["a", "b", "c", "d", "e", "f"]) {
        let from = format!("2001:db8:{from}::1");
        let answers = ["4711", "4712"].map(|identity| town.ask(identity, BROWSER, &from));
        if index < 5 {
            let [one, other] = answers.map(Result::unwrap);
            assert_eq!(one, other);
        } else {
            let [one, other] = answers.map(|answer| answer.unwrap_err().to_string());
            assert_eq!(one, other);
        }
    }
}

#[test]
fn five_are_pending_per_identity_and_per_network_spec_2_3() {
    let town = Town::new();
    for net in 0..5 {
        town.ask("4711", BROWSER, &format!("192.0.2.{net}"))
            .unwrap();
    }
    town.stage.clock.advance(MINUTE);
    let refused = town.ask("4711", BROWSER, "192.0.2.9").unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_RATE_LIMITED");
    assert_eq!(refused.extras().retry_after_ms, Some(9 * 60_000));
    // Delivered, they are pending still.
    assert_eq!(town.fetch().len(), 5);
    town.ask("4711", BROWSER, "192.0.2.9").unwrap_err();
    for identity in 0..5 {
        town.ask(&format!("9{identity}"), BROWSER, "2001:db8::1")
            .unwrap();
    }
    let refused = town.ask("99", BROWSER, "2001:db8::2").unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_RATE_LIMITED");
    town.ask("99", BROWSER, "2001:db8:0:1::1").unwrap();
}

#[test]
fn what_others_ask_for_keeps_nobody_from_a_code_of_their_own_spec_2_3() {
    let town = Town::new();
    let id = town.arrived("4711");
    for net in 0..5 {
        town.ask("4711", "of-somebody-else", &format!("198.51.100.{net}"))
            .unwrap();
    }
    let whom = json!({ "identity": "4711" });
    let own = town.stage.ok(&town.bot, "login_code.issue", whom.clone());
    assert_eq!(own["identity"], "4711");
    let code = own["code"].as_str().unwrap();
    // It was asked for on the other platform: it lets in any browser.
    let session = town.stage.ok(
        &at("192.0.2.1"),
        "session.sign_in",
        claim("4711", code, None),
    );
    assert_eq!(session["user_id"], id);
    for _ in 0..5 {
        town.stage.ok(&town.bot, "login_code.issue", whom.clone());
    }
    town.stage
        .refused(&town.bot, "login_code.issue", whom, "ERR_RATE_LIMITED");
    let log = town.stage.ok(
        &user(OWNER),
        "audit.list",
        json!({ "action": "login_code." }),
    );
    let row = &log["rows"][0];
    assert_eq!(
        (&row["actor"], &row["action"], &row["target"]),
        (&json!("bot"), &json!("login_code.issue"), &json!(id))
    );
    assert_eq!(row["details"]["platform"], "telegram");
}

#[test]
fn a_code_is_made_when_the_bot_comes_for_it_and_given_once_spec_2_3() {
    let town = Town::new();
    town.ask("4711", BROWSER, "192.0.2.1").unwrap();
    let hashes = |town: &Town| -> Vec<Option<Vec<u8>>> {
        let db = town.stage.raw();
        let mut rows = db.prepare("SELECT code_hash FROM login_code").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(hashes(&town), [None]);
    town.stage.clock.advance(10 * MINUTE - 1);
    let codes = town.fetch();
    let (_, code) = &codes[0];
    assert!(hashes(&town)[0].is_some());
    assert!(!town.stage.on_disk(code), "the code itself is stored");
    assert_eq!(town.fetch(), []);
    // Ten minutes from when it was made.
    town.stage.clock.advance(10 * MINUTE - 1);
    let late = town.stage.clock.clone();
    town.verify("4711", code).unwrap();
    town.ask("4711", BROWSER, "192.0.2.1").unwrap();
    late.advance(10 * MINUTE);
    assert_eq!(town.fetch(), [], "whoever asked has long gone");
    let code = town.delivered("4711");
    late.advance(10 * MINUTE);
    assert_eq!(code_of(town.verify("4711", &code)), "ERR_LOGIN_INVALID");
    town.stage.portal.tick().unwrap();
    assert_eq!(hashes(&town), []);
}

#[test]
fn codes_are_fetched_by_the_page_the_oldest_first_spec_2_5() {
    let town = Town::new();
    for who in 0..5 {
        town.ask(&who.to_string(), BROWSER, &format!("192.0.2.{who}"))
            .unwrap();
    }
    let page = |limit: u16| {
        let params = json!({ "limit": limit });
        let reply = town.stage.ok(&town.bot, "login_code.fetch", params);
        let codes = reply["codes"].as_array().unwrap().clone();
        let whom: Vec<_> = codes.iter().map(|c| c["identity"].clone()).collect();
        (whom, reply["more"].clone())
    };
    assert_eq!(page(2), (vec![json!("0"), json!("1")], json!(true)));
    assert_eq!(
        page(3),
        (vec![json!("2"), json!("3"), json!("4")], json!(false))
    );
    for limit in [0, 101] {
        let params = json!({ "limit": limit });
        town.stage
            .refused(&town.bot, "login_code.fetch", params, "ERR_INVALID");
    }
}

#[test]
fn wrong_tries_count_per_network_and_identity_and_kill_no_code_spec_2_3() {
    let town = Town::new();
    let code = town.delivered("4711");
    for _ in 0..10 {
        assert_eq!(
            code_of(town.verify("4711", "WRONGONE")),
            "ERR_LOGIN_INVALID"
        );
    }
    let refused = town.verify("4711", &code).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_RATE_LIMITED");
    assert_eq!(refused.extras().retry_after_ms, Some(60_000));
    // Others' tries hold nobody up, and another identity is counted by itself.
    let other = town.delivered("4712");
    town.verify("4712", &other).unwrap();
    let elsewhere = town.stage.code(
        &at("198.51.100.1"),
        "session.sign_in",
        claim("4711", &code, Some(BROWSER)),
    );
    assert_eq!(elsewhere, "ok");
}

#[test]
fn two_codes_of_somebody_new_make_one_account_spec_2_3() {
    let town = Town::new();
    let (one, other) = (town.delivered("4711"), town.delivered("4711"));
    let first = town.verify("4711", &one).unwrap();
    let second = town.verify("4711", &other).unwrap();
    assert_eq!(first["user_id"], second["user_id"]);
    // What was asked for before there was an account leads there too.
    town.ask("4712", BROWSER, "192.0.2.1").unwrap();
    town.ask("4712", BROWSER, "192.0.2.1").unwrap();
    let codes = town.fetch();
    let people: Vec<_> = codes
        .iter()
        .map(|(whom, code)| town.verify(whom, code).unwrap()["user_id"].clone())
        .collect();
    assert_eq!(people[0], people[1]);
}

#[test]
fn the_punished_are_not_let_in_from_elsewhere_spec_1_5() {
    let town = Town::new();
    let id = town.arrived("4711");
    let params = json!({ "user_id": id, "reason": "spam" });
    town.stage.ok(&user(ADMIN), "mod.platform_ban", params);
    let code = town.delivered("4711");
    assert_eq!(code_of(town.verify("4711", &code)), "ERR_BANNED");
}

#[test]
fn an_identity_goes_with_the_account_spec_1_7() {
    let town = Town::new();
    let id = town.arrived("4711");
    let stale = town.delivered("4711");
    town.stage
        .ok(&user(id), "user.delete", json!({ "user_id": id }));
    assert_eq!(code_of(town.verify("4711", &stale)), "ERR_LOGIN_INVALID");
    let lookup = json!({ "identity": "4711" });
    let found = town.stage.ok(&town.bot, "account.lookup", lookup);
    assert_eq!(found["has_account"], false);
    assert_ne!(town.arrived("4711"), id);
}

#[test]
fn arriving_from_a_strangers_session_ends_the_stranger_spec_1_8() {
    let town = Town::new();
    let stranger = town
        .stage
        .ok(&at("192.0.2.7"), "stranger.create", json!({}));
    let session = stranger["session_id"].as_i64().unwrap();
    let session = Actor::session(session.try_into().unwrap());
    let code = town.delivered("4711");
    let new = town.stage.ok(
        &session,
        "session.sign_in",
        claim("4711", &code, Some(BROWSER)),
    );
    assert_ne!(new["user_id"], stranger["user_id"]);
    let gone = json!({ "user_id": stranger["user_id"] });
    town.stage
        .refused(&user(OWNER), "user.get", gone, "ERR_USER_NOT_FOUND");
}

#[test]
fn one_says_who_one_is_in_one_way_spec_2_3() {
    let town = Town::new();
    for (params, field) in [
        (json!({ "secret": "s" }), "username"),
        (
            json!({ "secret": "s", "username": "ben-basic", "platform": "telegram", "identity": "1" }),
            "username",
        ),
        (json!({ "secret": "s", "platform": "telegram" }), "identity"),
        (json!({ "secret": "s", "identity": "1" }), "platform"),
        (
            json!({ "secret": "s", "platform": "telegram", "identity": "" }),
            "identity",
        ),
    ] {
        let refused = town
            .stage
            .refused(&Actor::guest(), "session.sign_in", params, "ERR_INVALID");
        assert_eq!(refused.extras().field.as_deref(), Some(field));
    }
}
