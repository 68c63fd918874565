//! The one list of operations and queries, by name (ARCHITECTURE: every face is a thin skin over it).

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;

use crate::actor::Actor;
use crate::error::{Error, ErrorKind, Extras, Result};
use crate::operation::{Errand, Operation, Query};
use crate::ops;
use crate::portal::Portal;
use crate::request::Request;

/// What a JSON call is answered through.
pub(crate) type JsonDone = Box<dyn FnOnce(Result<String>) + Send>;

/// How an entry is run from JSON.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Operation(fn(&Portal, Actor, &str, JsonDone) -> Result<Request>),
    Query(fn(&Portal, &Actor, &str) -> Result<String>),
    Errand(ErrandKind),
}

/// How an errand is run from JSON, or only rehearsed.
#[derive(Clone, Copy)]
pub(crate) struct ErrandKind {
    writes: bool,
    pub(crate) run: fn(&Portal, &Actor, &str) -> Result<String>,
    pub(crate) rehearse: fn(&Portal, &Actor, &str) -> Result<String>,
}

/// One operation or query, as the faces know it.
pub struct Entry {
    name: &'static str,
    kind: Kind,
    parameters: fn() -> Schema,
    reply: fn() -> Schema,
}

impl Entry {
    const fn operation<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            kind: Kind::Operation(|portal, caller, params, done| {
                let operation: O = parse(params)?;
                Ok(Request::new(portal, caller, operation, move |answer| {
                    done(answer.and_then(|reply| write(&reply)));
                }))
            }),
            parameters: schema::<O>,
            reply: schema::<O::Reply>,
        }
    }

    const fn query<Q: Query>() -> Self {
        Self {
            name: Q::NAME,
            kind: Kind::Query(|portal, caller, params| {
                portal
                    .query(caller, parse::<Q>(params)?)
                    .and_then(|reply| write(&reply))
            }),
            parameters: schema::<Q>,
            reply: schema::<Q::Reply>,
        }
    }

    const fn errand<E: Errand>() -> Self {
        Self {
            name: E::NAME,
            kind: Kind::Errand(ErrandKind {
                writes: E::WRITES,
                run: |portal, caller, params| {
                    portal
                        .errand(caller, parse::<E>(params)?)
                        .and_then(|reply| write(&reply))
                },
                rehearse: |portal, caller, params| {
                    portal
                        .rehearse_errand(caller, parse::<E>(params)?)
                        .and_then(|reply| write(&reply))
                },
            }),
            parameters: schema::<E>,
            reply: schema::<E::Reply>,
        }
    }

    /// Its name: `area.verb` or `area.noun`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it changes state.
    pub const fn writes(&self) -> bool {
        match self.kind {
            Kind::Operation(_) => true,
            Kind::Query(_) => false,
            Kind::Errand(errand) => errand.writes,
        }
    }

    /// Whether it can be a [`Request`], committed with others. What cannot takes a thread of its own: it reads, or waits
    /// for something outside of the file.
    pub const fn commits(&self) -> bool {
        matches!(self.kind, Kind::Operation(_))
    }

    /// Whether it waits for something outside of the file, and may take long.
    pub const fn waits(&self) -> bool {
        matches!(self.kind, Kind::Errand(_))
    }

    /// What it does: its documentation.
    pub fn doc(&self) -> String {
        let schema = self.parameters();
        schema
            .get("description")
            .and_then(|doc| doc.as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// The JSON schema of its parameters.
    pub fn parameters(&self) -> Schema {
        (self.parameters)()
    }

    /// The JSON schema of its reply.
    pub fn reply(&self) -> Schema {
        (self.reply)()
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }
}

/// Every operation and query, by name.
pub fn all() -> &'static [Entry] {
    ENTRIES
}

/// The entry of that name.
///
/// # Errors
/// `ERR_UNKNOWN_OPERATION`.
pub fn find(name: &str) -> Result<&'static Entry> {
    ENTRIES
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| Error::new(ErrorKind::UnknownOperation))
}

/// The JSON schema of what an error says besides its code and sentence (SPEC 13.1).
pub fn error_extras() -> Schema {
    schema::<Extras>()
}

fn schema<T: JsonSchema>() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>()
}

fn write(reply: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(reply).map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))
}

/// Reads parameters strictly, as every call by name does.
///
/// # Errors
/// `ERR_INVALID` with the first field that is wrong.
pub fn parse<T: DeserializeOwned>(params: &str) -> Result<T> {
    let params = if params.trim().is_empty() {
        "{}"
    } else {
        params
    };
    // A list would be taken for the fields in their order.
    if params.trim_start().starts_with('[') {
        return Err(Error::invalid(
            ".",
            "parameters are a JSON object, not a list",
        ));
    }
    let mut reader = serde_json::Deserializer::from_str(params);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let inner = error.inner();
        let mut message = inner.to_string();
        // Of a value that is wrong the field says where it is; only of what is no JSON the place in the text does.
        if inner.is_data() {
            let place = format!(" at line {} column {}", inner.line(), inner.column());
            message.truncate(message.strip_suffix(&place).unwrap_or(&message).len());
            message = in_plain_words(message);
        } else {
            message = format!("this is not JSON: {message}");
        }
        let path = error.path().to_string();
        // A missing or unknown field is named by serde in backticks, not in the path.
        let named = message
            .split('`')
            .nth(1)
            .filter(|_| message.contains(" field `"));
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name.to_owned(),
            (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        Error::invalid(field, message)
    })?;
    reader
        .end()
        .map_err(|error| Error::invalid(".", format!("this is not JSON: {error}")))?;
    Ok(parsed)
}

/// What serde expected, by JSON's words instead of Rust's.
fn in_plain_words(mut message: String) -> String {
    const EXPECTED: &str = ", expected ";
    let Some(at) = message.rfind(EXPECTED) else {
        return message;
    };
    let start = at + EXPECTED.len();
    let plain = match &message[start..] {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "a nonzero u32" => "a whole number from 1 to 4294967295",
        "u64" => "a whole number from 0 on",
        "i64" => "a whole number",
        "a sequence" => "a list",
        rust if rust.starts_with("struct ") || rust == "a map" => "an object",
        _ => return message,
    };
    message.replace_range(start.., plain);
    message
}

const ENTRIES: &[Entry] = &[
    Entry::operation::<ops::accounts::FirstOwner>(),
    Entry::operation::<ops::accounts::ReplaceAccountKey>(),
    Entry::operation::<ops::accounts::SignIn>(),
    Entry::operation::<ops::accounts::SignUp>(),
    Entry::query::<ops::activity::List>(),
    Entry::query::<ops::audit::List>(),
    Entry::operation::<ops::blocks::Block>(),
    Entry::query::<ops::blocks::List>(),
    Entry::operation::<ops::blocks::Unblock>(),
    Entry::operation::<ops::bots::Add>(),
    Entry::query::<ops::bots::List>(),
    Entry::operation::<ops::bots::Remove>(),
    Entry::operation::<ops::bots::Rotate>(),
    Entry::errand::<ops::browser::Clipboard>(),
    Entry::query::<ops::browser::Get>(),
    Entry::operation::<ops::browser::GrantControl>(),
    Entry::query::<ops::browser::List>(),
    Entry::operation::<ops::browser::ReleaseControl>(),
    Entry::operation::<ops::browser::RequestControl>(),
    Entry::errand::<ops::browser::Screen>(),
    Entry::errand::<ops::browser::SetClipboard>(),
    Entry::operation::<ops::browser::Start>(),
    Entry::operation::<ops::browser::Stop>(),
    Entry::operation::<ops::browser::TakeControl>(),
    Entry::operation::<ops::chats::AcceptTransfer>(),
    Entry::query::<ops::chats::Count>(),
    Entry::operation::<ops::chats::Create>(),
    Entry::operation::<ops::chats::Destroy>(),
    Entry::query::<ops::chats::Get>(),
    Entry::operation::<ops::chats::Inspect>(),
    Entry::query::<ops::chats::List>(),
    Entry::operation::<ops::chats::SetLabel>(),
    Entry::operation::<ops::chats::Transfer>(),
    Entry::operation::<ops::chats::Update>(),
    Entry::query::<ops::check::Check>(),
    Entry::operation::<ops::deletion::Delete>(),
    Entry::query::<ops::directory::List>(),
    Entry::query::<ops::directory::Statistics>(),
    Entry::query::<ops::events::List>(),
    Entry::query::<ops::export::Export>(),
    Entry::operation::<ops::export::Inspect>(),
    Entry::operation::<ops::housekeeping::Tick>(),
    Entry::query::<ops::identities::Lookup>(),
    Entry::operation::<ops::invites::Create>(),
    Entry::query::<ops::invites::List>(),
    Entry::operation::<ops::invites::Resolve>(),
    Entry::operation::<ops::invites::Revoke>(),
    Entry::query::<ops::keys::List>(),
    Entry::operation::<ops::keys::Publish>(),
    Entry::operation::<ops::keys::Register>(),
    Entry::operation::<ops::keys::Reject>(),
    Entry::operation::<ops::keys::Renew>(),
    Entry::operation::<ops::login_codes::Create>(),
    Entry::operation::<ops::login_codes::Fetch>(),
    Entry::operation::<ops::login_codes::Issue>(),
    Entry::operation::<ops::login_codes::Request>(),
    Entry::operation::<ops::matching::Dequeue>(),
    Entry::operation::<ops::matching::Enqueue>(),
    Entry::operation::<ops::matching::Leave>(),
    Entry::operation::<ops::matching::Pause>(),
    Entry::operation::<ops::matching::Resume>(),
    Entry::query::<ops::matching::Stats>(),
    Entry::query::<ops::matching::Status>(),
    Entry::operation::<ops::members::Add>(),
    Entry::operation::<ops::members::Leave>(),
    Entry::query::<ops::members::List>(),
    Entry::operation::<ops::members::Remove>(),
    Entry::operation::<ops::messages::Clear>(),
    Entry::operation::<ops::messages::Delete>(),
    Entry::operation::<ops::messages::DeleteLast>(),
    Entry::operation::<ops::messages::DeleteMine>(),
    Entry::query::<ops::messages::History>(),
    Entry::operation::<ops::messages::Send>(),
    Entry::operation::<ops::moderation::Ban>(),
    Entry::operation::<ops::moderation::HardMute>(),
    Entry::operation::<ops::moderation::HardUnmute>(),
    Entry::operation::<ops::moderation::Kick>(),
    Entry::operation::<ops::moderation::LiftTimeout>(),
    Entry::operation::<ops::moderation::Mute>(),
    Entry::operation::<ops::moderation::PlatformBan>(),
    Entry::operation::<ops::moderation::PlatformUnban>(),
    Entry::operation::<ops::moderation::Timeout>(),
    Entry::operation::<ops::moderation::Unban>(),
    Entry::operation::<ops::moderation::Unmute>(),
    Entry::operation::<ops::moderation::Warn>(),
    Entry::query::<ops::profiles::Get>(),
    Entry::query::<ops::profiles::List>(),
    Entry::query::<ops::profiles::Me>(),
    Entry::query::<ops::punishments::List>(),
    Entry::query::<ops::punishments::OfChat>(),
    Entry::operation::<ops::repair::Fix>(),
    Entry::operation::<ops::reports::Create>(),
    Entry::query::<ops::reports::Get>(),
    Entry::query::<ops::reports::List>(),
    Entry::operation::<ops::reports::Resolve>(),
    Entry::operation::<ops::roles::SetRole>(),
    Entry::operation::<ops::rooms::Join>(),
    Entry::operation::<ops::rooms::Leave>(),
    Entry::operation::<ops::rooms::Typing>(),
    Entry::operation::<ops::sessions::Create>(),
    Entry::operation::<ops::sessions::Destroy>(),
    Entry::query::<ops::sessions::List>(),
    Entry::operation::<ops::sessions::Logout>(),
    Entry::query::<ops::settings::Get>(),
    Entry::operation::<ops::settings::Set>(),
    Entry::operation::<ops::settings::Unset>(),
    Entry::operation::<ops::signups::Create>(),
    Entry::query::<ops::signups::List>(),
    Entry::operation::<ops::signups::Revoke>(),
    Entry::query::<ops::stats::Stats>(),
    Entry::operation::<ops::strangers::Block>(),
    Entry::operation::<ops::strangers::Create>(),
    Entry::query::<ops::strangers::List>(),
    Entry::operation::<ops::strangers::Unblock>(),
    Entry::operation::<ops::tiers::SetTier>(),
    Entry::operation::<ops::tiers::StartTrial>(),
    Entry::query::<ops::tiers::Subscription>(),
    Entry::operation::<ops::users::Create>(),
    Entry::operation::<ops::users::Update>(),
];
