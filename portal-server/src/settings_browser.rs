//! The part of the table of settings that concerns the chats' browsers (SPEC 11.3).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::settings::{Setting, Takes, parsed, put, seconds};

/// A setting whose value is text of a type of its own.
macro_rules! text {
    ($name:literal, $placeholder:literal, $example:literal, $what:literal, $more:literal, $field:ident) => {
        Setting {
            name: $name,
            takes: Takes::Text($placeholder, $example),
            what: $what,
            more: $more,
            otherwise: "",
            set: |settings, value| put(&mut settings.neko.$field, value),
            get: |settings| Some(settings.neko.$field.to_string()),
        }
    };
}

/// A setting that is a number.
macro_rules! number {
    ($name:literal, $least:literal..=$most:literal, $what:literal, $more:literal, $field:ident) => {
        Setting {
            name: $name,
            takes: Takes::Number($least, $most, $least),
            what: $what,
            more: $more,
            otherwise: "",
            set: |settings, value| put(&mut settings.neko.$field, value),
            get: |settings| Some(settings.neko.$field.to_string()),
        }
    };
}

/// `NAME=VALUE`, several of them, and what they are called.
fn pairs<'a>(value: &'a str, what: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let entries = value
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    entries
        .map(|entry| match entry.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
            _ => Err(format!("a browser's name, = and {what} are wanted")),
        })
        .collect()
}

fn joined<'a>(entries: impl Iterator<Item = (&'a String, &'a String)>) -> Option<String> {
    let entries: Vec<_> = entries
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!entries.is_empty()).then(|| entries.join(","))
}

/// In the order in which people meet them.
pub(crate) const SETTINGS: [Setting; 20] = [
    Setting {
        name: "browsers",
        takes: Takes::Word(&["none", "neko"]),
        what: "What runs the chats' browsers.",
        more: "`neko` runs each in a container, and wants the engine and a firewall: see browsers.md.",
        otherwise: "",
        set: |settings, value| {
            settings.runs_browsers = value == "neko";
            Ok(())
        },
        get: |settings| {
            Some(
                if settings.runs_browsers {
                    "neko"
                } else {
                    "none"
                }
                .to_owned(),
            )
        },
    },
    Setting {
        name: "browser_engine",
        takes: Takes::Text("SOCKET", "/run/podman/podman.sock"),
        what: "The container engine's socket.",
        more: "Whoever may use it is root on the machine, and so is this server then.",
        otherwise: "",
        set: |settings, value| put(&mut settings.neko.engine, value),
        get: |settings| Some(settings.neko.engine.display().to_string()),
    },
    Setting {
        name: "browser_server",
        takes: Takes::Text("NAME", "chat.example"),
        what: "What tells this server's browsers from another's on the same engine.",
        more: "Two with one name end each other's.",
        otherwise: "the path of the database file",
        set: |settings, value| {
            settings.neko.server = parsed(value)?;
            Ok(())
        },
        get: |settings| {
            let name = &settings.neko.server;
            (!name.is_empty()).then(|| name.clone())
        },
    },
    Setting {
        name: "browser_image",
        takes: Takes::Texts("NAME=IMAGE", "firefox=ghcr.io/m1k1o/neko/firefox:3.1.2"),
        what: "The image of a browser.",
        more: "It must be there already: nothing is fetched. Of neko 3.0.11, 3.1.2 or newer: others are not run.",
        otherwise: "ghcr.io/m1k1o/neko/NAME:3",
        set: |settings, value| {
            let images = pairs(value, "an image")?;
            settings.neko.images = images
                .into_iter()
                .map(|(name, image)| (name.to_owned(), image.to_owned()))
                .collect();
            Ok(())
        },
        get: |settings| joined(settings.neko.images.iter()),
    },
    Setting {
        name: "browser_capability",
        takes: Takes::Texts("NAME=CAPABILITY", "chromium=SYS_ADMIN"),
        what: "What a browser's container may do beside what each of them may.",
        more: "Each one makes breaking out easier.",
        otherwise: "none",
        set: |settings, value| {
            let mut capabilities = BTreeMap::<String, Vec<String>>::new();
            for (name, capability) in pairs(value, "a capability")? {
                let of_browser = capabilities.entry(name.to_owned()).or_default();
                of_browser.push(capability.to_ascii_uppercase());
            }
            settings.neko.capabilities = capabilities;
            Ok(())
        },
        get: |settings| {
            let all = settings.neko.capabilities.iter();
            joined(all.flat_map(|(name, of_browser)| of_browser.iter().map(move |one| (name, one))))
        },
    },
    number!(
        "browser_limit",
        1..=1000,
        "Browsers at once.",
        "Beyond it a start ends with `full`.",
        limit
    ),
    text!(
        "browser_ports",
        "FIRST-LAST",
        "52000-52015",
        "The ports of which each browser has one: TCP for its page, UDP for pictures and sound.",
        "",
        ports
    ),
    text!(
        "browser_bind",
        "ADDRESS",
        "127.0.0.1",
        "The address on which the browsers' pages are published.",
        "They are plain http: beyond loopback they want a proxy.",
        bind
    ),
    text!(
        "browser_url",
        "URL",
        "https://browsers.example/{port}/",
        "Where viewers find a browser's page; `{port}` stands for its port.",
        "Not on the host of the chat, unless that is loopback.",
        url
    ),
    text!(
        "browser_public_address",
        "ADDRESS",
        "203.0.113.5",
        "The address at which viewers reach the UDP ports.",
        "Unless it is loopback, they are published on all addresses.",
        public_address
    ),
    text!(
        "browser_network",
        "NAME",
        "portal-neko",
        "The name of the browsers' network, and of its interface on the machine.",
        "Made if it is not there.",
        network
    ),
    text!(
        "browser_subnet",
        "NETWORK",
        "10.213.52.0/24",
        "The browsers' addresses.",
        "",
        subnet
    ),
    Setting {
        name: "browser_dns",
        takes: Takes::Texts("ADDRESS", "9.9.9.9"),
        what: "Whom browsers ask for names.",
        more: "The firewall lets them reach public addresses only.",
        otherwise: "",
        set: |settings, value| {
            let servers = value
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let servers = servers
                .map(parsed::<IpAddr>)
                .collect::<Result<Vec<_>, _>>()?;
            if servers.is_empty() {
                return Err("at least one address is wanted".to_owned());
            }
            settings.neko.dns = servers;
            Ok(())
        },
        get: |settings| {
            let servers = settings.neko.dns.iter().map(ToString::to_string);
            Some(servers.collect::<Vec<_>>().join(","))
        },
    },
    Setting {
        name: "browser_firewall",
        takes: Takes::Word(&["check", "own"]),
        what: "Whether each start makes sure that a browser does not reach the machine, or that is seen to otherwise.",
        more: "`own` is for an engine on another machine and for a server in a container: nothing is checked.",
        otherwise: "",
        set: |settings, value| {
            settings.neko.checks_firewall = value == "check";
            Ok(())
        },
        get: |settings| {
            let checks = settings.neko.checks_firewall;
            Some(if checks { "check" } else { "own" }.to_owned())
        },
    },
    number!(
        "browser_memory",
        256..=1_048_576,
        "Memory of a browser, in MiB.",
        "",
        memory_mib
    ),
    number!(
        "browser_cpus",
        1..=1024,
        "Processors of a browser.",
        "",
        cpus
    ),
    number!(
        "browser_shm",
        16..=1_048_576,
        "Shared memory of a browser, in MiB.",
        "It counts as memory.",
        shm_mib
    ),
    number!(
        "browser_pids",
        32..=1_000_000,
        "Processes and threads of a browser.",
        "",
        pids
    ),
    Setting {
        name: "browser_disk",
        takes: Takes::Number(256, 1_048_576, 8192),
        what: "What a browser may write, in MiB.",
        more: "Only where the engine's store has such limits, as overlay2 on XFS with `pquota`; elsewhere a start fails.",
        otherwise: "as much as there is",
        set: |settings, value| {
            settings.neko.disk_mib = Some(parsed(value)?);
            Ok(())
        },
        get: |settings| settings.neko.disk_mib.map(|disk| disk.to_string()),
    },
    Setting {
        name: "browser_start_timeout",
        takes: Takes::Number(1, 3600, 60),
        what: "Seconds for a browser to be there.",
        more: "",
        otherwise: "",
        set: |settings, value| {
            settings.neko.start_within = seconds(parsed(value)?);
            Ok(())
        },
        get: |settings| Some(settings.neko.start_within.as_secs().to_string()),
    },
];
