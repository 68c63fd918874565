//! The neko backend and what runs already, with an engine and a neko that a test speaks for: what is found, who is let in,
//! what counts as gone (SPEC 11.2, 11.3).

#[path = "common/fake_engine.rs"]
mod fake_engine;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use fake_engine::answering::{Asked, Reply, on_port};
use fake_engine::{Stage, inspected, listed, run, user, well};
use portal_core::backend::{BrowserBackend, FaultKind, Viewer};
use serde_json::{Value, json};

#[test]
fn what_is_not_there_is_stopped_and_not_entered() {
    let stage = Stage::new(well_but_gone);
    let neko = stage.neko();
    neko.stop(&run()).unwrap();
    let viewer = Viewer {
        user: user(3),
        name: "mira".to_owned().try_into().unwrap(),
    };
    for fault in [
        neko.admit(&run(), &viewer).map(drop).unwrap_err(),
        neko.dismiss(&run(), user(3)).unwrap_err(),
        neko.give_control(&run(), None).unwrap_err(),
        neko.clipboard(&run()).map(drop).unwrap_err(),
        neko.screenshot(&run()).map(drop).unwrap_err(),
    ] {
        assert_eq!(fault.kind, FaultKind::Gone, "{fault}");
    }
}

fn well_but_gone(asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "DELETE" => Reply::Json(404, json!({"message": "No such container"})),
        _ => well(asked),
    }
}

/// An engine with one container, of a neko at this address.
fn with_neko(neko: SocketAddr) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked| match asked.what().as_str() {
        "GET /containers/json" => Reply::Json(
            200,
            json!([listed(&run(), neko.port(), "running"), {"Id": "another"}]),
        ),
        what if what.starts_with("GET /containers/") => Reply::Json(
            200,
            inspected(&run(), neko.port(), json!({"Running": true})),
        ),
        _ => well(asked),
    }
}

fn member(id: &str, can_host: bool) -> Value {
    json!({"id": id, "profile": {"name": id, "can_host": can_host, "can_login": true}})
}

#[test]
fn what_runs_is_found_with_its_viewers_and_whoever_has_control() {
    let (address, _) = on_port(|_| {
        Reply::Json(
            200,
            json!([member("u3", false), member("u4", true), member("x", false)]),
        )
    });
    let stage = Stage::new(with_neko(address));
    let listed = stage.neko().list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].chat.get(), &listed[0].run), (5, &run()));
    assert_eq!(listed[0].viewers, [user(3), user(4)]);
    assert_eq!(listed[0].controller, Some(user(4)));
    let asked = stage.log.all().into_iter().next().unwrap();
    assert!(
        asked.target.contains("portal.server%3Dhere"),
        "{}",
        asked.target
    );
}

#[test]
fn whoever_nobody_here_let_in_goes_as_soon_as_they_are_seen() {
    let mut admin = member("u4", false);
    admin["profile"]["is_admin"] = json!(true);
    let (address, asked) = on_port(move |asked| match asked.what().as_str() {
        "GET /api/members" => Reply::Json(
            200,
            json!([
                member("u3", false),
                member("x", false),
                member("u03", true),
                admin.clone()
            ]),
        ),
        what if what.starts_with("GET /api/members/") => {
            Reply::Json(200, member("x", false)["profile"].clone())
        }
        _ => Reply::Json(204, Value::Null),
    });
    let stage = Stage::new(with_neko(address));
    let listed = stage.neko().list().unwrap();
    assert_eq!(listed[0].viewers, [user(3)]);
    assert_eq!(listed[0].controller, None);
    let words = asked.words();
    let gone = words.iter().filter(|what| what.starts_with("DELETE"));
    let gone: Vec<&str> = gone.map(String::as_str).collect();
    assert_eq!(
        gone,
        [
            "DELETE /api/members/x",
            "DELETE /api/members/u03",
            "DELETE /api/members/u4"
        ]
    );
}

#[test]
fn a_browser_with_somebody_who_cannot_be_taken_away_is_ended() {
    for id in ["a/b", "..", "a b", "a?b"] {
        let (address, _) = on_port(move |_| Reply::Json(200, json!([member(id, false)])));
        let stage = Stage::new(with_neko(address));
        assert_eq!(stage.neko().list().unwrap(), []);
        let removed = format!("DELETE /containers/id-{}", run());
        assert!(stage.log.words().contains(&removed), "{id}");
    }
}

#[test]
fn what_ended_by_itself_is_removed() {
    let stage = Stage::new(|asked| match asked.what().as_str() {
        "GET /containers/json" => Reply::Json(200, json!([listed(&run(), 52000, "exited")])),
        what if what.starts_with("GET /containers/id-") => {
            Reply::Json(200, inspected(&run(), 52000, json!({"Running": false})))
        }
        _ => well(asked),
    });
    assert_eq!(stage.neko().list().unwrap(), []);
    assert!(
        stage
            .log
            .words()
            .contains(&format!("DELETE /containers/id-{}", run()))
    );
}

#[test]
fn an_engine_that_fails_is_no_end_of_what_runs() {
    let stage = Stage::new(|asked| match asked.what().as_str() {
        "GET /containers/json" => Reply::Json(200, json!([listed(&run(), 52000, "running")])),
        what if what.starts_with("GET /containers/id-") => {
            Reply::Json(500, json!({"message": "the database is locked"}))
        }
        _ => well(asked),
    });
    let neko = stage.neko();
    for _ in 0..4 {
        let fault = neko.list().unwrap_err();
        assert!(fault.detail.contains("the database is locked"), "{fault}");
    }
    assert!(
        !stage
            .log
            .words()
            .iter()
            .any(|what| what.starts_with("DELETE"))
    );
}

#[test]
fn a_neko_that_does_not_answer_three_times_is_dead() {
    let (address, _) = on_port(|_| Reply::Silence);
    let stage = Stage::new(with_neko(address));
    let neko = stage.neko();
    let removed = format!("DELETE /containers/id-{}", run());
    for _ in 0..2 {
        let listed = neko.list().unwrap();
        assert_eq!((listed.len(), listed[0].viewers.len()), (1, 0));
        assert!(!stage.log.words().contains(&removed));
    }
    assert_eq!(neko.list().unwrap(), []);
    assert!(stage.log.words().contains(&removed));
    // Silence of a running one is no end of it.
    let fault = neko.clipboard(&run()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
}

#[test]
fn whoever_was_let_in_unknown_to_the_keeper_goes() {
    let is_silent = Arc::new(AtomicBool::new(true));
    let members = Arc::new(Mutex::new(vec!["u3".to_owned()]));
    let (silent, kept) = (Arc::clone(&is_silent), Arc::clone(&members));
    let (address, _) = on_port(move |asked| {
        if silent.load(SeqCst) {
            return Reply::Silence;
        }
        let mut members = kept.lock().unwrap();
        let id = asked.target.rsplit('/').next().unwrap().to_owned();
        match asked.method.as_str() {
            "GET" if id == "members" => {
                Reply::Json(200, members.iter().map(|id| member(id, false)).collect())
            }
            "GET" if members.contains(&id) => {
                Reply::Json(200, member(&id, false)["profile"].clone())
            }
            "DELETE" => {
                members.retain(|member| *member != id);
                Reply::Json(204, Value::Null)
            }
            "POST" => {
                members.push(asked.body["username"].as_str().unwrap().to_owned());
                Reply::Json(200, json!({}))
            }
            _ => Reply::Json(404, json!({"message": "member not found"})),
        }
    });
    let stage = Stage::new(with_neko(address));
    let neko = stage.neko();
    assert_eq!(neko.list().unwrap()[0].viewers, []);
    is_silent.store(false, SeqCst);
    let viewer = Viewer {
        user: user(4),
        name: "mira".to_owned().try_into().unwrap(),
    };
    let access = neko.admit(&run(), &viewer).unwrap();
    assert_eq!(
        (access.username.as_str(), access.url.ends_with('/')),
        ("u4", true)
    );
    assert_eq!(*members.lock().unwrap(), ["u4"]);
    assert_eq!(neko.list().unwrap()[0].viewers, [user(4)]);
}
