//! The web client at `/`: files of our own, built in (SPEC 15.2).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use super::reply::{Reply, empty, typed};

/// The page that the other files belong to.
pub(crate) const START: &str = "/";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of `web/`: its path, its type, its text.
macro_rules! file {
    ($name:literal, $content_type:ident) => {
        (
            concat!("/web/", $name),
            $content_type,
            include_str!(concat!("../web/", $name)),
        )
    };
}

const FILES: &[(&str, &str, &str)] = &[
    (START, HTML, include_str!("../web/index.html")),
    file!("api.js", SCRIPT),
    file!("client.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("e2ee/bytes.js", SCRIPT),
    file!("e2ee/envelope.js", SCRIPT),
    file!("e2ee/hpke.js", SCRIPT),
    file!("e2ee/kept_pair.js", SCRIPT),
    file!("e2ee/primitives.js", SCRIPT),
    file!("e2ee/suite3.js", SCRIPT),
    file!("emitter.js", SCRIPT),
    file!("icon.svg", SVG),
    file!("page.css", CSS),
    file!("page.js", SCRIPT),
    file!("rights.js", SCRIPT),
    file!("room.js", SCRIPT),
    file!("room_browser.js", SCRIPT),
    file!("room_keys.js", SCRIPT),
    file!("socket.js", SCRIPT),
    file!("store.js", SCRIPT),
    file!("view/account.js", SCRIPT),
    file!("view/browser.js", SCRIPT),
    file!("view/browser_settings.js", SCRIPT),
    file!("view/chat.js", SCRIPT),
    file!("view/chat_settings.js", SCRIPT),
    file!("view/directory.js", SCRIPT),
    file!("view/door.js", SCRIPT),
    file!("view/held.js", SCRIPT),
    file!("view/lines.js", SCRIPT),
    file!("view/match.js", SCRIPT),
    file!("view/new_chat.js", SCRIPT),
    file!("view/people.js", SCRIPT),
    file!("view/punishment.js", SCRIPT),
    file!("view/rows.js", SCRIPT),
    file!("view/sidebar.js", SCRIPT),
    file!("view/staff/acts.js", SCRIPT),
    file!("view/staff/audit.js", SCRIPT),
    file!("view/staff/codes.js", SCRIPT),
    file!("view/staff/desk.js", SCRIPT),
    file!("view/staff/frame.js", SCRIPT),
    file!("view/staff/inspect.js", SCRIPT),
    file!("view/staff/matcher.js", SCRIPT),
    file!("view/staff/person.js", SCRIPT),
    file!("view/staff/report.js", SCRIPT),
    file!("view/staff/reports.js", SCRIPT),
    file!("view/transfer.js", SCRIPT),
    file!("words.js", SCRIPT),
];

/// The path again, if there is a file at it.
pub(crate) fn name(path: &str) -> Option<&'static str> {
    let (at, ..) = FILES.iter().find(|(at, ..)| *at == path)?;
    Some(at)
}

/// The file at a path, unless the browser has it already.
pub(crate) fn find(path: &str, request: &HeaderMap) -> Option<Reply> {
    let (_, content_type, text) = FILES.iter().find(|(at, ..)| *at == path)?;
    let tag = tag(text)?;
    let is_known = request
        .get(IF_NONE_MATCH)
        .is_some_and(|known| *known == tag);
    let mut reply = if is_known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        typed(content_type, *text)
    };
    let headers = reply.headers_mut();
    headers.insert(ETAG, tag);
    // Kept, but asked for again: the next version of the server has other files.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(reply)
}

/// Tells a file's versions apart.
fn tag(text: &str) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The paths that a script imports, as they stand there.
    fn imports(script: &str) -> impl Iterator<Item = &str> {
        ["from \"", "import(\""].into_iter().flat_map(|before| {
            let after = script.split(before).skip(1);
            after.filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
        })
    }

    #[test]
    fn every_script_that_is_imported_is_served() {
        let mut seen = 0;
        for (at, _, text) in FILES.iter().filter(|(_, kind, _)| *kind == SCRIPT) {
            let folder = Path::new(at).parent().unwrap();
            for import in imports(text) {
                let (mut folder, mut rest) = (folder, import.strip_prefix("./").unwrap_or(import));
                while let Some(above) = rest.strip_prefix("../") {
                    (folder, rest) = (folder.parent().unwrap(), above);
                }
                let path = folder.join(rest);
                let path = path.to_str().unwrap();
                assert!(
                    find(path, &HeaderMap::new()).is_some(),
                    "{at} imports {path}"
                );
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} imports were found");
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let fresh = find("/web/page.js", &HeaderMap::new()).unwrap();
        assert_eq!(fresh.status(), StatusCode::OK);
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, fresh.headers()[ETAG].clone())]);
        let again = find("/web/page.js", &known).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = find("/web/page.css", &known).unwrap();
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn every_file_of_the_client_is_served_once() {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
        let mut there = BTreeSet::from(["/".to_owned()]);
        for folder in ["", "e2ee", "view", "view/staff"] {
            for entry in std::fs::read_dir(web.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&web).unwrap().to_str().unwrap();
                // The page itself is at `/`; the manifest tells Node that the scripts are modules.
                if path.is_file() && name != "index.html" && name != "package.json" {
                    there.insert(format!("/web/{name}"));
                }
            }
        }
        let served: Vec<_> = FILES.iter().map(|(at, ..)| (*at).to_owned()).collect();
        assert_eq!(served.len(), there.len());
        assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), there);
    }

    #[test]
    fn nothing_in_the_client_makes_markup_or_code_of_text() {
        for (at, kind, text) in FILES {
            for unsafe_way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "javascript:",
                "<style",
                " style=",
                "http://",
                "https://",
            ] {
                let is_name = *kind == SVG || text.contains("http://www.w3.org/2000/svg");
                if unsafe_way == "http://" && is_name {
                    continue;
                }
                assert!(!text.contains(unsafe_way), "{at} has {unsafe_way}");
            }
        }
    }
}
