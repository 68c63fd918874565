//! The header, the statuses and the exported symbols agree with the sources, and every export has the
//! guard and the five lines (SPEC 17.1, 17.6, 17.7).
//!
//! `PORTAL_BLESS=1 cargo test -p portal-ffi --test header` writes the generated files anew.

#![allow(missing_docs)]

mod common;

use std::fmt::Write as _;
use std::process::Command;

use common::{library, read, run, workspace};
use portal_core::ErrorKind;

/// In the order in which the header shows them.
const SOURCES: [&str; 25] = [
    "status",
    "buf",
    "error",
    "options",
    "actor",
    "handle",
    "call",
    "users",
    "chats",
    "rooms",
    "messages",
    "moderation",
    "matching",
    "keys",
    "room_key",
    "random_source",
    "e2ee",
    "e2ee_messages",
    "e2ee_blobs",
    "follower",
    "browsers",
    "browser_reply",
    "keeper",
    "keyring",
    "keyring_messages",
];

/// What every function's documentation says, in this order.
const LINES: [&str; 5] = ["What", "Ownership", "NULL", "Threads", "Statuses"];

/// One exported function, as the source has it.
struct Export {
    name: String,
    doc: Vec<String>,
    parameters: String,
    body: String,
}

/// Every exported function of the sources.
fn exports() -> Vec<Export> {
    let mut exports = Vec::new();
    for source in source_files() {
        let text = read(&source);
        let lines: Vec<&str> = text.lines().collect();
        for (at, _) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.trim() == "#[unsafe(no_mangle)]")
        {
            let mut doc: Vec<String> = lines[..at]
                .iter()
                .rev()
                .map_while(|line| line.strip_prefix("///"))
                .map(str::to_owned)
                .collect();
            doc.reverse();
            let signature = lines[at..].join("\n");
            let (head, rest) = signature
                .split_once("extern \"C\" fn ")
                .expect("an export is extern \"C\"");
            assert!(head.contains("pub "), "{source}: an export is public");
            let (name, parameters) = rest.split_once('(').unwrap();
            let (name, parameters) = (
                name.to_owned(),
                parameters.split(')').next().unwrap().to_owned(),
            );
            let body = rest.split_once("{\n").unwrap().1;
            let body = body.split("\n}").next().unwrap().to_owned();
            exports.push(Export {
                name,
                doc,
                parameters,
                body,
            });
        }
    }
    exports
}

fn source_files() -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(workspace().join("portal-ffi/src"))
        .unwrap()
        .map(|entry| format!("portal-ffi/src/{}", entry.unwrap().file_name().display()))
        .collect();
    files.sort();
    files
}

/// Compares a generated file with what it should be, or writes it.
#[track_caller]
fn bless(path: &str, expected: &str) {
    if std::env::var_os("PORTAL_BLESS").is_some() {
        let path = workspace().join(path);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(expected) {
            std::fs::write(path, expected).unwrap();
        }
        return;
    }
    let found = std::fs::read_to_string(workspace().join(path)).unwrap_or_default();
    if let Some((at, (found, expected))) = found
        .lines()
        .chain([""])
        .zip(expected.lines().chain([""]))
        .enumerate()
        .find(|(_, (found, expected))| found != expected)
    {
        panic!(
            "{path}:{} is not what the sources say; run \
             `PORTAL_BLESS=1 cargo test -p portal-ffi --test header`\n found: {found}\nwanted: {expected}",
            at + 1
        );
    }
    assert!(found == expected, "{path} has lines too many or too few");
}

fn statuses() -> String {
    let mut text = String::from(
        "//! The statuses: `ErrorKind`'s numbers as constants that C can use. Written by `tests/header.rs`.\n\n\
         use std::ffi::CStr;\n\n\
         /// The call did what it says.\npub const PORTAL_OK: i32 = 0;\n",
    );
    let mut names = String::new();
    for kind in ErrorKind::ALL {
        let (code, status, sentence) = (kind.code(), kind.status(), kind.sentence());
        write!(
            text,
            "/// {sentence}\npub const PORTAL_{code}: i32 = {status};\n"
        )
        .unwrap();
        writeln!(names, "    (PORTAL_{code}, c\"{code}\"),").unwrap();
    }
    write!(
        text,
        "\n/// Every status but `PORTAL_OK`, with its code.\n\
         #[rustfmt::skip]\n\
         pub(crate) const NAMES: &[(i32, &CStr)] = &[\n{names}];\n"
    )
    .unwrap();
    text
}

/// The header: the first program, how to read the rest, and what cbindgen makes of the sources.
fn header() -> String {
    let mut builder = cbindgen::Builder::new().with_config(
        cbindgen::Config::from_file(workspace().join("portal-ffi/cbindgen.toml")).unwrap(),
    );
    for source in SOURCES {
        builder = builder.with_src(workspace().join(format!("portal-ffi/src/{source}.rs")));
    }
    let mut bytes = Vec::new();
    builder
        .with_header(preface())
        .with_after_include(versions())
        .generate()
        .unwrap()
        .write(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    // Rust's words for what C calls otherwise.
    text.replace('`', "")
}

/// The macros of the version, which are Cargo's.
fn versions() -> String {
    let text = env!("CARGO_PKG_VERSION");
    let parts = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    let [major, minor, patch] = parts.map(|part| part.parse::<i32>().unwrap());
    assert!(
        minor < 1000 && patch < 1000,
        "the number of a version has three digits for each"
    );
    let number = major * 1_000_000 + minor * 1_000 + patch;
    format!(
        "\n// The version of this header; portal_version and portal_version_number answer the library's.\n\
         #define PORTAL_VERSION \"{text}\"\n\
         #define PORTAL_VERSION_MAJOR {major}\n\
         #define PORTAL_VERSION_MINOR {minor}\n\
         #define PORTAL_VERSION_PATCH {patch}\n\
         // MAJOR * 1000000 + MINOR * 1000 + PATCH, to be compared.\n\
         #define PORTAL_VERSION_NUMBER {number}"
    )
}

fn preface() -> String {
    let mut text = String::from("/*\n * libportal: chat in rooms, over one SQLite file.\n *\n");
    for line in read("examples/c/first.c").lines() {
        assert!(
            !line.contains("/*") && !line.contains("*/") && !line.contains('`'),
            "the program stands in a comment of C"
        );
        let line = format!(" *     {line}");
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text.push_str(
        " *
 * How to read the rest.
 *
 * Parameters come in one order: handle, inputs, outputs, error. A function that can fail returns a
 * status: 0, or one of PORTAL_ERR_..., whose numbers never change. Its last parameter takes a
 * portal_error with the details; it may be NULL, and gets NULL on success. Outputs are zeroed first and
 * written on success only. Texts come in as pointer and length and need no NUL. NULL with length 0 is the
 * empty text, everywhere, and is taken or refused like any other empty text; so with bytes and lists.
 * What is not UTF-8, NULL with another length, and NULL where a line NULL says that none may be, is
 * PORTAL_ERR_INVALID.
 *
 * portal_call runs any operation by its name, with JSON in and out. What a program does all day has a
 * function named after its operation, such as portal_chat_create for chat.create: the same rules and
 * replies, with parameters of C. What may be left out is left out as 0, or NULL with length 0. What
 * operations there are, with each field of their parameters and replies, is in
 * docs/reference/operations.md, errors and events beside it; portal-cli op show NAME gives the JSON schema.
 *
 * The library starts no thread and installs no signal handler. Each function says the same five things:
 * what it does, who owns what, where NULL may stand, from which threads, and its statuses.
 *
 * Made from the sources by the tests of portal-ffi; not to be edited.
 */",
    );
    text
}

/// First the statuses, because the header shows them.
#[test]
fn the_statuses_and_the_header_are_what_the_sources_say_spec_17_1() {
    bless("portal-ffi/src/status.rs", &statuses());
    bless("include/portal.h", &header());
}

#[test]
fn every_export_is_listed_and_guarded_spec_17_6() {
    let mut names = Vec::new();
    for export in exports() {
        let first = export.body.trim_start();
        // A fallible export builds its body and hands it to `answer`, and does nothing besides.
        let guarded = first.starts_with("boundary(")
            || first.starts_with("let body = || {\n") && ends_in_answer(&export.body);
        assert!(guarded, "{} does something outside the guard", export.name);
        names.push(export.name);
    }
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    bless("include/symbols.txt", &(names.join("\n") + "\n"));
}

/// Whether only the comment and the call of `answer` follow the closure.
fn ends_in_answer(body: &str) -> bool {
    let Some((_, after)) = body.rsplit_once("\n    };\n") else {
        return false;
    };
    let lines: Vec<_> = after
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.is_empty())
        .collect();
    let statement = lines.join(" ");
    statement.starts_with("unsafe { answer(")
        && statement.ends_with(" }")
        && !statement.contains(';')
}

#[test]
#[cfg(target_os = "linux")]
fn the_shared_library_exports_the_listed_symbols_and_no_others_spec_17_6() {
    let listing = run(Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library("so")));
    let mut found: Vec<_> = listing
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    found.sort_unstable();
    let listed = read("include/symbols.txt");
    assert_eq!(found, listed.lines().collect::<Vec<_>>());
}

#[test]
fn every_export_says_the_same_five_lines_spec_17_7() {
    for Export { name, doc, .. } in exports() {
        let labels: Vec<_> = doc
            .iter()
            .filter_map(|line| line.strip_prefix(" - "))
            .map(|line| line.split(": ").next().unwrap())
            .collect();
        assert_eq!(labels, LINES, "{name}");
        let stray = doc
            .iter()
            .find(|line| !line.starts_with(" - ") && !line.starts_with("   "));
        assert_eq!(stray, None, "{name}");
    }
}

#[test]
fn every_input_with_a_length_may_be_null_where_that_is_0_spec_17_2() {
    for Export {
        name,
        doc,
        parameters,
        ..
    } in exports()
    {
        let text = doc.join(" ");
        let line = text.split(" - NULL: ").nth(1).unwrap();
        let line = line.split(" - Threads: ").next().unwrap();
        let inputs = parameters.split(',').zip(parameters.split(',').skip(1));
        for (input, length) in inputs.filter(|(input, _)| input.contains(": *const ")) {
            let input = input.split(':').next().unwrap().trim();
            let length = length.split(':').next().unwrap().trim();
            if length != format!("{input}_len") && length != "count" {
                continue;
            }
            let said = line.split([';', '.']).any(|part| {
                let mut words = part.split([' ', ',']);
                words.any(|word| word == input) && part.contains(" 0") && !part.contains("may not")
            });
            assert!(said, "{name}: {input}: {line}");
        }
    }
}

#[test]
fn every_status_that_the_documentation_names_exists() {
    let known: Vec<_> = ErrorKind::ALL
        .iter()
        .map(|kind| format!("PORTAL_{}", kind.code()))
        .collect();
    for Export { name, doc, .. } in exports() {
        let text = doc.join(" ");
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("PORTAL_ERR_")) {
            assert!(known.iter().any(|code| code == word), "{name}: {word}");
        }
    }
}

#[test]
fn only_the_boundary_catches_panics_spec_17_6() {
    for file in source_files() {
        let catches = read(&file).contains("catch_unwind");
        assert_eq!(catches, file.ends_with("/boundary.rs"), "{file}");
    }
}

/// Reflowing a comment swallows it.
#[test]
fn a_heading_of_safety_stands_on_its_own_line() {
    for file in source_files() {
        for line in read(&file).lines().filter(|line| line.contains("# Safety")) {
            assert_eq!(line.trim(), "/// # Safety", "{file}");
        }
    }
}
