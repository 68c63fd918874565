//! The neko backend against an engine that a test speaks for: what it asks, and what it says of each refusal (SPEC 11.3).
//! Against a real one: `tests/neko/run.sh`.

#[path = "common/answering.rs"]
mod answering;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use answering::{Asked, Log, Reply, on_port, on_socket};
use portal_core::backend::{BrowserBackend, BrowserOrder, Fault, FaultKind, Viewer};
use portal_core::model::{BrowserConfig, ChatConfig, RunId, UserId};
use portal_server::browser::{Neko, Setup};
use serde_json::{Value, json};

fn run() -> RunId {
    RunId::from_bytes([7; 16])
}

fn user(id: i64) -> UserId {
    UserId::try_from(id).unwrap()
}

fn order() -> BrowserOrder {
    BrowserOrder {
        chat: 5.try_into().unwrap(),
        run: run(),
        browser: BrowserConfig::default(),
        room: ChatConfig::default(),
    }
}

struct Stage {
    _dir: tempfile::TempDir,
    setup: Setup,
    log: Log,
}

impl Stage {
    fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
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

    fn neko(&self) -> Neko {
        Neko::new(self.setup.clone())
    }

    fn start(&self) -> Result<(), Fault> {
        self.neko().start(&order())
    }

    #[track_caller]
    fn refuses(&self, kind: FaultKind, words: &str) {
        let fault = self.start().unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.detail.contains(words), "{fault}");
    }
}

/// An engine where all goes well, and nothing runs.
fn well(asked: &Asked) -> Reply {
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

fn labels(run: &RunId, port: u16) -> Value {
    json!({
        "portal.server": "here", "portal.run": run.as_str(), "portal.chat": "5", "portal.port": port.to_string(),
        "portal.bind": "127.0.0.1", "portal.path": "/", "portal.url": format!("http://127.0.0.1:{port}/"),
    })
}

fn listed(run: &RunId, port: u16, state: &str) -> Value {
    json!({"Id": format!("id-{run}"), "State": state, "Labels": labels(run, port)})
}

fn inspected(run: &RunId, port: u16, state: Value) -> Value {
    json!({
        "State": state,
        "Config": {"Env": ["PATH=/bin", "NEKO_SESSION_API_TOKEN=open"], "Labels": labels(run, port)},
        "NetworkSettings": {"Networks": {}},
    })
}

#[test]
fn without_an_engine_it_says_where_it_looked() {
    let missing = PathBuf::from("/nowhere/engine.sock");
    let neko = Neko::new(Setup {
        engine: missing,
        ..Setup::default()
    });
    for fault in [
        neko.start(&order()).unwrap_err(),
        neko.stop(&run()).unwrap_err(),
        neko.list().unwrap_err(),
        neko.give_control(&run(), None).unwrap_err(),
    ] {
        assert_eq!(fault.kind, FaultKind::Unreachable);
        assert!(fault.detail.contains("/nowhere/engine.sock"), "{fault}");
    }
}

#[test]
fn an_engine_that_does_not_answer_is_not_waited_for() {
    let stage = Stage::new(|_| Reply::Silence);
    stage.refuses(
        FaultKind::Unreachable,
        "did not answer DELETE /containers/portal-",
    );
    let fault = stage.neko().list().unwrap_err();
    assert!(fault.detail.contains("within 0.3 s"), "{fault}");
}

#[test]
fn what_is_no_engine_is_told_from_one() {
    for (raw, words) in [
        (
            "220 mail.example ready\r\n",
            "does not answer as a container engine",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1,",
            "is not understood",
        ),
        ("", "does not answer as a container engine"),
    ] {
        let stage = Stage::new(move |_| Reply::Raw(raw));
        let fault = stage.neko().list().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unreachable);
        assert!(fault.detail.contains(words), "{raw:?}: {fault}");
    }
}

#[test]
fn a_missing_image_is_to_be_pulled() {
    for said in [
        "No such image: ghcr.io/m1k1o/neko/firefox:3",
        "no such image: ghcr.io/m1k1o/neko/firefox:3: image not known",
    ] {
        let stage = Stage::new(move |asked| match asked.what().as_str() {
            "POST /containers/create" => Reply::Json(404, json!({"message": said})),
            _ => well(asked),
        });
        stage.refuses(
            FaultKind::Misconfigured,
            "docker pull ghcr.io/m1k1o/neko/firefox:3",
        );
    }
}

#[test]
fn at_the_limit_it_is_full() {
    let stage = Stage::new(|asked| match asked.what().as_str() {
        "GET /containers/json" => {
            let running = (1..=4).map(|n| listed(&RunId::from_bytes([n; 16]), 52000, "running"));
            Reply::Json(200, running.collect())
        }
        _ => well(asked),
    });
    stage.refuses(FaultKind::Full, "4 browsers run, which is browser_limit");
    assert!(
        !stage
            .log
            .words()
            .contains(&"POST /containers/create".to_owned())
    );
}

#[test]
fn a_port_that_is_taken_is_passed_by_until_there_is_none() {
    let stage = Stage::new(|asked| match asked.method.as_str() {
        "POST" if asked.target.ends_with("/start") => Reply::Json(
            500,
            json!({"message": "listen tcp4 127.0.0.1:52000: bind: address already in use"}),
        ),
        _ => well(asked),
    });
    let mut stage = stage;
    stage.setup.limit = 1;
    stage.setup.ports = "52000-52002".parse().unwrap();
    stage.refuses(
        FaultKind::Full,
        "no port of browser_ports (52000-52002) is free",
    );
    let tried: Vec<_> = stage.log.all();
    let tried = tried
        .iter()
        .filter(|asked| asked.what() == "POST /containers/create");
    let ports: Vec<_> = tried
        .map(|asked| {
            asked.body["Labels"]["portal.port"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ports, ["52000", "52001", "52002"]);
}

#[test]
fn a_machine_without_ipv6_is_not_told_to_turn_it_off() {
    let (address, _) = on_port(|_| Reply::Json(200, json!([])));
    let port = address.port();
    let tries = AtomicU32::new(0);
    let stage = Stage::new(move |asked| match asked.what().as_str() {
        what if what.ends_with("/start") && tries.fetch_add(1, SeqCst) == 0 => Reply::Json(
            500,
            json!({"message": "open /proc/sys/net/ipv6/conf/all/disable_ipv6: no such file or directory"}),
        ),
        what if what == format!("GET /containers/portal-{}/json", run()) => {
            Reply::Json(200, inspected(&run(), port, json!({"Running": true})))
        }
        _ => well(asked),
    });
    stage.start().unwrap();
    let all = stage.log.all();
    let made = all
        .iter()
        .filter(|asked| asked.what() == "POST /containers/create");
    let told: Vec<usize> = made
        .map(|asked| {
            asked.body["HostConfig"]["Sysctls"]
                .as_object()
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(told, [2, 0]);
}

#[test]
fn a_disk_that_is_full_is_full() {
    let stage = Stage::new(|asked| match asked.what().as_str() {
        "POST /containers/create" => Reply::Json(
            500,
            json!({"message": "mkdir /var/lib: no space left on device"}),
        ),
        _ => well(asked),
    });
    stage.refuses(FaultKind::Full, "no space left");
}

#[test]
fn a_container_that_ends_at_its_start_says_how() {
    for (state, words) in [
        (
            json!({"Running": false, "ExitCode": 3}),
            "ended with 3 at its start",
        ),
        (
            json!({"Running": false, "ExitCode": 137, "OOMKilled": true}),
            "ended with 137, out of memory (browser_memory)",
        ),
    ] {
        let stage = Stage::new(move |asked| {
            if asked.what() == format!("GET /containers/portal-{}/json", run()) {
                return Reply::Json(200, inspected(&run(), 52000, state.clone()));
            }
            well(asked)
        });
        stage.refuses(FaultKind::Failed, words);
    }
}

#[test]
fn a_network_of_other_addresses_is_not_taken() {
    let stage = Stage::new(|asked| match asked.what().as_str() {
        "GET /networks/portal-neko" => Reply::Json(
            200,
            json!({"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}),
        ),
        _ => well(asked),
    });
    stage.refuses(FaultKind::Misconfigured, "docker network rm portal-neko");
}

#[test]
fn a_container_has_its_limits_its_labels_and_no_more_rights_than_needed_spec_11_3() {
    let (address, _) = on_port(|_| Reply::Json(200, json!([])));
    let port = address.port();
    let stage = Stage::new(move |asked| {
        if asked.what() == format!("GET /containers/portal-{}/json", run()) {
            return Reply::Json(200, inspected(&run(), port, json!({"Running": true})));
        }
        well(asked)
    });
    let mut stage = stage;
    stage.setup.capabilities = [("firefox".to_owned(), vec!["SYS_CHROOT".to_owned()])].into();
    stage.setup.url = "https://b.example/neko/{port}/".parse().unwrap();
    stage.start().unwrap();
    let all = stage.log.all();
    let create = all
        .iter()
        .find(|asked| asked.what() == "POST /containers/create")
        .unwrap();
    assert!(create.target.ends_with(&format!("?name=portal-{}", run())));
    let body = &create.body;
    assert_eq!(body["Labels"]["portal.server"], "here");
    assert_eq!(
        body["Labels"]["portal.url"],
        "https://b.example/neko/52000/"
    );
    let host = &body["HostConfig"];
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    let added = host["CapAdd"].as_array().unwrap();
    assert!(added.contains(&"SYS_CHROOT".into()) && !added.contains(&"NET_RAW".into()));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(host["NetworkMode"], "portal-neko");
    assert_eq!(
        (&host["Memory"], &host["MemorySwap"]),
        (&json!(3072_u64 << 20), &json!(3072_u64 << 20))
    );
    assert_eq!(
        (&host["NanoCpus"], &host["PidsLimit"]),
        (&json!(2_000_000_000), &json!(1024))
    );
    assert_eq!(
        host["PortBindings"],
        json!({
            "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "52000"}],
            "52000/udp": [{"HostIp": "127.0.0.1", "HostPort": "52000"}],
        })
    );
    for missing in [
        "Privileged",
        "Binds",
        "Mounts",
        "PidMode",
        "IpcMode",
        "Devices",
    ] {
        assert_eq!(host.get(missing), None);
    }
    let env: Vec<&str> = body["Env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    for line in [
        "NEKO_MEMBER_PROVIDER=object",
        "NEKO_SESSION_COOKIE_ENABLED=false",
        "NEKO_WEBRTC_UDPMUX=52000",
        "NEKO_WEBRTC_NAT1TO1=127.0.0.1",
        "NEKO_SERVER_PATH_PREFIX=/neko/52000",
        "NEKO_SESSION_INACTIVE_CURSORS=false",
    ] {
        assert!(env.contains(&line), "{line}");
    }
}

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
