//! Every setting there is: one table.
//!
//! From it come the flags, the names in the environment, the settings file and its default, the page of
//! the manual and the table in the documentation. The defaults themselves are those of [`Config`] and of
//! [`Settings`]; the table only reads them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use portal_server::browser::Setup;
use portal_server::{Config, Rates};
use tracing::Level;

use crate::settings_browser;

/// What the program was told, by whichever way.
pub(crate) struct Settings {
    pub(crate) db: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) limits: bool,
    pub(crate) stop_timeout: u64,
    pub(crate) log: Level,
    pub(crate) log_format: LogFormat,
    /// Whether neko runs browsers, and how it would.
    pub(crate) runs_browsers: bool,
    pub(crate) neko: Setup,
    connections_per_network: Option<usize>,
    config: Config,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        let config = Config::default();
        Self {
            db: "./portal.db".into(),
            listen: ([127, 0, 0, 1], 8787).into(),
            limits: true,
            stop_timeout: config.connections.drain_within.as_secs() + CLOSING,
            log: Level::INFO,
            log_format: LogFormat::Text,
            runs_browsers: false,
            neko: Setup::default(),
            connections_per_network: None,
            config,
        }
    }
}

/// Of the time for stopping, the part in which the file is closed once clients are gone, in seconds.
const CLOSING: u64 = 1;

impl Settings {
    /// How the server is to run.
    ///
    /// # Errors
    /// Why it cannot, as a sentence.
    pub(crate) fn config(&self) -> Result<Config, String> {
        let mut config = self.config.clone();
        let connections = &mut config.connections;
        let behind_proxy = config.client_address_header.is_some();
        connections.connections_per_network = match self.connections_per_network {
            Some(_) | None if !self.limits => connections.connections,
            Some(told) => told,
            // A proxy is one network.
            None if behind_proxy => connections.connections,
            None => connections.connections_per_network,
        };
        connections.drain_within = seconds(self.stop_timeout.saturating_sub(CLOSING));
        if !self.limits {
            if !self.listen.ip().is_loopback() {
                return Err("--limits off is for servers that listen on loopback only".to_owned());
            }
            config.rates = Rates::OFF;
        }
        if let Some(setup) = self.browsers() {
            setup.check()?;
            config.browser_url = Some(setup.url.to_string());
        }
        config
            .check(self.listen)
            .map_err(|error| error.to_string())?;
        Ok(config)
    }

    /// How browsers are run, if they are. Without a name of its own, the server goes by its file.
    pub(crate) fn browsers(&self) -> Option<Setup> {
        let mut setup = self.neko.clone();
        if setup.server.is_empty() {
            // Of a file that is not there yet, its directory may be; of neither, what was told has to do.
            let whole = std::path::absolute(&self.db).unwrap_or_else(|_| self.db.clone());
            let found = match (whole.parent(), whole.file_name()) {
                (Some(parent), Some(name)) => parent.canonicalize().map(|parent| parent.join(name)),
                _ => whole.canonicalize(),
            };
            setup.server = found.unwrap_or(whole).display().to_string();
        }
        self.runs_browsers.then_some(setup)
    }
}

/// One line of the table.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// In a settings file. The flag has hyphens, the environment capitals behind `PORTAL_`.
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// What it is for, in a sentence.
    pub(crate) what: &'static str,
    /// What else one ought to know; may be empty.
    pub(crate) more: &'static str,
    /// What holds without it, where that is no value of its own.
    pub(crate) otherwise: &'static str,
    pub(crate) set: fn(&mut Settings, &str) -> Result<(), String>,
    pub(crate) get: fn(&Settings) -> Option<String>,
}

/// What values a setting has.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// Text: what stands for it, and an example.
    Text(&'static str, &'static str),
    /// Several of them; on the command line and in the environment with commas between.
    Texts(&'static str, &'static str),
    /// A whole number from one to the other, and an example.
    Number(u64, u64, u64),
    /// One of these.
    Word(&'static [&'static str]),
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        format!("PORTAL_{}", self.name.to_uppercase())
    }

    /// Takes a value in.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn set(&self, settings: &mut Settings, value: &str) -> Result<(), String> {
        match self.takes {
            Takes::Number(least, most, _) => {
                let number = value.parse().ok();
                if number.is_none_or(|number: u64| number < least || number > most) {
                    return Err(format!("a whole number from {least} to {most} is wanted"));
                }
            }
            Takes::Word(words) => {
                let word = value.to_ascii_lowercase();
                if !words.contains(&word.as_str()) {
                    return Err(format!("one of {} is wanted", words.join(", ")));
                }
                return (self.set)(settings, &word);
            }
            Takes::Text(..) | Takes::Texts(..) => {}
        }
        (self.set)(settings, value)
    }

    /// The value, as text; of several, with commas between. None where there is none of its own.
    pub(crate) fn get(&self, settings: &Settings) -> Option<String> {
        (self.get)(settings)
    }
}

/// The line of a name, as settings files have it.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

pub(crate) fn parsed<T: FromStr<Err: ToString>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|error: T::Err| error.to_string())
}

pub(crate) fn put<T: FromStr<Err: ToString>>(place: &mut T, value: &str) -> Result<(), String> {
    *place = parsed(value)?;
    Ok(())
}

fn put_some<T: FromStr<Err: ToString>>(place: &mut Option<T>, value: &str) -> Result<(), String> {
    *place = Some(parsed(value)?);
    Ok(())
}

pub(crate) fn seconds(count: u64) -> std::time::Duration {
    std::time::Duration::from_secs(count)
}

/// A setting that is a number somewhere in [`Settings`].
macro_rules! number {
    ($name:literal, $least:literal..=$most:literal, $what:literal, $more:literal, $($field:ident).+) => {
        Setting {
            name: $name,
            takes: Takes::Number($least, $most, $least),
            what: $what,
            more: $more,
            otherwise: "",
            set: |settings, value| put(&mut settings.$($field).+, value),
            get: |settings| Some(settings.$($field).+.to_string()),
        }
    };
}

/// A setting that is a number of seconds.
macro_rules! timeout {
    ($name:literal, $what:literal, $($field:ident).+) => {
        Setting {
            name: $name,
            takes: Takes::Number(1, 3600, 5),
            what: $what,
            more: "",
            otherwise: "",
            set: |settings, value| {
                settings.$($field).+ = seconds(parsed(value)?);
                Ok(())
            },
            get: |settings| Some(settings.$($field).+.as_secs().to_string()),
        }
    };
}

/// The settings, in the order in which people meet them.
pub(crate) const SETTINGS: &[Setting] = &{
    let mut all = [SERVER[0]; SERVER.len() + settings_browser::SETTINGS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < SERVER.len() {
            SERVER[at]
        } else {
            settings_browser::SETTINGS[at - SERVER.len()]
        };
        at += 1;
    }
    all
};

/// Those of the server itself.
const SERVER: &[Setting] = &[
    Setting {
        name: "db",
        takes: Takes::Text("FILE", "/var/lib/portal/portal.db"),
        what: "The database file.",
        more: "Made if it is not there.",
        otherwise: "",
        set: |settings, value| put(&mut settings.db, value),
        get: |settings| Some(settings.db.display().to_string()),
    },
    Setting {
        name: "listen",
        takes: Takes::Text("ADDRESS", "127.0.0.1:8787"),
        what: "The address to listen on.",
        more: "Port 0 takes a free one; the first line printed says which.",
        otherwise: "",
        set: |settings, value| {
            settings.listen = value.parse().map_err(|_| {
                "an IP address and a port are wanted, such as 127.0.0.1:8787 or [::1]:8787"
                    .to_owned()
            })?;
            Ok(())
        },
        get: |settings| Some(settings.listen.to_string()),
    },
    Setting {
        name: "public_url",
        takes: Takes::Text("URL", "https://chat.example"),
        what: "Where browsers reach the server.",
        more: "Must be https unless its host is loopback.",
        otherwise: "the address listened on",
        set: |settings, value| put_some(&mut settings.config.public_url, value),
        get: |settings| settings.config.public_url.clone(),
    },
    Setting {
        name: "allowed_origin",
        takes: Takes::Texts("URL", "https://app.example"),
        what: "Other origins whose pages may open sockets with a person's cookie.",
        more: "The flag may be given again; commas stand between several.",
        otherwise: "none",
        set: |settings, value| {
            let origins = value
                .split(',')
                .map(str::trim)
                .filter(|url| !url.is_empty());
            settings.config.allowed_origins = origins.map(str::to_owned).collect();
            Ok(())
        },
        get: |settings| {
            let origins = &settings.config.allowed_origins;
            (!origins.is_empty()).then(|| origins.join(","))
        },
    },
    Setting {
        name: "client_address_header",
        takes: Takes::Text("HEADER", "X-Forwarded-For"),
        what: "The header in which a trusted proxy gives the client's address.",
        more: "Of a list the last entry counts. Without a proxy anybody makes it up.",
        otherwise: "none",
        set: |settings, value| put_some(&mut settings.config.client_address_header, value),
        get: |settings| {
            let header = settings.config.client_address_header.as_ref();
            header.map(ToString::to_string)
        },
    },
    Setting {
        name: "client_country_header",
        takes: Takes::Text("HEADER", "CF-IPCountry"),
        what: "The header in which a trusted proxy gives the client's country, as two letters.",
        more: "`XX` and `T1` are unknown. Matched people see it of each other. Behind a proxy that passes \
               on what clients send, anybody makes it up.",
        otherwise: "none",
        set: |settings, value| put_some(&mut settings.config.client_country_header, value),
        get: |settings| {
            let header = settings.config.client_country_header.as_ref();
            header.map(ToString::to_string)
        },
    },
    number!(
        "connections",
        1..=1_000_000,
        "Connections at once.",
        "Beyond it: 503.",
        config.connections.connections
    ),
    Setting {
        name: "connections_per_network",
        takes: Takes::Number(1, 1_000_000, 200),
        what: "Connections at once from one IPv4 address or IPv6 /64.",
        more: "",
        otherwise: "200; all, behind a proxy",
        set: |settings, value| put_some(&mut settings.connections_per_network, value),
        get: |settings| {
            settings
                .connections_per_network
                .map(|count| count.to_string())
        },
    },
    Setting {
        name: "limits",
        takes: Takes::Word(&["on", "off"]),
        what: "Whether requests are limited by the minute.",
        more: "`off` lifts these limits and the one by network; only while listening on loopback.",
        otherwise: "",
        set: |settings, value| {
            settings.limits = value == "on";
            Ok(())
        },
        get: |settings| Some(if settings.limits { "on" } else { "off" }.to_owned()),
    },
    number!(
        "rate_login",
        1..=1_000_000,
        "Sign-ins and sign-ups a minute, by network.",
        "",
        config.rates.login
    ),
    number!(
        "rate_signed_in",
        1..=1_000_000,
        "Requests and socket events of sessions a minute, by network.",
        "",
        config.rates.signed_in
    ),
    number!(
        "rate_public",
        1..=1_000_000,
        "Requests and socket events of guests a minute, by network.",
        "",
        config.rates.public
    ),
    number!(
        "rate_admin",
        1..=1_000_000,
        "Requests to `op/` a minute, by network.",
        "",
        config.rates.admin
    ),
    number!(
        "rate_bot",
        1..=1_000_000,
        "Requests of a bot a minute, by its key.",
        "",
        config.rates.bot
    ),
    number!(
        "rate_join",
        1..=1_000_000,
        "`room:join` a minute, by person.",
        "Guests by network.",
        config.rates.join
    ),
    timeout!(
        "head_timeout",
        "Seconds for a request's head to come whole, and for the next one on a kept connection.",
        config.connections.head_within
    ),
    timeout!(
        "body_timeout",
        "Seconds for a request's body to come whole.",
        config.connections.body_within
    ),
    timeout!(
        "write_timeout",
        "Seconds for a client to take something of what is written to it.",
        config.connections.write_within
    ),
    number!(
        "stop_timeout",
        2..=3600,
        "Seconds within which the server ends once it is asked to.",
        "The last of them is for the file; whoever has not taken their reply by then is cut off.",
        stop_timeout
    ),
    Setting {
        name: "log",
        takes: Takes::Word(&["error", "warn", "info", "debug", "trace"]),
        what: "How much the log tells.",
        more: "From `debug` on a line for every request.",
        otherwise: "",
        set: |settings, value| put(&mut settings.log, value),
        get: |settings| Some(settings.log.to_string().to_lowercase()),
    },
    Setting {
        name: "log_format",
        takes: Takes::Word(&["text", "json"]),
        what: "How the log is written: for people, or a JSON object a line.",
        more: "",
        otherwise: "",
        set: |settings, value| {
            settings.log_format = match value {
                "json" => LogFormat::Json,
                _ => LogFormat::Text,
            };
            Ok(())
        },
        get: |settings| {
            let name = match settings.log_format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            };
            Some(name.to_owned())
        },
    },
];
