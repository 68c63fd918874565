//! The direction that docs/architecture.md draws, and what every operation of the catalogue owes its readers.
//!
//! Imports are read from the sources: `crate::` paths anywhere but in comments.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::Stage;
use portal_core::{Actor, catalogue};
use serde_json::{Value, json};

// Direction ---------------------------------------------------------------------------------------

/// What lies above the rules and the rows: nothing below may know it.
const ABOVE: [&str; 10] = [
    "catalogue",
    "delivery",
    "follow",
    "keeper",
    "operation",
    "ops",
    "portal",
    "request",
    "shared",
    "upkeep",
];

/// A source file: its path within `src`, and its text without comments.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether it belongs to a module of the crate's root.
    fn is_of(&self, module: &str) -> bool {
        self.path == format!("{module}.rs") || self.path.starts_with(&format!("{module}/"))
    }

    /// The modules of the crate's root that it names.
    fn imports(&self) -> BTreeSet<&str> {
        let mut imports = BTreeSet::new();
        for (at, path) in self.text.match_indices("crate::") {
            if self.text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &self.text[at + path.len()..];
            match rest.strip_prefix('{') {
                Some(list) => imports.extend(heads(list)),
                None => imports.extend(head(rest)),
            }
        }
        imports
    }

    fn names(&self, word: &str) -> bool {
        self.text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|found| found == word)
    }
}

/// The first name of a path.
fn head(path: &str) -> Option<&str> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    Some(&path[..end.unwrap_or(path.len())]).filter(|name| !name.is_empty())
}

/// The first names of the paths in braces, up to the closing one.
fn heads(list: &str) -> Vec<&str> {
    let mut depth = 1;
    let mut names = Vec::new();
    let mut start = 0;
    for (at, c) in list.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 || (depth == 1 && c == ',') {
            names.extend(head(list[start..at].trim_start()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn sources() -> Vec<Source> {
    fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            Source {
                path: file
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/"),
                text: code.collect::<Vec<_>>().join("\n"),
            }
        })
        .collect()
}

#[test]
fn paths_are_read_from_every_form_of_import() {
    let source = Source {
        path: "x.rs".to_owned(),
        text: "use crate::a::{b, c};\nuse crate::{d::{e, f}, g};\nlet h = crate::i::j();\nother_crate::k;"
            .to_owned(),
    };
    assert_eq!(source.imports(), BTreeSet::from(["a", "d", "g", "i"]));
}

#[test]
fn the_model_knows_only_itself() {
    for source in sources().iter().filter(|source| source.is_of("model")) {
        let strange: Vec<_> = source
            .imports()
            .into_iter()
            .filter(|module| *module != "model")
            .collect();
        assert!(strange.is_empty(), "{} names {strange:?}", source.path);
        assert!(!source.names("rusqlite"), "{} names SQL", source.path);
    }
}

#[test]
fn the_clients_cryptography_knows_nothing_of_the_rest() {
    for source in sources().iter().filter(|source| source.is_of("e2ee")) {
        for module in source.imports() {
            assert!(
                ["e2ee", "random"].contains(&module),
                "{} names {module}",
                source.path
            );
        }
    }
}

#[test]
fn what_is_pure_knows_no_rows_and_nothing_above() {
    for module in ["policy", "matching", "presence", "e2ee"] {
        for source in sources().iter().filter(|source| source.is_of(module)) {
            let imports = source.imports();
            for other in ABOVE.into_iter().chain(["store"]) {
                assert!(!imports.contains(other), "{} names {other}", source.path);
            }
            assert!(!source.names("rusqlite"), "{} names SQL", source.path);
        }
    }
}

#[test]
fn the_store_knows_no_rules_and_nothing_above() {
    for source in sources().iter().filter(|source| source.is_of("store")) {
        let imports = source.imports();
        for other in ABOVE.into_iter().chain(["policy"]) {
            assert!(!imports.contains(other), "{} names {other}", source.path);
        }
    }
}

#[test]
fn sql_stays_where_it_belongs() {
    // Beside the rows and the verbs: what hands them a transaction, and what turns its errors into ours.
    let doors = [
        "store",
        "ops",
        "shared",
        "request",
        "operation",
        "delivery",
        "error",
    ];
    for source in sources() {
        let may = doors.iter().any(|module| source.is_of(module));
        assert!(
            may || !source.names("rusqlite"),
            "{} names SQL",
            source.path
        );
    }
}

// The catalogue -----------------------------------------------------------------------------------

#[test]
fn every_operation_is_named_area_and_verb_once() {
    let mut names = BTreeSet::new();
    for entry in catalogue::all() {
        let name = entry.name();
        let word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let parts: Vec<_> = name.split('.').collect();
        assert!(
            parts.len() == 2 && parts.iter().all(|part| word(part)),
            "{name}"
        );
        assert!(names.insert(name), "{name} is there twice");
    }
}

#[test]
fn the_catalogue_is_sorted_by_type() {
    let text = include_str!("../src/catalogue.rs");
    let (_, entries) = text.split_once("const ENTRIES").unwrap();
    let types: Vec<_> = entries
        .match_indices("::<ops::")
        .map(|(at, start)| {
            let path = &entries[at + start.len()..];
            &path[..path.find('>').unwrap()]
        })
        .collect();
    assert_eq!(types.len(), catalogue::all().len());
    assert!(types.is_sorted(), "{types:#?}");
}

#[test]
fn every_operation_and_every_parameter_is_documented() {
    let is_sentence =
        |doc: &str| !doc.starts_with(char::is_lowercase) && doc.trim_end().ends_with('.');
    for entry in catalogue::all() {
        let name = entry.name();
        assert!(is_sentence(&entry.doc()), "{name}: {:?}", entry.doc());
        let schema = entry.parameters();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (parameter, schema) in properties.into_iter().flatten() {
            let doc = schema.get("description").and_then(Value::as_str);
            assert!(doc.is_some_and(is_sentence), "{name}, {parameter}: {doc:?}");
        }
    }
}

/// Every object with named properties within a schema.
fn objects<'a>(schema: &'a Value, found: &mut Vec<&'a Value>) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some_and(Value::is_object)
                || map.get("type") == Some(&json!("object"))
            {
                found.push(schema);
            }
            map.values().for_each(|value| objects(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| objects(value, found)),
        _ => {}
    }
}

#[test]
fn the_schemas_of_parameters_are_closed_spec_15_1() {
    for entry in catalogue::all() {
        let schema = entry.parameters().to_value();
        let mut found = Vec::new();
        objects(&schema, &mut found);
        assert!(found.contains(&&schema), "{}: no object", entry.name());
        for object in found {
            assert_eq!(
                object.get("additionalProperties"),
                Some(&json!(false)),
                "{}: {object}",
                entry.name()
            );
        }
    }
}

#[test]
fn an_unknown_parameter_is_refused_by_name_spec_15_1() {
    let stage = Stage::new();
    for entry in catalogue::all() {
        let error = stage.refused(
            &Actor::operator(),
            entry.name(),
            json!({ "no_such_parameter": 1 }),
            "ERR_INVALID",
        );
        let field = error.extras().field.clone();
        assert_eq!(
            field.as_deref(),
            Some("no_such_parameter"),
            "{}",
            entry.name()
        );
    }
}
