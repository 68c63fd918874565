//! `/openapi.json` (SPEC 15.2): what there is, for programs that write clients.
//!
//! Made once, from the library's one list of operations and the one table of paths; nothing of it is written
//! by hand but what belongs to neither. An operation's own words say which errors it has; those that any
//! request may meet are named here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use bytes::Bytes;
use portal_core::ErrorKind;
use portal_core::catalogue::{self, Entry};
use serde_json::{Map, Value, json};

use super::credentials::SESSION_COOKIE;
use super::routes::{ROUTES, Route, Session, Verb};

/// What any request may be answered with instead.
const ALWAYS: &[ErrorKind] = &[
    ErrorKind::Invalid,
    ErrorKind::Unauthenticated,
    ErrorKind::Forbidden,
    ErrorKind::StrangerForbidden,
    ErrorKind::TimedOut,
    ErrorKind::Banned,
    ErrorKind::RateLimited,
    ErrorKind::Internal,
    ErrorKind::Storage,
    ErrorKind::Closed,
];

/// What besides, where the request changes something.
const CHANGING: &[ErrorKind] = &[
    ErrorKind::CrossSite,
    ErrorKind::RequestTimeout,
    ErrorKind::PayloadTooLarge,
    ErrorKind::UnsupportedMedia,
    ErrorKind::StorageFull,
    ErrorKind::StorageReadOnly,
    ErrorKind::StorageLocked,
];

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The document, as it is sent.
pub(crate) fn text() -> Bytes {
    DOCUMENT.clone()
}

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut seen = BTreeMap::new();
    for route in ROUTES {
        let Ok(entry) = catalogue::find(route.operation) else {
            continue;
        };
        let count: &mut u32 = seen.entry(route.operation).or_default();
        *count += 1;
        // An id is there once; what a second path leads to has it with a number.
        let id = match *count {
            1 => route.operation.to_owned(),
            n => format!("{}-{n}", route.operation),
        };
        let path = format!("/v1/{}", route.pattern().replace("#}", "}"));
        insert(
            &mut paths,
            path,
            route.verb,
            operation(route, entry, id, &mut schemas),
        );
    }
    others(&mut paths);
    let errors = schemas.errors();
    schemas.found.insert("Error".to_owned(), errors);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "portal-server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Chat in rooms. Every path runs one operation of the library; Socket.IO is at `/socket.io/`.",
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "security": [{ "bearer": [] }, { "cookie": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": schemas.found,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "The session's token." },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
                    "description": "Set by signing in. A request that changes something must come from the server's own \
                                    pages: `Origin`, or without it `Sec-Fetch-Site`, says so.",
                },
            },
        },
    })
}

fn insert(paths: &mut Map<String, Value>, path: String, verb: Verb, operation: Value) {
    let method = match verb {
        Verb::Get => "get",
        Verb::Post => "post",
    };
    paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
}

/// One line of the table.
fn operation(route: &Route, entry: &Entry, id: String, schemas: &mut Schemas) -> Value {
    let mut body = schemas.take(entry.name(), entry.parameters().to_value());
    let reply = schemas.take(entry.name(), entry.reply().to_value());
    let mut parameters = Vec::new();
    for (name, place) in route.parameters() {
        let schema = body["properties"]
            .as_object_mut()
            .and_then(|properties| properties.remove(name))
            .unwrap_or_else(|| json!({ "type": "string" }));
        let required = place == "path" || forget_required(&mut body, name);
        forget_required(&mut body, name);
        parameters.push(parameter(name, place, required, schema));
    }
    let doc = entry.doc();
    let mut made = json!({
        "operationId": id,
        "tags": [area(entry.name())],
        "summary": summary(&doc),
        "description": doc,
        "responses": responses(route, &doc, reply),
    });
    if !parameters.is_empty() {
        made["parameters"] = parameters.into();
    }
    let fields = body["properties"]
        .as_object()
        .is_some_and(|left| !left.is_empty());
    if route.verb == Verb::Post && fields {
        let required = body["required"]
            .as_array()
            .is_some_and(|left| !left.is_empty());
        if let Value::Object(body) = &mut body {
            body.remove("description");
        }
        made["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": body } },
        });
    }
    made
}

/// The first sentence, as one line.
fn summary(doc: &str) -> String {
    let words: Vec<_> = doc.split_whitespace().collect();
    let line = words.join(" ");
    let first = line.split(". ").next().unwrap_or_default();
    first.trim_end_matches('.').to_owned()
}

/// Takes a field out of those that have to be there; whether it was among them.
fn forget_required(schema: &mut Value, name: &str) -> bool {
    let Some(required) = schema["required"].as_array_mut() else {
        return false;
    };
    let before = required.len();
    required.retain(|field| field != name);
    let (was, none_left) = (before != required.len(), required.is_empty());
    if none_left && let Value::Object(schema) = schema {
        schema.remove("required");
    }
    was
}

/// One parameter. What an address holds is never null: a field that may be is one that may be left out.
fn parameter(name: &str, place: &str, required: bool, mut schema: Value) -> Value {
    let mut made = json!({ "name": name, "in": place, "required": required });
    if let Value::Object(schema) = &mut schema {
        if let Some(description) = schema.remove("description") {
            made["description"] = description;
        }
        schema.remove("default");
        if let Some(Value::Array(kinds)) = schema.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [only] = &kinds[..] {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [only] = &choices[..] {
                let only = only.clone();
                made["schema"] = only;
                return made;
            }
        }
    }
    made["schema"] = schema;
    made
}

/// The reply, and an answer for each status of the errors that there may be.
fn responses(route: &Route, doc: &str, reply: Value) -> Value {
    let mut kinds: BTreeSet<ErrorKind> = ALWAYS.iter().copied().collect();
    kinds.extend(
        ErrorKind::ALL
            .iter()
            .filter(|kind| doc.contains(&format!("`{}`", kind.code()))),
    );
    if route.verb == Verb::Post {
        kinds.extend(CHANGING);
    }
    for (name, place) in route.parameters() {
        match name {
            "chat_id" => kinds.insert(ErrorKind::ChatNotFound),
            "user_id" => kinds.insert(ErrorKind::UserNotFound),
            _ => false,
        };
        // A number that is none makes another address.
        if place == "path" {
            kinds.insert(ErrorKind::NotFound);
        }
    }
    let mut made = json!({ "200": answer("What the operation answers.", reply) });
    if route.session != Session::Stays {
        let what = if route.session == Session::Begins {
            "holds the new session"
        } else {
            "is taken back"
        };
        made["200"]["headers"] = json!({
            "Set-Cookie": { "description": format!("The session cookie {what}."), "schema": { "type": "string" } }
        });
    }
    refusals(&mut made, &kinds);
    made
}

/// An answer for each status.
fn refusals(into: &mut Value, kinds: &BTreeSet<ErrorKind>) {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.http()).or_default().push(kind.code());
    }
    for (status, codes) in by_status {
        let codes: Vec<_> = codes.into_iter().map(|code| format!("`{code}`")).collect();
        let schema = json!({ "$ref": "#/components/schemas/Error" });
        let mut refused = answer(&codes.join(", "), schema);
        if status == 429 {
            refused["headers"] = json!({
                "Retry-After": { "description": "In seconds.", "schema": { "type": "integer" } }
            });
        }
        into[status.to_string()] = refused;
    }
}

fn answer(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn area(operation: &str) -> &str {
    operation.split('.').next().unwrap_or_default()
}

fn tags() -> Value {
    let areas: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| area(route.operation))
        .chain(["server"])
        .collect();
    areas
        .into_iter()
        .map(|area| json!({ "name": area }))
        .collect()
}

/// What is no line of the table.
fn others(paths: &mut Map<String, Value>) {
    let names: Vec<_> = catalogue::all().iter().map(Entry::name).collect();
    let error = json!({ "$ref": "#/components/schemas/Error" });
    let object = json!({ "type": "object" });
    let any = json!({
        "operationId": "any",
        "tags": ["server"],
        "summary": "Runs any operation or query by its name, for admins and above, with their rights",
        "parameters": [parameter("name", "path", true, json!({ "type": "string", "enum": names }))],
        "requestBody": { "required": false, "content": { "application/json": { "schema": object } } },
        "responses": {
            "200": answer("What the operation answers; `null` for some that find nothing.", json!({})),
            "4XX": answer("The operation's errors, and `ERR_UNKNOWN_OPERATION`.", error.clone()),
            "5XX": answer("The operation's errors.", error.clone()),
        },
    });
    insert(paths, "/v1/op/{name}".to_owned(), Verb::Post, any);

    let integer = json!({ "type": "integer", "minimum": 0 });
    let status = json!({
        "type": "object",
        "required": ["version", "now", "registration", "sockets", "browsers"],
        "properties": {
            "version": { "type": "string" },
            "now": { "type": "integer", "description": "The server's time, in milliseconds since 1970." },
            "registration": { "enum": ["invite", "open", "closed"] },
            "sockets": integer,
            "browsers": {
                "type": "array", "items": { "type": "string" },
                "description": "What a chat can choose from for its browser; nothing where none are run.",
            },
        },
    });
    insert(
        paths,
        "/v1/portal/status".to_owned(),
        Verb::Get,
        page(
            "status",
            "What a client wants to know before it signs in",
            "application/json",
            status,
            &[ErrorKind::RateLimited],
        ),
    );

    let health = json!({
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": { "enum": ["ok", "failing"] },
            "database": { "type": "boolean" },
            "disk_free_bytes": { "type": ["integer", "null"] },
            "tick_age_seconds": { "type": "number" },
            "events_age_seconds": { "type": "number" },
        },
    });
    let mut healthy = page(
        "health",
        "Whether the server can do its work; why, for loopback and admins",
        "application/json",
        health.clone(),
        &[],
    );
    healthy["responses"]["503"] = answer("It cannot.", health);
    insert(paths, "/health".to_owned(), Verb::Get, healthy);

    let text = json!({ "type": "string" });
    insert(
        paths,
        "/metrics".to_owned(),
        Verb::Get,
        page(
            "metrics",
            "Prometheus text, for loopback and admins",
            "text/plain",
            text,
            &[ErrorKind::Forbidden],
        ),
    );
    insert(
        paths,
        "/openapi.json".to_owned(),
        Verb::Get,
        page(
            "openapi",
            "This document",
            "application/json",
            object,
            &[ErrorKind::RateLimited],
        ),
    );
}

fn page(
    id: &str,
    summary: &str,
    content_type: &str,
    schema: Value,
    refused: &[ErrorKind],
) -> Value {
    let mut responses = json!({
        "200": { "description": summary, "content": { content_type: { "schema": schema } } }
    });
    let kinds = refused
        .iter()
        .copied()
        .chain([ErrorKind::Internal])
        .collect();
    refusals(&mut responses, &kinds);
    json!({ "operationId": id, "tags": ["server"], "summary": summary, "responses": responses })
}

/// The schemas that others refer to, under the names that the library gives them.
#[derive(Default)]
struct Schemas {
    found: Map<String, Value>,
}

impl Schemas {
    /// A schema that stands by itself becomes one that refers to ours.
    fn take(&mut self, operation: &str, mut schema: Value) -> Value {
        let mut definitions = Map::new();
        if let Value::Object(schema) = &mut schema {
            schema.remove("$schema");
            schema.remove("title");
            if let Some(Value::Object(found)) = schema.remove("$defs") {
                definitions = found;
            }
        }
        let mut names = BTreeMap::new();
        for (name, definition) in &definitions {
            let mut moved = definition.clone();
            point(&mut moved, &BTreeMap::new());
            // Two that share a name and nothing else are told apart by whose they are.
            let other = self.found.get(name).is_some_and(|kept| *kept != moved);
            let ours = if other {
                format!("{operation}.{name}")
            } else {
                name.clone()
            };
            names.insert(name.clone(), ours);
        }
        for (name, mut definition) in definitions {
            point(&mut definition, &names);
            self.found.insert(names[&name].clone(), definition);
        }
        point(&mut schema, &names);
        schema
    }

    /// The body of every error (SPEC 13.1).
    fn errors(&mut self) -> Value {
        let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        let extras = catalogue::error_extras().to_value();
        let mut fields = self.take("Error", extras)["properties"].take();
        fields["code"] =
            json!({ "enum": codes, "description": "What programs compare; it never changes." });
        fields["message"] = json!({ "type": "string", "description": "A sentence for a person." });
        fields["request_id"] = json!({ "type": "string", "description": "To find the request in the server's log by." });
        json!({
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message", "request_id"],
                    "properties": fields,
                }
            },
        })
    }
}

/// Makes every reference within a schema lead to the document's.
fn point(schema: &mut Value, names: &BTreeMap<String, String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(path) if key == "$ref" => {
                        if let Some(name) = path.strip_prefix("#/$defs/") {
                            let ours = names.get(name).map_or(name, String::as_str);
                            *path = format!("#/components/schemas/{ours}");
                        }
                    }
                    value => point(value, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, names)),
        _ => {}
    }
}
