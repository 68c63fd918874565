//! What comes over a WebSocket.
//!
//! [`tungstenite`] takes frames apart: masks, pieces of messages, control frames and their answers, UTF-8. It never
//! touches the connection: it is given one whole frame at a time out of memory, and what it answers is kept for
//! whoever writes. Between messages there is nothing to remember, so neither it nor a buffer is kept.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{FrameHeader, Utf8Bytes};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// Bytes that are read in one go.
const AT_ONCE: usize = 4096;

/// Something came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(Utf8Bytes),
    /// One piece of a message, not the last.
    Piece,
    /// A control frame; its answer is among the replies.
    Control,
    /// The client closes; the answer is among the replies.
    Closing,
    /// What is no WebSocket of ours, with the word for it.
    Broken(CloseCode),
    /// The connection ended.
    Lost,
}

pub(super) struct Reader {
    /// Bytes of a frame that is not whole, or of more frames than one.
    unread: Vec<u8>,
    /// While the pieces of a message come in.
    context: Option<Box<WebSocketContext>>,
    /// Frames to be written.
    replies: Vec<u8>,
    max_message: usize,
}

impl Reader {
    /// `unread` is what came with the request.
    pub(super) fn new(unread: &[u8], max_message: usize) -> Self {
        Self {
            unread: unread.to_vec(),
            context: None,
            replies: Vec::new(),
            max_message,
        }
    }

    /// Bytes of replies that wait.
    pub(super) fn owes(&self) -> usize {
        self.replies.len()
    }

    /// Frames to be written between others.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }

    pub(super) fn poll_hear<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<Heard> {
        loop {
            match self.read_one() {
                Ok(Some(heard)) => return Poll::Ready(heard),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Heard::Broken(word_for(&error))),
            }
            let mut room = [const { MaybeUninit::uninit() }; AT_ONCE];
            let mut read = ReadBuf::uninit(&mut room);
            let reading = ready!(Pin::new(&mut *stream).poll_read(cx, &mut read));
            if reading.is_err() || read.filled().is_empty() {
                return Poll::Ready(Heard::Lost);
            }
            self.unread.extend_from_slice(read.filled());
        }
    }

    /// Takes one frame; none if what came is not enough for that.
    fn read_one(&mut self) -> Result<Option<Heard>, Error> {
        let Some(length) = self.whole_frame()? else {
            return Ok(None);
        };
        let heard = self.take_apart(length);
        self.unread.drain(..length);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        heard.map(Some)
    }

    /// The length of the frame that is next, if all of it is there.
    fn whole_frame(&self) -> Result<Option<usize>, Error> {
        let mut cursor = Cursor::new(&self.unread);
        let Some((_, length)) = FrameHeader::parse(&mut cursor)? else {
            return Ok(None);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.max_message {
            let (size, max_size) = (length, self.max_message);
            return Err(
                tungstenite::error::CapacityError::MessageTooLong { size, max_size }.into(),
            );
        }
        let header = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        Ok(Some(header + length).filter(|whole| *whole <= self.unread.len()))
    }

    fn take_apart(&mut self, length: usize) -> Result<Heard, Error> {
        let midway = self.context.is_some();
        let mut context = self.context.take().unwrap_or_else(|| {
            let config = WebSocketConfig::default()
                .read_buffer_size(AT_ONCE)
                .write_buffer_size(0)
                .max_message_size(Some(self.max_message))
                .max_frame_size(Some(self.max_message));
            Box::new(WebSocketContext::new(Role::Server, Some(config)))
        });
        let mut memory = Memory {
            frame: &self.unread[..length],
            replies: &mut self.replies,
        };
        let heard = match context.read(&mut memory) {
            Ok(Message::Text(text)) => return Ok(Heard::Text(text)),
            Ok(Message::Binary(_)) => return Ok(Heard::Broken(CloseCode::Unsupported)),
            Ok(Message::Close(_)) => Heard::Closing,
            Ok(_) => Heard::Control,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Heard::Piece,
            Err(error) => return Err(error),
        };
        // Answers go out with the next reading or flushing, and after a close that is the end.
        context.flush(&mut memory).ok();
        if midway || heard == Heard::Piece {
            self.context = Some(context);
        }
        Ok(heard)
    }
}

fn word_for(error: &Error) -> CloseCode {
    match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        _ => CloseCode::Protocol,
    }
}

/// One frame to read, and room for answers.
struct Memory<'a> {
    frame: &'a [u8],
    replies: &'a mut Vec<u8>,
}

impl Read for Memory<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.frame.read(into)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::host::frame;

    const MOST: usize = 64 * 1024;

    /// What is heard when these bytes come `apart` at a time.
    fn heard(reader: &mut Reader, bytes: &[u8], apart: usize) -> Vec<Heard> {
        let mut all = Vec::new();
        for mut bytes in bytes.chunks(apart) {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(heard) = reader.poll_hear(&mut cx, &mut bytes) {
                match heard {
                    // That is how these bytes end.
                    Heard::Lost => break,
                    Heard::Broken(_) => return [all, vec![heard]].concat(),
                    Heard::Piece => {}
                    heard => all.push(heard),
                }
            }
        }
        all
    }

    fn text(text: &str) -> Heard {
        Heard::Text(Utf8Bytes::from(text.to_owned()))
    }

    #[test]
    fn messages_are_the_same_however_the_bytes_come() {
        let mut bytes = frame(0x81, b"one");
        bytes.extend(frame(0x01, "tw\u{f6}".as_bytes().split_at(3).0));
        bytes.extend(frame(0x89, b"there?"));
        bytes.extend(frame(0x80, "tw\u{f6}".as_bytes().split_at(3).1));
        bytes.extend(frame(0x81, &[b'x'; 5000]));
        let long = "x".repeat(5000);
        for apart in [1, 2, 7, 4096, 100_000] {
            let mut reader = Reader::new(&[], MOST);
            let all = heard(&mut reader, &bytes, apart);
            let wanted = [text("one"), Heard::Control, text("tw\u{f6}"), text(&long)];
            assert_eq!(all, wanted, "{apart}");
            assert_eq!(reader.take_replies(), b"\x8a\x06there?");
        }
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut reader = Reader::new(&frame(0x81, "x".repeat(60_000).as_bytes()), MOST);
        let all = heard(&mut reader, &frame(0x89, b""), 100);
        assert_eq!(all.len(), 2);
        reader.take_replies();
        assert!(reader.context.is_none());
        let kept = [reader.unread.capacity(), reader.replies.capacity()];
        assert_eq!(kept, [0, 0]);
    }

    #[test]
    fn what_is_too_long_is_refused_by_its_header_and_by_its_pieces() {
        let mut announced = vec![0x81, 0xff];
        announced.extend(u64::MAX.to_be_bytes());
        announced.extend([0; 4]);
        let mut reader = Reader::new(&[], MOST);
        let too_long = [Heard::Broken(CloseCode::Size)];
        assert_eq!(heard(&mut reader, &announced, 14), too_long);
        let mut reader = Reader::new(&frame(0x01, "x".repeat(40_000).as_bytes()), MOST);
        let more = frame(0x00, "x".repeat(40_000).as_bytes());
        assert_eq!(heard(&mut reader, &more, 100_000), too_long);
    }

    #[test]
    fn a_close_is_answered_and_what_is_wrong_has_a_word() {
        let mut reader = Reader::new(&[], MOST);
        let all = heard(&mut reader, &frame(0x88, &[3, 232]), 100);
        assert_eq!(all, [Heard::Closing]);
        assert_eq!(reader.take_replies(), [0x88, 2, 3, 232]);
        for (bytes, code) in [
            (frame(0x81, b"\xff"), CloseCode::Invalid),
            (frame(0x82, b"binary"), CloseCode::Unsupported),
            (frame(0xc1, b"reserved"), CloseCode::Protocol),
            (frame(0x83, b"unknown"), CloseCode::Protocol),
            (frame(0x80, b"no beginning"), CloseCode::Protocol),
            (vec![0x81, 1, b'a'], CloseCode::Protocol),
        ] {
            let mut reader = Reader::new(&[], MOST);
            let all = heard(&mut reader, &bytes, 100);
            assert_eq!(all, [Heard::Broken(code)], "{bytes:?}");
        }
    }
}
