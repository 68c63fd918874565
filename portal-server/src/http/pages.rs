//! The page at `/`: files of our own, built in (SPEC 15.2).

use hyper::header::{CACHE_CONTROL, HeaderValue};

use super::reply::{Reply, typed};

const FILES: &[(&str, &str, &str)] = &[
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../web/index.html"),
    ),
    (
        "/web/page.css",
        "text/css; charset=utf-8",
        include_str!("../web/page.css"),
    ),
    (
        "/web/page.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/page.js"),
    ),
];

/// The path again, if there is a file at it.
pub(crate) fn name(path: &str) -> Option<&'static str> {
    let (at, ..) = FILES.iter().find(|(at, ..)| *at == path)?;
    Some(at)
}

/// The file at a path.
pub(crate) fn find(path: &str) -> Option<Reply> {
    let (_, content_type, text) = FILES.iter().find(|(at, ..)| *at == path)?;
    let mut reply = typed(content_type, *text);
    // Kept, but asked for again: the next version of the server has other files.
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(reply)
}
