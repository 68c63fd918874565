//! A container engine that a test speaks for, and the neko backend that asks it.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test that takes this in is a program of its own, and uses a part"
)]

#[path = "answering.rs"]
pub mod answering;

use std::sync::Mutex;
use std::time::Duration;

use answering::{Asked, Log, Reply, on_socket};
use portal_core::backend::{BrowserBackend, BrowserOrder, Fault, FaultKind};
use portal_core::model::{BrowserConfig, ChatConfig, RunId, UserId};
use portal_server::browser::{Neko, Setup};
use serde_json::{Value, json};

pub fn run() -> RunId {
    RunId::from_bytes([7; 16])
}

pub fn user(id: i64) -> UserId {
    UserId::try_from(id).unwrap()
}

pub fn order() -> BrowserOrder {
    BrowserOrder {
        chat: 5.try_into().unwrap(),
        run: run(),
        browser: BrowserConfig::default(),
        room: ChatConfig::default(),
    }
}

pub struct Stage {
    _dir: tempfile::TempDir,
    pub setup: Setup,
    pub log: Log,
}

impl Stage {
    pub fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = dir.path().join("engine.sock");
        let log = on_socket(&engine, answer);
        Self {
            setup: Setup {
                engine,
                server: "here".to_owned(),
                checks_firewall: false,
                engine_within: Duration::from_millis(300),
                room_within: Duration::from_millis(300),
                start_within: Duration::from_secs(20),
                ..Setup::default()
            },
            _dir: dir,
            log,
        }
    }

    pub fn neko(&self) -> Neko {
        Neko::new(self.setup.clone())
    }

    pub fn start(&self) -> Result<(), Fault> {
        self.neko().start(&order())
    }

    #[track_caller]
    pub fn refuses(&self, kind: FaultKind, words: &str) {
        let fault = self.start().unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.detail.contains(words), "{fault}");
    }
}

/// An engine where all goes well, and nothing runs.
pub fn well(asked: &Asked) -> Reply {
    let path = asked.target.split('?').next().unwrap();
    match (asked.method.as_str(), path) {
        ("GET", "/networks/portal-neko") => Reply::Json(
            200,
            json!({"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.213.52.0/24"}]}}),
        ),
        ("GET", "/containers/json") => Reply::Json(200, json!([])),
        ("POST", "/containers/create") => Reply::Json(201, json!({"Id": "c1"})),
        ("GET", _) => Reply::Json(404, json!({"message": "no such container"})),
        _ => Reply::Json(204, Value::Null),
    }
}

pub fn labels(run: &RunId, port: u16) -> Value {
    json!({
        "portal.server": "here", "portal.run": run.as_str(), "portal.chat": "5", "portal.port": port.to_string(),
        "portal.bind": "127.0.0.1", "portal.path": "/", "portal.url": format!("http://127.0.0.1:{port}/"),
    })
}

pub fn listed(run: &RunId, port: u16, state: &str) -> Value {
    json!({"Id": format!("id-{run}"), "State": state, "Labels": labels(run, port)})
}

pub fn inspected(run: &RunId, port: u16, state: Value) -> Value {
    json!({
        "State": state,
        "Config": {"Env": ["PATH=/bin", "NEKO_SESSION_API_TOKEN=open"], "Labels": labels(run, port)},
        "NetworkSettings": {"Networks": {}},
    })
}

/// A neko where all goes well: its members are told nothing of being admins, unless they rise.
pub fn neko(rises: bool) -> impl Fn(&Asked) -> Reply + Send + Sync {
    let members = Mutex::new(Vec::<Value>::new());
    move |asked| {
        let mut members = members.lock().unwrap();
        let what = asked.what();
        let id = what.rsplit('/').next().unwrap_or_default();
        let at = members.iter().position(|member| member["username"] == id);
        match (what.as_str(), at) {
            ("GET /health", _) => Reply::Json(200, json!(true)),
            ("GET /api/members", _) => Reply::Json(
                200,
                members
                    .iter()
                    .map(|member| json!({"id": member["username"], "profile": member["profile"]}))
                    .collect(),
            ),
            ("POST /api/members", _) => {
                members.push(asked.body.clone());
                Reply::Json(200, json!({}))
            }
            ("POST /api/login", _) => Reply::Json(200, json!({"token": "theirs"})),
            ("POST /api/profile", _) => {
                if rises {
                    members.last_mut().unwrap()["profile"] = asked.body.clone();
                }
                Reply::Json(200, json!(true))
            }
            ("GET /api/whoami", _) => {
                let last = members.last().unwrap();
                Reply::Json(
                    200,
                    json!({"id": last["username"], "profile": last["profile"]}),
                )
            }
            (_, Some(at)) if asked.method == "GET" => {
                Reply::Json(200, members[at]["profile"].clone())
            }
            (_, Some(at)) if asked.method == "DELETE" => {
                members.remove(at);
                Reply::Json(204, Value::Null)
            }
            (_, Some(_)) => Reply::Json(204, Value::Null),
            _ => Reply::Json(404, json!({"message": "not found"})),
        }
    }
}
