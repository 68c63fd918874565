//! Socket.IO v5 packets, as far as this server speaks them: text, in the root namespace.
//!
//! The Engine.IO layer below has taken off its own digit. Binary packets are refused: nothing here is
//! binary, and their attachments would have to be waited for.

use serde::Serialize;
use serde_json::value::RawValue;

/// The one namespace that there is.
pub(crate) const ROOT: &str = "/";

/// A packet from a client.
#[derive(Debug)]
pub(crate) enum Packet<'a> {
    /// Wants into the root namespace; the payload is the client's `auth`.
    Connect(Option<&'a RawValue>),
    /// Wants into a namespace that there is not.
    ConnectElsewhere(&'a str),
    /// Leaves the root namespace.
    Disconnect,
    /// An event, with an id if the client wants an acknowledgement.
    Event(Event<'a>),
    /// An acknowledgement of something; nothing here asks for any.
    Ack,
}

/// An event from a client.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) ack: Option<u64>,
    pub(crate) name: String,
    /// JSON; `{}` if the client gave none.
    pub(crate) data: &'a str,
}

/// What is no packet of this server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoPacket;

impl<'a> Packet<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, NoPacket> {
        let kind = text.chars().next().ok_or(NoPacket)?;
        let rest = &text[kind.len_utf8()..];
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(_) => rest.split_once(',').unwrap_or((rest, "")),
            None => (ROOT, rest),
        };
        match kind {
            '0' if namespace != ROOT => Ok(Self::ConnectElsewhere(namespace)),
            _ if namespace != ROOT => Err(NoPacket),
            '0' if rest.is_empty() => Ok(Self::Connect(None)),
            '0' => serde_json::from_str(rest)
                .map(|auth| Self::Connect(Some(auth)))
                .map_err(|_| NoPacket),
            '1' => Ok(Self::Disconnect),
            '2' => event(rest).map(Self::Event),
            '3' => Ok(Self::Ack),
            _ => Err(NoPacket),
        }
    }
}

fn event(text: &str) -> Result<Event<'_>, NoPacket> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (ack, arguments) = text.split_at(digits);
    let ack = match ack {
        "" => None,
        digits => Some(digits.parse().map_err(|_| NoPacket)?),
    };
    let arguments: Vec<&RawValue> = serde_json::from_str(arguments).map_err(|_| NoPacket)?;
    let (name, data) = match arguments[..] {
        [name] => (name, "{}"),
        [name, data] => (name, data.get()),
        _ => return Err(NoPacket),
    };
    let name = serde_json::from_str(name.get()).map_err(|_| NoPacket)?;
    Ok(Event { ack, name, data })
}

/// The answer to a connect packet.
pub(crate) fn connected(sid: &str) -> String {
    format!(r#"0{{"sid":"{sid}"}}"#)
}

/// The refusal of a connect packet; clients show `message` and pass on `data`.
pub(crate) fn refused(namespace: &str, message: &str, error: &impl Serialize) -> String {
    let body = json(&serde_json::json!({ "message": message, "data": error }));
    match namespace {
        ROOT => format!("4{body}"),
        other => format!("4{other},{body}"),
    }
}

/// The end of the root namespace.
pub(crate) const DISCONNECT: &str = "1";

/// An event; `data` is JSON.
pub(crate) fn emit(name: &str, data: &str) -> String {
    let mut packet = String::with_capacity(name.len() + data.len() + 7);
    packet.push_str("2[\"");
    packet.push_str(name);
    packet.push_str("\",");
    packet.push_str(data);
    packet.push(']');
    packet
}

/// The acknowledgement of an event that went well: `{ok: true}` and what the operation answered.
pub(crate) fn done(ack: u64, reply: &str) -> String {
    match reply.strip_prefix('{') {
        Some("}") => format!(r#"3{ack}[{{"ok":true}}]"#),
        Some(rest) => format!(r#"3{ack}[{{"ok":true,{rest}]"#),
        // No operation answers anything but an object; should one, it is still told.
        None => format!(r#"3{ack}[{{"ok":true,"reply":{reply}}}]"#),
    }
}

/// The acknowledgement of an event that was refused: `{error: {...}}`.
pub(crate) fn failed(ack: u64, error: &portal_core::Error) -> String {
    format!(r#"3{ack}[{{"error":{}}}]"#, json(error))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("errors are plain words and numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> (Option<u64>, String, String) {
        match Packet::parse(text) {
            Ok(Packet::Event(event)) => (event.ack, event.name, event.data.to_owned()),
            other => panic!("{text:?} is {other:?}"),
        }
    }

    #[test]
    fn events_come_with_and_without_acknowledgement_and_data() {
        let name = || "room:join".to_owned();
        assert_eq!(
            event(r#"212["room:join", {"chat_id":7}]"#),
            (Some(12), name(), r#"{"chat_id":7}"#.to_owned())
        );
        assert_eq!(event(r#"2["room:join"]"#), (None, name(), "{}".to_owned()));
        assert_eq!(event(r#"2/,0["room:join"]"#).0, Some(0));
    }

    #[test]
    fn a_connect_packet_may_carry_auth() {
        assert!(matches!(Packet::parse("0"), Ok(Packet::Connect(None))));
        assert!(matches!(
            Packet::parse(r#"0{"token":"a"}"#),
            Ok(Packet::Connect(Some(_)))
        ));
        assert!(matches!(
            Packet::parse("0/admin,"),
            Ok(Packet::ConnectElsewhere("/admin"))
        ));
        assert!(matches!(
            Packet::parse("0/admin"),
            Ok(Packet::ConnectElsewhere("/admin"))
        ));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in [
            "",
            "9",
            "é",
            "0{",
            "2",
            "2[]",
            "2[1]",
            r#"2["a",1,2]"#,
            r#"2["a""#,
            r#"2/admin,["a"]"#,
            r#"299999999999999999999["a"]"#,
            r#"51-["a",{"_placeholder":true,"num":0}]"#,
            "61-[]",
        ] {
            assert!(Packet::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn answers_are_json_whatever_the_reply() {
        assert_eq!(done(3, "{}"), r#"33[{"ok":true}]"#);
        assert_eq!(done(3, r#"{"id":1}"#), r#"33[{"ok":true,"id":1}]"#);
        assert_eq!(done(3, "null"), r#"33[{"ok":true,"reply":null}]"#);
        assert_eq!(emit("a:b", "{}"), r#"2["a:b",{}]"#);
    }
}
