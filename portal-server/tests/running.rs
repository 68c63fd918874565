//! The guide for running a server, and what lies beside it, against the program.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use common::TestServer;
use common::program::run;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(DOCS).join(name)).unwrap()
}

#[tokio::test]
async fn the_guide_lists_every_metric_and_no_other_spec_15_6() {
    let server = TestServer::start().await;
    let metrics = server.get(None, "/metrics").await.text;
    let there: BTreeSet<String> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.replace(' ', " | "))
        .collect();
    let guide = document("running.md");
    let listed: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `portal_"))
        .map(|line| {
            let mut cells = line.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            format!("portal_{name} | {}", cells.next().unwrap())
        })
        .collect();
    assert!(!there.is_empty());
    assert_eq!(there, listed);
}

#[test]
fn the_settings_that_the_guide_and_the_proxies_want_are_good() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.toml");
    for name in [
        "running.md",
        "running/nginx.conf",
        "running/Caddyfile",
        "browsers.md",
        "running/nginx-browsers.conf",
    ] {
        let text = document(name);
        let wanted: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start_matches('#').strip_prefix("    "))
            .map(str::trim)
            .filter(|line| line.contains(" = \""))
            .collect();
        assert!(wanted.len() >= 2, "{name}");
        std::fs::write(&file, wanted.join("\n")).unwrap();
        let output = run(&["config", "--check", "--config", file.to_str().unwrap()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        let printed = String::from_utf8(output.stdout).unwrap();
        for line in wanted {
            let line = line.replace("X-Forwarded-For", "x-forwarded-for");
            assert!(printed.contains(&line), "{name}: {printed}");
        }
    }
}

#[test]
fn the_unit_of_a_server_with_browsers_lets_it_reach_them() {
    let unit = document("running/portal-server-browsers.conf");
    let printed = String::from_utf8(run(&["config", "--print-default"]).stdout).unwrap();
    let subnet = printed
        .lines()
        .find_map(|line| line.strip_prefix("browser_subnet = "));
    let subnet = subnet.unwrap().trim_matches('"');
    assert!(unit.contains(&format!("\nIPAddressAllow={subnet}\n")));
}

#[test]
fn the_unit_starts_the_program_with_what_it_knows_and_gives_it_time_to_end() {
    let unit = document("running/portal-server.service");
    let value = |name: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}")).trim()
    };
    let started: Vec<&str> = value("ExecStart=").split(' ').collect();
    assert!(started[0].ends_with("/portal-server"));
    let output = run(&[&["config", "--print-default"], &started[1..]].concat());
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).unwrap();
    let number = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().parse::<u64>().unwrap()
    };
    let patience: u64 = value("TimeoutStopSec=").parse().unwrap();
    assert!(patience > number("stop_timeout = "));
    let descriptors: u64 = value("LimitNOFILE=").parse().unwrap();
    assert!(descriptors > 2 * number("connections = "));
}

/// Where there is systemd, what it says of the unit.
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("portal-server.service");
    let program = env!("CARGO_BIN_EXE_portal-server");
    let text = document("running/portal-server.service");
    let text = text.replace("/usr/local/bin/portal-server", program);
    assert!(text.contains(program));
    std::fs::write(&unit, text).unwrap();
    for arguments in [
        &["verify", "--man=no"][..],
        // In tenths: what stays is that it listens, and runs in the system's own tree.
        &["security", "--offline=true", "--no-pager", "--threshold=15"][..],
    ] {
        let ran = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&unit)
            .output();
        let Ok(output) = ran else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        if arguments[0] == "verify" {
            assert!(!said.contains("portal-server"), "{said}");
        }
    }
}
