//! Requests that a proxy might read in another way than we do, refused before anything is done.
//!
//! Where two readers disagree on where a request ends or whom it is for, somebody can put a request of
//! their own into another person's connection. hyper refuses what is malformed. What is left are
//! requests that can be read, and that no client of ours sends.

use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Version};
use portal_core::{Error, Result};

use super::reply::{self, Reply};

/// Whether a request can be read in one way only.
///
/// # Errors
/// `ERR_INVALID`.
pub(super) fn check<B>(request: &Request<B>) -> Result<()> {
    let headers = request.headers();
    // hyper takes away a Content-Length beside it, so that the pair can no longer be told from the one.
    if headers.contains_key(TRANSFER_ENCODING) {
        let why = "A body must announce its length: Content-Length, no Transfer-Encoding.";
        return Err(Error::invalid(".", why));
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(Error::invalid(".", "A request has one Host."));
    }
    Ok(())
}

/// The answer, after which nothing more is read from the connection.
pub(super) fn refuse(error: &Error, request_id: &str) -> Reply {
    let mut reply = reply::error(error, request_id);
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}
