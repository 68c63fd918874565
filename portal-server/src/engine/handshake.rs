//! What a request for a socket asks for, and what a refused one is told.

use std::fmt;
use std::str::FromStr;

use hyper::Method;
use portal_core::random::{Random, SystemRandom};

use super::heartbeat::{PING_INTERVAL, PING_TIMEOUT};

/// A socket's name, which whoever polls it has to know. Nobody can guess it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sid(u128);

impl Sid {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 16];
        SystemRandom.fill(&mut bytes);
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Sid {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let digits = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 32 || !digits {
            return Err(Refused::UnknownSid);
        }
        let number = u128::from_str_radix(text, 16);
        number.map(Self).map_err(|_| Refused::UnknownSid)
    }
}

/// What carries a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Polling,
    WebSocket,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Open(Transport),
    /// The packets that wait.
    Poll(Sid),
    /// To take packets.
    Post(Sid),
    /// To go on over a WebSocket.
    Upgrade(Sid),
}

/// Why a request is not answered, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownTransport,
    UnknownSid,
    BadMethod,
    BadRequest,
    BadVersion,
}

impl Refused {
    /// The body of the answer, whose status is 400.
    pub(crate) fn json(self) -> &'static str {
        match self {
            Self::UnknownTransport => r#"{"code":0,"message":"Transport unknown"}"#,
            Self::UnknownSid => r#"{"code":1,"message":"Session ID unknown"}"#,
            Self::BadMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Self::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            Self::BadVersion => r#"{"code":5,"message":"Unsupported protocol version"}"#,
        }
    }
}

impl Asked {
    pub(crate) fn read(method: &Method, query: &str) -> Result<Self, Refused> {
        let transport = match value(query, "transport=") {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(Refused::UnknownTransport),
        };
        if value(query, "EIO=") != Some("4") {
            return Err(Refused::BadVersion);
        }
        let Some(sid) = value(query, "sid=") else {
            return match *method {
                Method::GET => Ok(Self::Open(transport)),
                _ => Err(Refused::BadMethod),
            };
        };
        let sid = sid.parse()?;
        match (transport, method) {
            (Transport::Polling, &Method::GET) => Ok(Self::Poll(sid)),
            (Transport::Polling, &Method::POST) => Ok(Self::Post(sid)),
            (Transport::WebSocket, &Method::GET) => Ok(Self::Upgrade(sid)),
            _ => Err(Refused::BadRequest),
        }
    }
}

/// The first value that goes by this name, which ends in `=`.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name))
}

/// What the opening packet says.
pub(super) fn opening(sid: Sid, transport: Transport, max_payload: usize) -> String {
    let upgrades = match transport {
        Transport::Polling => r#""websocket""#,
        Transport::WebSocket => "",
    };
    format!(
        r#"{{"sid":"{sid}","upgrades":[{upgrades}],"pingInterval":{},"pingTimeout":{},"maxPayload":{max_payload}}}"#,
        PING_INTERVAL.as_millis(),
        PING_TIMEOUT.as_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_in_the_query() {
        let sid = Sid::new();
        let polling = format!("EIO=4&transport=polling&t=abc&sid={sid}");
        let websocket = format!("sid={sid}&transport=websocket&EIO=4");
        for (method, query, asked) in [
            (
                Method::GET,
                "EIO=4&transport=polling",
                Asked::Open(Transport::Polling),
            ),
            (
                Method::GET,
                "transport=websocket&EIO=4",
                Asked::Open(Transport::WebSocket),
            ),
            (Method::GET, &polling, Asked::Poll(sid)),
            (Method::POST, &polling, Asked::Post(sid)),
            (Method::GET, &websocket, Asked::Upgrade(sid)),
        ] {
            assert_eq!(Asked::read(&method, query), Ok(asked), "{method} {query}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_refused_with_a_reason() {
        let sid = Sid::new();
        let polling = format!("EIO=4&transport=polling&sid={sid}");
        let websocket = format!("EIO=4&transport=websocket&sid={sid}");
        for (method, query, refused) in [
            (Method::GET, "", Refused::UnknownTransport),
            (Method::GET, "EIO=4", Refused::UnknownTransport),
            (
                Method::GET,
                "EIO=4&transport=pigeon",
                Refused::UnknownTransport,
            ),
            (Method::GET, "transport=polling", Refused::BadVersion),
            (Method::GET, "EIO=3&transport=polling", Refused::BadVersion),
            (Method::POST, "EIO=4&transport=polling", Refused::BadMethod),
            (
                Method::GET,
                "EIO=4&transport=polling&sid=",
                Refused::UnknownSid,
            ),
            (Method::PUT, &polling, Refused::BadRequest),
            (Method::POST, &websocket, Refused::BadRequest),
        ] {
            assert_eq!(
                Asked::read(&method, query),
                Err(refused),
                "{method} {query}"
            );
        }
    }

    #[test]
    fn a_sid_is_32_digits_and_nothing_that_looks_like_them() {
        let sid = Sid::new();
        assert_eq!(sid.to_string().parse(), Ok(sid));
        for wrong in ["", "0", "+0000000000000000000000000000000", &"A".repeat(32)] {
            assert_eq!(wrong.parse::<Sid>(), Err(Refused::UnknownSid), "{wrong}");
        }
    }
}
