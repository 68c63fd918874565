//! Reading a request's body: all of it, but no more than is allowed and not for ever.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;

/// The most a body may hold, in bytes (SPEC 15.1).
pub const MAX_BODY: usize = 64 * 1024;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is, or says that it is, longer than the limit: 413.
    TooLarge,
    /// It did not come within the time given: 408.
    TimedOut,
    /// The connection broke or the framing is wrong: 400, if anyone still listens.
    Broken,
}

/// Reads a body of at most `limit` bytes that comes within `within`.
///
/// A body that announces too great a length is refused before a byte of it is read.
pub async fn read<B>(body: B, limit: usize, within: Duration) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(within, Limited::new(body, limit).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body_util::Full;
    use hyper::body::Frame;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A body that comes in pieces, says nothing of its length, and may never end.
    struct Pieces {
        left: Vec<&'static str>,
        ends: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.left.pop() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece.into())))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test]
    async fn a_body_of_just_the_limit_is_read() {
        let body = Full::new(Bytes::from_static(b"12345678"));
        assert_eq!(read(body, 8, SECOND).await.unwrap(), "12345678");
    }

    #[tokio::test]
    async fn a_longer_one_is_refused_by_its_announced_length() {
        let body = Full::new(Bytes::from_static(b"123456789"));
        assert_eq!(read(body, 8, SECOND).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_longer_one_is_refused_while_it_comes() {
        let body = Pieces {
            left: vec!["6789", "12345"],
            ends: false,
        };
        assert_eq!(read(body, 8, SECOND).await, Err(BodyError::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stops_coming_is_given_up() {
        let body = Pieces {
            left: vec!["1"],
            ends: false,
        };
        assert_eq!(read(body, 8, SECOND).await, Err(BodyError::TimedOut));
    }

    #[tokio::test]
    async fn pieces_are_put_together() {
        let body = Pieces {
            left: vec!["lo", "hel"],
            ends: true,
        };
        assert_eq!(read(body, 8, SECOND).await.unwrap(), "hello");
    }
}
