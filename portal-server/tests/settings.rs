//! What the program is told: by flags, the environment and a file, in that order.

mod common;

use std::path::PathBuf;

use common::program::{Program, command, run};

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn settings(&self, text: &str) -> String {
        let path = self.path("portal.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The line of a setting in what `config --check` prints.
fn line<'a>(printed: &'a str, name: &str) -> &'a str {
    printed
        .lines()
        .find(|line| {
            line.trim_start_matches('#')
                .starts_with(&format!("{name} = "))
        })
        .unwrap_or_else(|| panic!("{name} is not in {printed}"))
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let files = Files::new();
    let file = files.settings("rate_login = 1\nrate_public = 1\nrate_admin = 1\n");
    let mut check = command();
    check
        .args(["config", "--check", "--rate-login", "3"])
        .env("PORTAL_CONFIG", &file)
        .env("PORTAL_RATE_LOGIN", "2")
        .env("PORTAL_RATE_PUBLIC", "2");
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).unwrap();
    for (name, value, from) in [
        ("rate_login", "3", "--rate-login"),
        ("rate_public", "2", "PORTAL_RATE_PUBLIC"),
        ("rate_admin", "1", &format!("{file}:3")),
        ("rate_join", "20", "default"),
    ] {
        let line = line(&printed, name);
        assert!(line.starts_with(&format!("{name} = {value} ")), "{line}");
        assert!(line.ends_with(&format!("# {from}")), "{line}");
    }
    // An example is not taken for a value.
    let unset = line(&printed, "public_url");
    assert!(
        unset.ends_with("# not set: the address listened on"),
        "{unset}"
    );
    // What is printed is a settings file again.
    let again = files.settings(&printed);
    let output = run(&["config", "--check", "--config", &again]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(line(&printed, "rate_public").starts_with("rate_public = 2 "));
}

#[test]
fn a_server_does_what_its_file_says() {
    let files = Files::new();
    let db = files.path("elsewhere.db");
    let file = files.settings(&format!(
        "db = {:?}\nlisten = \"127.0.0.1:0\"\nrate_public = 2\nlog_format = \"json\"\n",
        db.to_str().unwrap()
    ));
    let mut serve = command();
    serve.args(["--config", &file]);
    let program = Program::spawn(serve, &files.path("log"));
    let get = "GET /v1/portal/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for status in ["200", "200", "429"] {
        let answer = program.ask(get);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    let ended = program.stop("-TERM");
    assert_eq!(ended.code, Some(0));
    assert!(db.exists());
    for line in ended.log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    assert!(ended.log.contains("stopping"), "{}", ended.log);
}

#[test]
fn the_default_file_changes_nothing() {
    let files = Files::new();
    let output = run(&["config", "--print-default"]);
    assert_eq!(output.status.code(), Some(0));
    let file = files.settings(&String::from_utf8(output.stdout).unwrap());
    let values = |arguments: &[&str]| {
        let output = run(&[&["config", "--check"], arguments].concat());
        assert_eq!(output.status.code(), Some(0));
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines = printed
            .lines()
            .map(|line| line.rsplit_once(" # ").unwrap().0.trim());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&["--config", &file]), values(&[]));
}

#[test]
fn what_is_wrong_is_said_with_file_line_and_name_and_nothing_is_made() {
    let files = Files::new();
    let db = files.path("portal.db");
    let db = db.to_str().unwrap();
    for (text, wanted) in [
        (
            "\nlissten = \"127.0.0.1:1\"\n",
            ":2: there is no setting `lissten`",
        ),
        ("rate_login = 0\n", ":1: rate_login: a whole number from 1"),
        ("log = info\n", ":1: "),
        ("public_url = \"http://chat.example\"\n", "must be https"),
        ("allowed_origin = [\"app.example\"]\n", "app.example"),
        ("listen = \"0.0.0.0:0\"\nlimits = \"off\"\n", "loopback"),
    ] {
        let file = files.settings(text);
        for arguments in [
            &["--config", &file, "--db", db][..],
            &["config", "--check", "--config", &file][..],
        ] {
            let output = run(arguments);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{text}: {said}");
            assert!(said.starts_with("portal-server: "), "{said}");
            assert!(said.contains(wanted), "{text}: {said}");
            if wanted.starts_with(':') {
                assert!(said.contains(&file), "{text}: {said}");
            }
            assert_eq!(output.stdout, b"");
        }
    }
    assert!(!files.path("portal.db").exists());
    let gone = files.path("gone.toml");
    let output = run(&["--config", gone.to_str().unwrap(), "--db", db]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone.toml"));
}
