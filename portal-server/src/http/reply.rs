//! Answers: JSON, pages, and errors as SPEC 13.1 wants them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use portal_core::{Error, ErrorKind};
use serde::Serialize;

/// An answer that is whole.
pub(crate) type Reply = Response<Full<Bytes>>;

/// JSON, as an operation wrote it.
pub(crate) fn json(body: String) -> Reply {
    typed("application/json", body)
}

/// Anything else that is text.
pub(crate) fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// An error: code, sentence, extras, and the request's id to find it in the log by.
pub(crate) fn error(error: &Error, request_id: &str) -> Reply {
    #[derive(Serialize)]
    struct Body<'a> {
        error: Inner<'a>,
    }
    #[derive(Serialize)]
    struct Inner<'a> {
        #[serde(flatten)]
        error: &'a Error,
        request_id: &'a str,
    }
    let body = serde_json::to_string(&Body {
        error: Inner { error, request_id },
    })
    .expect("errors are plain words and numbers");
    let mut reply = json(body);
    let kind = error.kind();
    *reply.status_mut() =
        StatusCode::from_u16(kind.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    if let Some(millis) = error.extras().retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000)));
    }
    if kind == ErrorKind::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

/// An error for a method that there is not, saying which there are.
pub(crate) fn other_method(allow: &str, request_id: &str) -> Reply {
    let mut reply = error(&ErrorKind::MethodNotAllowed.into(), request_id);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        reply.headers_mut().insert(ALLOW, allow);
    }
    reply
}
