//! The program itself, as its users start it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use portal_core::{Actor, Options, Portal};
use serde_json::Value;

/// A running one. It is killed if the test ends without having stopped it.
pub struct Program {
    pub out: BufReader<ChildStdout>,
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

/// How one ended.
pub struct Ended {
    /// None after a signal.
    pub code: Option<i32>,
    /// What was not read before.
    pub out: String,
    pub log: String,
}

/// The program with nothing set in its environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-server"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

impl Program {
    /// Starts it on a file and a free port.
    pub fn start(file: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0", "--db"]).arg(file);
        command.args(arguments);
        Self::spawn(command, &file.with_extension("log"))
    }

    /// Starts it as told, its log in a file: a pipe that nobody reads would hold it up.
    pub fn spawn(mut command: Command, log: &Path) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("portal-server listens on http://")
            .and_then(|address| address.parse().ok());
        let why = || std::fs::read_to_string(log).unwrap();
        Self {
            address: address.unwrap_or_else(|| panic!("{line:?}: {}", why())),
            out,
            child,
            log: log.to_owned(),
        }
    }

    /// Sends this as it is; answers all that comes back.
    pub fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let code = self.child.wait().unwrap().code();
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        let log = std::fs::read_to_string(&self.log).unwrap();
        Ended { code, out, log }
    }

    /// Sends a signal and waits for the end.
    pub fn stop(self, signal: &str) -> Ended {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The file, opened beside the program as the CLI does.
pub struct Beside(Portal);

impl Beside {
    pub fn open(file: &Path) -> Self {
        Self(Portal::open(file, Options::default()).unwrap())
    }

    #[track_caller]
    pub fn operator(&self, name: &str, params: Value) -> Value {
        let reply = self
            .0
            .call_json(&Actor::operator(), name, &params.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&reply).unwrap()
    }

    /// A person and their token.
    pub fn person(&self, name: &str, role: &str) -> super::Person {
        let user = self.operator(
            "user.create",
            serde_json::json!({ "username": name, "role": role }),
        );
        let id = user["user_id"].as_i64().unwrap();
        let session = self.operator("session.create", serde_json::json!({ "user_id": id }));
        super::Person {
            id,
            session: session["session_id"].as_i64().unwrap(),
            token: session["token"].as_str().unwrap().to_owned(),
        }
    }
}
