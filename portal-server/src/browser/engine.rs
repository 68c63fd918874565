//! The container engine, by Docker's API over its socket: what of it this backend needs.
//!
//! Paths have no version in front: Docker and Podman both take them so, and each speaks its own then. What is read has
//! been the same for years. The surprise: Podman refuses in other words and with other numbers than Docker, so that
//! some refusals are told apart by what is said.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use portal_core::backend::{Fault, FaultKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::http::{self, Answer, Place, Question, Silence, escaped};
use super::setup::Setup;
use super::tar;

/// Whoever runs the containers.
#[derive(Debug)]
pub(super) struct Engine {
    socket: PathBuf,
    within: Duration,
}

/// A line of the list of containers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) state: String,
    /// The same in a sentence, with the exit code.
    #[serde(default)]
    pub(super) status: String,
}

/// A container, looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub(super) state: State,
    pub(super) config: Config,
    #[serde(default)]
    pub(super) network_settings: NetworkSettings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(default)]
    pub(super) running: bool,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(default, rename = "OOMKilled")]
    pub(super) oom_killed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Config {
    #[serde(default)]
    pub(super) env: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    #[serde(default)]
    pub(super) networks: BTreeMap<String, Endpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    #[serde(default, rename = "IPAddress")]
    pub(super) address: String,
}

/// Why a container did not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// Something else has one of its ports.
    PortTaken,
    /// The machine knows no IPv6, which is to be turned off.
    NoIpv6,
    Fault(Fault),
}

impl Engine {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            socket: setup.engine.clone(),
            within: setup.engine_within,
        }
    }

    async fn ask(&self, question: Question) -> Result<Answer, Fault> {
        let shown = self.socket.display();
        let what = format!("{} {}", question.method, question.target);
        let what = what.split('?').next().unwrap_or_default().to_owned();
        let place = Place::Socket(self.socket.clone());
        let asked = http::ask(&place, question);
        let unreachable = |detail| Fault::new(FaultKind::Unreachable, detail);
        match tokio::time::timeout(self.within, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Silence::Unreached(error))) => Err(unreachable(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!(
                        "there is no container engine at {shown}: start it, or set browser_engine"
                    )
                }
                io::ErrorKind::PermissionDenied => format!(
                    "the container engine at {shown} may not be used by this user: it wants the group of the socket"
                ),
                _ => format!("the container engine at {shown} is not reached: {error}"),
            })),
            Ok(Err(Silence::Broken(why))) => Err(unreachable(format!(
                "what listens at {shown} does not answer as a container engine: {why}"
            ))),
            Err(_) => Err(unreachable(format!(
                "the container engine at {shown} did not answer {what} within {} s",
                self.within.as_secs_f64()
            ))),
        }
    }

    async fn get(&self, target: String) -> Result<Answer, Fault> {
        self.ask(Question::new(Method::GET, target)).await
    }

    async fn post(&self, target: String, body: Option<&Value>) -> Result<Answer, Fault> {
        let question = Question::new(Method::POST, target);
        self.ask(match body {
            Some(body) => question.json(body),
            None => question,
        })
        .await
    }

    /// Makes the network of the browsers, if it is not there; one that is there must be as told.
    pub(super) async fn ensure_network(&self, setup: &Setup) -> Result<(), Fault> {
        let name = setup.network.as_str();
        if self.has_network(setup).await? {
            return Ok(());
        }
        let subnet = setup.subnet.to_string();
        let gateway = setup.subnet.gateway().to_string();
        let body = json!({
            "Name": name,
            "Driver": "bridge",
            "EnableIPv6": false,
            "IPAM": { "Config": [{ "Subnet": subnet, "Gateway": gateway }] },
            "Options": {
                "com.docker.network.bridge.name": name,
                "com.docker.network.bridge.enable_icc": "false",
            },
            "Labels": { "portal.network": "browsers" },
        });
        let answer = self
            .post("/networks/create".to_owned(), Some(&body))
            .await?;
        // Another thread or server may have been faster.
        if answer.is_good() || self.has_network(setup).await? {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::Misconfigured,
            format!(
                "the network {name} ({subnet}) cannot be made, see browser_network and browser_subnet: {}",
                answer.message()
            ),
        ))
    }

    async fn has_network(&self, setup: &Setup) -> Result<bool, Fault> {
        let name = setup.network.as_str();
        let answer = self.get(format!("/networks/{name}")).await?;
        if answer.status == 404 {
            return Ok(false);
        }
        let found: Value = read(answer, "the network")?;
        let subnet = setup.subnet.to_string();
        let has_subnet =
            found.pointer("/IPAM/Config/0/Subnet") == Some(&Value::from(subnet.as_str()));
        // Docker says which interface a network was made with, where it was told; Podman never does.
        let bridge = found.pointer("/Options/com.docker.network.bridge.name");
        let has_name = bridge.is_none_or(|bridge| bridge == name);
        let has_ipv6 = found.get("EnableIPv6") == Some(&Value::Bool(true));
        if has_subnet && (!has_name || has_ipv6) {
            let what = if has_ipv6 {
                "has IPv6, for which there are no rules".to_owned()
            } else {
                format!(
                    "has the interface {}, not {name}",
                    bridge.unwrap_or(&Value::Null)
                )
            };
            let detail = format!(
                "the network {name} {what}: remove it (docker network rm {name}), and it is made as it should be"
            );
            return Err(Fault::new(FaultKind::Misconfigured, detail));
        }
        if !has_subnet || found.get("Driver") != Some(&Value::from("bridge")) {
            return Err(Fault::new(
                FaultKind::Misconfigured,
                format!(
                    "there is a network {name} already, and it is no bridge with {subnet}: remove it \
                     (docker network rm {name}), or set browser_network or browser_subnet"
                ),
            ));
        }
        Ok(true)
    }

    /// Every container that has this label, running or not.
    pub(super) async fn list(&self, label: &str) -> Result<Vec<Listed>, Fault> {
        let filters = json!({ "label": [label] }).to_string();
        let target = format!("/containers/json?all=true&filters={}", escaped(&filters));
        read(self.get(target).await?, "the list of containers")
    }

    /// A container, if it is there.
    pub(super) async fn inspect(&self, name: &str) -> Result<Option<Inspected>, Fault> {
        let answer = self.get(format!("/containers/{name}/json")).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        read(answer, "a container").map(Some)
    }

    /// Makes a container, which does not run yet.
    pub(super) async fn create(&self, name: &str, image: &str, body: &Value) -> Result<(), Fault> {
        let target = format!("/containers/create?name={name}");
        let answer = self.post(target, Some(body)).await?;
        if answer.is_good() {
            return Ok(());
        }
        let message = answer.message();
        if answer.status == 404 && message.to_ascii_lowercase().contains("image") {
            return Err(Fault::new(
                FaultKind::Misconfigured,
                format!("the image {image} is not there: docker pull {image}"),
            ));
        }
        Err(refusal("a container cannot be made", &answer))
    }

    /// Starts a container.
    pub(super) async fn start(&self, name: &str) -> Result<(), NotStarted> {
        let answer = self.post(format!("/containers/{name}/start"), None).await;
        let answer = answer.map_err(NotStarted::Fault)?;
        // 304: it runs already.
        if answer.is_good() || answer.status == 304 {
            return Ok(());
        }
        let message = answer.message().to_ascii_lowercase();
        let taken = [
            "already allocated",
            "address already in use",
            "ports are not available",
        ];
        if taken.iter().any(|words| message.contains(words)) {
            return Err(NotStarted::PortTaken);
        }
        if message.contains("disable_ipv6") && message.contains("no such file") {
            return Err(NotStarted::NoIpv6);
        }
        let fault = refusal("a container cannot be started", &answer);
        Err(NotStarted::Fault(fault))
    }

    /// Ends a container with all that belongs to it. Well, if there is none.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Fault> {
        let target = format!("/containers/{name}?force=true&v=true");
        let answer = self.ask(Question::new(Method::DELETE, target)).await?;
        match answer.status {
            404 => Ok(()),
            // Somebody else is removing it.
            409 => Err(refusal("a container is not gone yet", &answer)),
            _ if answer.is_good() => Ok(()),
            _ => Err(refusal("a container cannot be removed", &answer)),
        }
    }

    /// A file of a container; none if it has no such.
    pub(super) async fn read_file(&self, name: &str, path: &str) -> Result<Option<String>, Fault> {
        let target = format!("/containers/{name}/archive?path={}", escaped(path));
        let answer = self.get(target).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !answer.is_good() {
            return Err(refusal("a file of the image cannot be read", &answer));
        }
        let file = tar::first_file(&answer.body).and_then(|file| String::from_utf8(file).ok());
        let wrong = || {
            Fault::new(
                FaultKind::Misconfigured,
                format!("{path} of the image is no text"),
            )
        };
        file.ok_or_else(wrong).map(Some)
    }

    /// Writes a file of a container, over one that is there.
    pub(super) async fn write_file(&self, name: &str, path: &str, text: &str) -> Result<(), Fault> {
        let (directory, file) = path.rsplit_once('/').unwrap_or(("/", path));
        let target = format!("/containers/{name}/archive?path={}", escaped(directory));
        let mut question = Question::new(Method::PUT, target);
        question.body = Some(("application/x-tar", tar::of_file(file, text.as_bytes())));
        let answer = self.ask(question).await?;
        if answer.is_good() {
            return Ok(());
        }
        Err(refusal(
            "a file of the container cannot be written",
            &answer,
        ))
    }

    /// What a command within a container says. What it says may stand between bytes that are none of it.
    pub(super) async fn exec(&self, name: &str, command: &[&str]) -> Result<String, Fault> {
        let body = json!({ "Cmd": command, "AttachStdout": true, "AttachStderr": true });
        let answer = self
            .post(format!("/containers/{name}/exec"), Some(&body))
            .await?;
        if !answer.is_good() {
            return Err(refusal("nothing can be run within a container", &answer));
        }
        let made: Value = read(answer, "a command")?;
        let id = made.get("Id").and_then(Value::as_str).unwrap_or_default();
        let begun = json!({ "Detach": false, "Tty": false });
        let answer = self.post(format!("/exec/{id}/start"), Some(&begun)).await?;
        if !answer.is_good() {
            return Err(refusal("nothing can be run within a container", &answer));
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

fn read<T: DeserializeOwned>(answer: Answer, what: &str) -> Result<T, Fault> {
    if !answer.is_good() {
        return Err(refusal(
            &format!("the engine does not give {what}"),
            &answer,
        ));
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        let detail = format!("the engine's answer about {what} is not understood: {error}");
        Fault::new(FaultKind::Unreachable, detail)
    })
}

/// What a refusal of the engine means.
fn refusal(what: &str, answer: &Answer) -> Fault {
    let message = answer.message();
    let full = ["no space left", "cannot allocate memory", "quota exceeded"];
    let is_full = full
        .iter()
        .any(|words| message.to_ascii_lowercase().contains(words));
    let kind = match answer.status {
        _ if is_full => FaultKind::Full,
        400 => FaultKind::Misconfigured,
        // browser_disk, where the engine's store cannot.
        _ if message.contains("storage-opt") => FaultKind::Misconfigured,
        _ => FaultKind::Failed,
    };
    Fault::new(kind, format!("{what}: {message} ({})", answer.status))
}
