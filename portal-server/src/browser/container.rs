//! What the engine is told of a browser's container: its image, its limits, neko's settings, and the labels by which
//! it is found again.
//!
//! The surprise: the token that opens neko is in the container's environment and nowhere else. So a restarted server
//! finds it by looking at the container, no row holds it, and it is gone with the container.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use portal_core::backend::BrowserOrder;
use portal_core::model::{ChatId, RunId, Secret};
use serde_json::{Value, json};

use super::engine::{Inspected, Listed};
use super::room::Room;
use super::setup::Setup;

/// Where neko listens within its container.
pub(super) const INSIDE: u16 = 8080;

const SERVER: &str = "portal.server";
const RUN: &str = "portal.run";
const CHAT: &str = "portal.chat";
const PORT: &str = "portal.port";
const BIND: &str = "portal.bind";
const PATH: &str = "portal.path";
const URL: &str = "portal.url";
/// What opens neko, in its environment.
pub(super) const TOKEN: &str = "NEKO_SESSION_API_TOKEN";

/// What neko's supervisor needs to start its programs as a user that is not root, and to end them.
const CAPABILITIES: [&str; 6] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "SETGID",
    "SETUID",
];

/// The name of a run's container.
pub(super) fn name_of(run: &RunId) -> String {
    format!("portal-{run}")
}

/// The label that all containers of a server have.
pub(super) fn label_of(setup: &Setup) -> String {
    format!("{SERVER}={}", setup.server)
}

/// A container of this server, by its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) chat: ChatId,
    pub(super) run: RunId,
    pub(super) port: u16,
    /// Where its page is published, which may have been told otherwise since.
    bind: IpAddr,
    path: String,
    pub(super) url: String,
}

impl Labelled {
    fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        let get = |name: &str| labels.get(name).cloned();
        Some(Self {
            chat: ChatId::try_from(get(CHAT)?.parse::<i64>().ok()?).ok()?,
            run: RunId::try_from(get(RUN)?).ok()?,
            port: get(PORT)?.parse().ok()?,
            bind: get(BIND)?.parse().ok()?,
            path: get(PATH)?,
            url: get(URL)?,
        })
    }

    pub(super) fn listed(container: &Listed) -> Option<Self> {
        Self::of(&container.labels)
    }

    pub(super) fn inspected(container: &Inspected) -> Option<Self> {
        Self::of(&container.config.labels)
    }

    /// The neko in it, whose token is found in the container.
    pub(super) fn room(&self, container: &Inspected, within: Duration) -> Room {
        let mut variables = container.config.env.iter();
        let token = variables.find_map(|line| line.strip_prefix(TOKEN)?.strip_prefix('='));
        let ip = match self.bind {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            told => told,
        };
        Room {
            address: SocketAddr::new(ip, self.port),
            prefix: self.path.trim_end_matches('/').to_owned(),
            token: Secret::new(token.unwrap_or_default()),
            within,
        }
    }
}

/// What the engine is told.
pub(super) fn body(
    setup: &Setup,
    order: &BrowserOrder,
    port: u16,
    token: &Secret,
    has_ipv6: bool,
) -> Value {
    let page = format!("{INSIDE}/tcp");
    let media = format!("{port}/udp");
    // Pictures and sound go to where viewers are told; from loopback to loopback, if that is it.
    let media_bind = if setup.public_address.is_loopback() {
        setup.public_address.to_string()
    } else {
        String::new()
    };
    let browser = order.browser.browser.as_str();
    let mut capabilities: Vec<&str> = CAPABILITIES.to_vec();
    let told = setup.capabilities.get(browser);
    capabilities.extend(told.into_iter().flatten().map(String::as_str));
    let memory = setup.memory_mib << 20;
    // By it, browsers would reach each other past the rules for IPv4.
    let without_ipv6 = json!({
        "net.ipv6.conf.all.disable_ipv6": "1",
        "net.ipv6.conf.default.disable_ipv6": "1",
    });
    let dns: Vec<String> = setup.dns.iter().map(ToString::to_string).collect();
    let mut body = json!({
        "Image": setup.image(browser),
        "Hostname": "browser",
        "Env": variables(setup, order, port, token),
        "Labels": {
            SERVER: setup.server,
            RUN: order.run.as_str(),
            CHAT: order.chat.get().to_string(),
            PORT: port.to_string(),
            BIND: setup.bind.to_string(),
            PATH: setup.url.path(port),
            URL: setup.url.of(port),
        },
        // Nothing in it is to be kept: it ends at once.
        "StopSignal": "SIGKILL",
        "StopTimeout": 1,
        "ExposedPorts": { page.as_str(): {}, media.as_str(): {} },
        "HostConfig": {
            "NetworkMode": setup.network.as_str(),
            "PortBindings": {
                page: [{ "HostIp": setup.bind.to_string(), "HostPort": port.to_string() }],
                media: [{ "HostIp": media_bind, "HostPort": port.to_string() }],
            },
            "Dns": dns,
            "Sysctls": if has_ipv6 { without_ipv6 } else { json!({}) },
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": setup.cpus * 1_000_000_000,
            "PidsLimit": setup.pids,
            "ShmSize": setup.shm_mib << 20,
            "CapDrop": ["ALL"],
            "CapAdd": capabilities,
            "SecurityOpt": ["no-new-privileges"],
            "RestartPolicy": { "Name": "no" },
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } },
        },
    });
    // Not every store can, and those that cannot refuse to be asked.
    if let Some(disk) = setup.disk_mib {
        body["HostConfig"]["StorageOpt"] = json!({ "size": format!("{disk}M") });
    }
    body
}

/// neko's settings, as it reads them from its environment.
fn variables(setup: &Setup, order: &BrowserOrder, port: u16, token: &Secret) -> Vec<String> {
    let mut lines = vec![
        format!("NEKO_SERVER_BIND=:{INSIDE}"),
        "NEKO_SERVER_METRICS=false".to_owned(),
        // The page that comes with 3.0 and 3.1 signs in by the old /ws alone.
        "NEKO_LEGACY=true".to_owned(),
        // Accounts are made one by one; sessions are known by tokens, not by cookies that all pages of a host share.
        "NEKO_MEMBER_PROVIDER=object".to_owned(),
        "NEKO_SESSION_COOKIE_ENABLED=false".to_owned(),
        format!("{TOKEN}={}", token.expose()),
        // Only whoever has control may host at all, and takes it with the first click.
        "NEKO_SESSION_IMPLICIT_HOSTING=true".to_owned(),
        "NEKO_SESSION_LOCKED_CONTROLS=false".to_owned(),
        format!(
            "NEKO_SESSION_INACTIVE_CURSORS={}",
            order.room.inactive_cursors
        ),
        // What is said here goes through the chat, encrypted.
        "NEKO_CHAT_ENABLED=false".to_owned(),
        "NEKO_FILETRANSFER_ENABLED=false".to_owned(),
        "NEKO_CAPTURE_MICROPHONE_ENABLED=false".to_owned(),
        "NEKO_WEBRTC_ICELITE=true".to_owned(),
        format!("NEKO_WEBRTC_UDPMUX={port}"),
        format!("NEKO_WEBRTC_NAT1TO1={}", setup.public_address),
    ];
    let path = setup.url.path(port);
    if path != "/" {
        lines.push(format!("NEKO_SERVER_PATH_PREFIX={path}"));
    }
    lines
}
