//! Engine.IO v4 packets: a digit, and for messages what follows it. Text only; binary packets are refused.

use std::sync::Arc;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// Between the packets of a payload.
pub(super) const SEPARATOR: char = '\x1e';

/// A packet for clients, written out as a WebSocket's frame. Clones share it: it is encoded once, whoever gets it.
/// Others make messages of it, from their text.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    frame: Arc<[u8]>,
    /// Where the frame's header ends and the text begins.
    text_at: u8,
}

impl Packet {
    /// A message.
    pub(super) fn message(text: &str) -> Self {
        Self::new(b'4', text)
    }

    /// What a socket begins with; `open` is JSON.
    pub(super) fn open(open: &str) -> Self {
        Self::new(b'0', open)
    }

    /// The end, said by the server.
    pub(super) fn close() -> Self {
        Self::new(b'1', "")
    }

    /// Asks whether the client is still there.
    pub(super) fn ping() -> Self {
        Self::new(b'2', "")
    }

    /// The answer to a client that tries a WebSocket out.
    pub(super) fn probed() -> Self {
        Self::new(b'3', "probe")
    }

    fn new(kind: u8, text: &str) -> Self {
        let header = FrameHeader {
            opcode: OpCode::Data(Data::Text),
            ..FrameHeader::default()
        };
        let length = text.len() + 1;
        let text_at = header.len(length as u64);
        let mut frame = Vec::with_capacity(text_at + length);
        header
            .format(length as u64, &mut frame)
            .expect("a vector takes all there is");
        frame.push(kind);
        frame.extend_from_slice(text.as_bytes());
        Self {
            frame: frame.into(),
            text_at: u8::try_from(text_at).expect("a header has 10 bytes at most"),
        }
    }

    /// A frame that is no packet: the WebSocket's own.
    pub(super) fn control(frame: Vec<u8>) -> Self {
        Self {
            frame: frame.into(),
            text_at: 0,
        }
    }

    /// As a WebSocket carries it.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// As polling carries it.
    pub(super) fn text(&self) -> &[u8] {
        &self.frame[self.text_at.into()..]
    }
}

impl From<&str> for Packet {
    fn from(message: &str) -> Self {
        Self::message(message)
    }
}

impl From<String> for Packet {
    fn from(message: String) -> Self {
        Self::message(&message)
    }
}

/// A packet from a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Message(&'a str),
    /// Is still there.
    Pong,
    /// Leaves.
    Close,
    /// Says nothing here: a ping, the end of an upgrade, nothing at all.
    Idle,
}

impl<'a> Incoming<'a> {
    /// None for what is no packet, or binary, or the server's to send.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        match text.split_at_checked(1)? {
            ("4", message) => Some(Self::Message(message)),
            ("3", _) => Some(Self::Pong),
            ("1", "") => Some(Self::Close),
            ("2", _) | ("5" | "6", "") => Some(Self::Idle),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_a_frame_and_the_text_in_it() {
        for (length, header) in [(1, 2), (124, 2), (125, 4), (65_534, 4), (65_535, 10)] {
            let packet = Packet::message(&"a".repeat(length));
            assert_eq!(packet.frame().len(), header + 1 + length);
            assert_eq!(packet.frame()[0], 0x81);
            assert!(packet.text().starts_with(b"4a") && packet.text().len() == length + 1);
        }
        assert_eq!(Packet::ping().frame(), [0x81, 1, b'2']);
    }

    #[test]
    fn what_a_client_may_say_is_known_and_nothing_else() {
        assert_eq!(Incoming::parse("4"), Some(Incoming::Message("")));
        assert_eq!(Incoming::parse("4é"), Some(Incoming::Message("é")));
        assert_eq!(Incoming::parse("3"), Some(Incoming::Pong));
        assert_eq!(Incoming::parse("1"), Some(Incoming::Close));
        for idle in ["2", "2probe", "5", "6"] {
            assert_eq!(Incoming::parse(idle), Some(Incoming::Idle), "{idle}");
        }
        for none in ["", "0{}", "7", "x", "é", "bAQID", "1x", "5x"] {
            assert_eq!(Incoming::parse(none), None, "{none}");
        }
    }
}
