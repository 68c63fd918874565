//! The neko backend against an engine that a test speaks for: what a start asks of it, and what it says of each refusal
//! (SPEC 11.3). Against a real one: `tests/neko/run.sh`.

#[path = "common/fake_engine.rs"]
mod fake_engine;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use fake_engine::answering::{Reply, on_port};
use fake_engine::{Stage, inspected, listed, neko, order, run, well};
use portal_core::backend::{BrowserBackend, FaultKind};
use portal_core::model::RunId;
use portal_server::browser::{Neko, Setup};
use serde_json::json;

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
    let (address, _) = on_port(neko(false));
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
fn a_neko_whose_members_make_themselves_admins_is_not_run() {
    for (rises, kept) in [(false, true), (true, false)] {
        let (address, asked) = on_port(neko(rises));
        let stage = Stage::new(move |asked| {
            if asked.what() == format!("GET /containers/portal-{}/json", run()) {
                return Reply::Json(
                    200,
                    inspected(&run(), address.port(), json!({"Running": true})),
                );
            }
            well(asked)
        });
        if kept {
            stage.start().unwrap();
        } else {
            stage.refuses(FaultKind::Misconfigured, "neko 3.0.11, 3.1.2 or newer");
        }
        // What was tried with is gone, and where it is not run the container is too.
        let words = asked.words();
        assert!(words.contains(&"DELETE /api/members/portal-check".to_owned()));
        let last = stage.log.words().pop().unwrap();
        assert_eq!(
            last.starts_with("DELETE /containers/portal-"),
            !kept,
            "{last}"
        );
    }
}

#[test]
fn where_it_is_not_known_whether_members_rise_it_is_not_run() {
    for silent in ["POST /api/login", "GET /api/whoami", "POST /api/members"] {
        let well_else = neko(false);
        let (address, _) = on_port(move |asked| match asked.what().as_str() {
            what if what == silent => Reply::Json(404, json!({"message": "not found"})),
            _ => well_else(asked),
        });
        let stage = Stage::new(move |asked| {
            if asked.what() == format!("GET /containers/portal-{}/json", run()) {
                return Reply::Json(
                    200,
                    inspected(&run(), address.port(), json!({"Running": true})),
                );
            }
            well(asked)
        });
        stage.refuses(FaultKind::Misconfigured, "CVE-2026-39386");
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
fn a_network_of_another_interface_or_with_ipv6_is_not_taken() {
    for (more, words) in [
        (
            json!({"Options": {"com.docker.network.bridge.name": "br0"}}),
            "has the interface \"br0\", not portal-neko",
        ),
        (json!({"EnableIPv6": true}), "has IPv6"),
    ] {
        let mut network =
            json!({"Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.213.52.0/24"}]}});
        let more = more.as_object().unwrap().clone();
        network.as_object_mut().unwrap().extend(more);
        let stage = Stage::new(move |asked| match asked.what().as_str() {
            "GET /networks/portal-neko" => Reply::Json(200, network.clone()),
            _ => well(asked),
        });
        stage.refuses(FaultKind::Misconfigured, words);
    }
}

#[test]
fn a_container_has_its_limits_its_labels_and_no_more_rights_than_needed_spec_11_3() {
    let (address, _) = on_port(neko(false));
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
    stage.setup.disk_mib = Some(4096);
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
    assert_eq!(host["StorageOpt"], json!({"size": "4096M"}));
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
        "NEKO_LEGACY=true",
        "NEKO_SESSION_COOKIE_ENABLED=false",
        "NEKO_WEBRTC_UDPMUX=52000",
        "NEKO_WEBRTC_NAT1TO1=127.0.0.1",
        "NEKO_SERVER_PATH_PREFIX=/neko/52000",
        "NEKO_SESSION_INACTIVE_CURSORS=false",
    ] {
        assert!(env.contains(&line), "{line}");
    }
}
