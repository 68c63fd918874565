//! The references that docs/reference keeps and `portal-cli docs` prints: operations, errors, events, out of
//! the catalogue and the types themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::catalogue;
use crate::error::ErrorKind;
use crate::event::StoredEvent;

/// Every operation and query with its parameters and its reply, and the types they name, in Markdown.
pub fn operations() -> String {
    let mut page = Page::new(
        "# Operations and queries\n\nThe same in every face: `portal_call` in C, `op call` on the command line, `POST \
         /v1/op/{name}` over HTTP. What a type holds is said once, under [Types](#types); `portal-cli op show NAME` \
         gives the same as JSON schemas. A `?` marks a parameter that may be left out and a field of a reply that may be \
         absent. What may be null says so in its type. When an error comes: [errors.md](errors.md). SPEC 4.4 and the \
         like are rules of [the specification](../spec.md).\n",
    );
    let mut entries: Vec<_> = catalogue::all().iter().collect();
    entries.sort_by_key(|entry| entry.name());
    for entry in entries {
        let parameters = entry.parameters().to_value();
        let reply = entry.reply().to_value();
        let what = if entry.writes() { "operation" } else { "query" };
        let _ = write!(
            page.text,
            "\n## {}\n\n{}. {}\n\nParameters:\n\n",
            entry.name(),
            what,
            line(&parameters)
        );
        page.define(&parameters, Absence::NotRequired);
        page.body(&parameters, Absence::NotRequired);
        page.text.push_str("\nReply:\n\n");
        page.define(&reply, Absence::OfReply);
        page.body(&reply, Absence::OfReply);
    }
    page.with_types()
}

/// Every error with its numbers, in Markdown.
pub fn errors() -> String {
    let mut out = String::from(
        "# Errors\n\nThe code is what programs compare; it and the numbers never change. C is the status of the C API, \
         exit the exit code of `portal-cli`.\n\nA chat that the caller may not look into is `ERR_CHAT_NOT_FOUND`, as if it \
         did not exist; one that they may look into, but not act in, is `ERR_FORBIDDEN`. Whoever is banned from a chat \
         hears `ERR_CHAT_NOT_FOUND` if it is PRIVATE and `ERR_BANNED` if it is OFFICIAL or PUBLIC; `ERR_BANNED` also of a \
         code that would let others in (SPEC 4.4, a rule of [the specification](../spec.md)).\n\n| code | C | HTTP | exit | |\n|---|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let (status, http, exit) = (kind.status(), kind.http(), kind.exit() as u8);
        let _ = writeln!(
            out,
            "| `{}` | {status} | {http} | {exit} | {} |",
            kind.code(),
            kind.sentence()
        );
    }
    out
}

/// Every event of the log with its data, and the types they name, in Markdown.
pub fn events() -> String {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let schema = generator.into_root_schema_for::<StoredEvent>().to_value();
    let mut page = Page::new(
        "# Events\n\nWhat the log holds: `seq`, the place in it, `at`, the `name` and the `data` of each. At delivery a \
         socket gets the data with `seq` and `at`, and what the event points at: the message, the chat, the public key, \
         the wrapped key, the own way into a browser. What a type holds is said once, under [Types](#types). A `?` marks \
         what may be absent; what may be null says so in its type. SPEC 12.2 and the like are rules of [the \
         specification](../spec.md).\n",
    );
    page.define(&schema, Absence::NotRequired);
    let by_name: BTreeMap<_, _> = list(&schema["oneOf"])
        .filter_map(|variant| Some((variant["properties"]["name"]["const"].as_str()?, variant)))
        .collect();
    for (name, variant) in by_name {
        let _ = write!(page.text, "\n## {name}\n\n{}\n\n", line(variant));
        let data = named(&variant["properties"]["data"]).unwrap_or_default();
        page.body(&schema["$defs"][data], Absence::NotRequired);
    }
    page.with_types()
}

/// What a schema tells of a field that can be absent.
#[derive(Clone, Copy)]
enum Absence {
    /// It is not required.
    NotRequired,
    /// It is not required, and neither null nor a default stands for it, or its description says so: a reply's
    /// schema is that of reading one.
    OfReply,
}

/// A page that is being written.
struct Page {
    text: String,
    definitions: BTreeMap<String, (Value, Absence)>,
    /// The types that the text names.
    named: BTreeSet<String>,
}

impl Page {
    fn new(preface: &str) -> Self {
        Self {
            text: preface.into(),
            definitions: BTreeMap::new(),
            named: BTreeSet::new(),
        }
    }

    /// Takes in what a schema defines. A parameter's type says more of what can be absent than the same in a reply.
    fn define(&mut self, schema: &Value, absence: Absence) {
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            let entry = (definition.clone(), absence);
            match absence {
                Absence::NotRequired => _ = self.definitions.insert(name.clone(), entry),
                Absence::OfReply => {
                    self.definitions.entry(name.clone()).or_insert(entry);
                }
            }
        }
    }

    /// The page, with every type that it names, each once.
    fn with_types(mut self) -> String {
        let mut text = std::mem::take(&mut self.text);
        let mut written = BTreeMap::new();
        // A type names others.
        while let Some(name) = self
            .named
            .iter()
            .find(|name| !written.contains_key(*name))
            .cloned()
        {
            let (definition, absence) = self.definitions[&name].clone();
            self.body(&definition, absence);
            let body = std::mem::take(&mut self.text);
            written.insert(
                name.clone(),
                format!("\n### {name}\n\n{}\n\n{body}", line(&definition)),
            );
        }
        text.push_str("\n## Types\n");
        text.extend(written.into_values());
        text
    }

    /// What a schema holds: its words, its fields, or one of other types.
    fn body(&mut self, schema: &Value, absence: Absence) {
        let words: Vec<_> = list(&schema["oneOf"])
            .filter_map(|word| Some((word["const"].as_str()?, line(word))))
            .collect();
        let fields = fields(schema, absence);
        if !words.is_empty() {
            self.text.push_str("| word | |\n|---|---|\n");
            for (word, meaning) in words {
                let _ = writeln!(self.text, "| `{word}` | {meaning} |");
            }
        } else if !fields.is_empty() {
            self.text.push_str("| field | type | |\n|---|---|---|\n");
            for (name, field) in fields {
                let mut kinds: Vec<String> = Vec::new();
                for kind in field.schemas.iter().flat_map(|schema| self.kinds(schema)) {
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
                let (mark, kind) = (if field.optional { "?" } else { "" }, kinds.join(" or "));
                let _ = writeln!(
                    self.text,
                    "| `{name}`{mark} | {kind} | {} |",
                    field.description
                );
            }
        } else {
            let kind = self.kinds(schema).join(" or ");
            let holds = if kind == "object" {
                "None."
            } else {
                &format!("Type: {kind}.")
            };
            let _ = writeln!(self.text, "{holds}");
        }
    }

    /// What a schema takes, in a word or two each.
    fn kinds(&mut self, schema: &Value) -> Vec<String> {
        if let Some(name) = named(schema) {
            // The log has a page of its own.
            if name == "StoredEvent" {
                return vec!["[StoredEvent](events.md)".into()];
            }
            let definition = self.definitions[name].0.clone();
            if definition["type"] == "integer" {
                return self.kinds(&definition);
            }
            self.named.insert(name.into());
            return vec![format!("[{name}](#{})", name.to_lowercase())];
        }
        if let Some(word) = schema["const"].as_str() {
            return vec![format!("`{word}`")];
        }
        let options: Vec<_> = list(&schema["anyOf"])
            .chain(list(&schema["oneOf"]))
            .collect();
        if !options.is_empty() {
            return options
                .into_iter()
                .flat_map(|option| self.kinds(option))
                .collect();
        }
        let names = match &schema["type"] {
            Value::Array(names) => names.clone(),
            Value::Null => vec!["any".into()],
            name => vec![name.clone()],
        };
        names
            .iter()
            .filter_map(Value::as_str)
            .map(|name| match name {
                "array" => format!("list of {}", self.kinds(&schema["items"]).join(" or ")),
                name => name.into(),
            })
            .collect()
    }
}

/// A field of an object; in each form of it that has one.
#[derive(Default)]
struct Field<'a> {
    schemas: Vec<&'a Value>,
    optional: bool,
    description: String,
}

/// The fields of an object, and of every form that it can have.
fn fields(schema: &Value, absence: Absence) -> BTreeMap<&str, Field<'_>> {
    let mut fields: BTreeMap<&str, Field<'_>> = BTreeMap::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let required = list(&schema["required"]).any(|required| required == name.as_str());
        let description = line(field);
        let is_there = field.get("default").is_some() || takes_null(field);
        let says_so = description.to_lowercase().contains("absent");
        let optional = match absence {
            Absence::NotRequired => !required,
            Absence::OfReply => !required && (!is_there || says_so),
        };
        let field = Field {
            schemas: vec![field],
            optional,
            description,
        };
        fields.insert(name, field);
    }
    for form in list(&schema["anyOf"]).chain(list(&schema["oneOf"])) {
        for (name, more) in self::fields(form, absence) {
            let field = fields.entry(name).or_default();
            field.optional = true;
            let word = more.schemas[0]["const"].as_str();
            if !more.description.is_empty() {
                field.description = more.description;
            } else if let Some(word) = word {
                let gap = if field.description.is_empty() {
                    ""
                } else {
                    " "
                };
                let _ = write!(field.description, "{gap}`{word}`: {}", line(form));
            } else {
                field.description = line(form);
            }
            field.schemas.extend(more.schemas);
        }
    }
    fields
}

/// Whether null is among what a schema takes.
fn takes_null(schema: &Value) -> bool {
    list(&schema["type"]).any(|name| name == "null")
        || list(&schema["anyOf"]).any(|option| option["type"] == "null")
}

/// The type that a schema names.
fn named(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// One line of prose. What a link of the sources leads to is not in this text.
fn line(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
        .replace("[`", "`")
        .replace("`]", "`")
}
