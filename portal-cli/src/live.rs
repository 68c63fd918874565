//! Views that go on until somebody has seen enough: Ctrl-C, a closed pipe, or a count (SPEC 16.1). The first
//! Ctrl-C ends them in good order, with exit code 0; a second one ends this program at once.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::pipe;

use crate::exit::Failure;
use crate::output::{self, Output};

/// Whether Ctrl-C was pressed.
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    /// Where a byte arrives with the signal.
    bell: UnixStream,
}

impl Interrupt {
    /// From now on the first Ctrl-C is only noted.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        let (bell, rope) = UnixStream::pair()?;
        // In this order: the second one finds the note of the first.
        flag::register_conditional_default(SIGINT, Arc::clone(&asked))?;
        flag::register(SIGINT, Arc::clone(&asked))?;
        pipe::register(SIGINT, rope)?;
        Ok(Self { asked, bell })
    }

    /// Waits so long, or until Ctrl-C is pressed; answers whether it was.
    pub(crate) fn within(&self, wait: Duration) -> Result<bool, Failure> {
        if !wait.is_zero() && !self.is_asked() {
            self.bell.set_read_timeout(Some(wait))?;
            // Nothing else is ever sent: what ends this is the time, or the signal.
            let _ = (&self.bell).read(&mut [0]);
        }
        Ok(self.is_asked())
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

/// How often a view is shown anew, and how many times.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Pace {
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Stop after so many looks
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Looks again and again: on a terminal each look takes the place of the last, with `--json` it is a document
/// a line, and into a pipe an empty line stands between two.
pub(crate) fn watch(
    out: Output,
    pace: Pace,
    look: impl Fn() -> Result<Value, Failure>,
    show: impl Fn(Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut left = pace.count.unwrap_or(u64::MAX);
    let mut first = true;
    while left > 0 {
        let seen = look()?;
        if !out.is_json() {
            output::new_page(first)?;
        }
        show(seen)?;
        first = false;
        left -= 1;
        if left == 0 || interrupt.within(Duration::from_secs(pace.every))? {
            break;
        }
    }
    Ok(())
}
