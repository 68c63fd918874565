//! The write-ahead log as a file: whether it holds all that was committed into it. `SQLite` itself takes the
//! log up to the first frame that is not whole, in silence; that is right after a crash, and it hides a
//! log that was cut or damaged later.
//!
//! What was committed last is known from the index beside the log (`-shm`) only, which a crash leaves and a
//! copy often lacks. A log that was cut exactly between two commits, without its index, looks whole.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use super::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The index: two copies of a header, then how much of the log is in the file.
const INDEX_HEADER: usize = 48;

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogFault {
    /// It ends within a frame.
    Torn(String),
    /// Commits were there that are not any more.
    Cut(String),
    /// A frame is not as it was written, and commits follow it.
    Broken(String),
}

/// Whether there is anything in the log of a file.
pub(crate) fn holds_any(file: &Path) -> bool {
    fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Examines the log of a file, reading it only; others may write meanwhile.
pub(crate) fn faults(file: &Path) -> Vec<LogFault> {
    let index_before = Index::of(file);
    let scan = Scan::of(&beside(file, "-wal"), index_before.as_ref());
    let index = Index::of(file);
    match index {
        // Somebody is at work and began the log anew meanwhile: it is well.
        Some(_) if index_before != index => Vec::new(),
        Some(index) => with_index(&scan, &index),
        None => without_index(&scan),
    }
}

fn with_index(scan: &Scan, index: &Index) -> Vec<LogFault> {
    let committed = u64::from(index.last_frame);
    if committed <= u64::from(index.copied) || (scan.has_header && scan.salt != index.salt) {
        return Vec::new();
    }
    if scan.frames < committed {
        let place = format!("{} of {committed} frames", scan.frames);
        return vec![LogFault::Cut(place)];
    }
    if scan.whole < committed {
        return vec![LogFault::Broken(format!("frame {}", scan.whole + 1))];
    }
    Vec::new()
}

fn without_index(scan: &Scan) -> Vec<LogFault> {
    if let Some(commit) = scan.commit_after_fault {
        let place = format!("frame {}, a commit is at {commit}", scan.whole + 1);
        return vec![LogFault::Broken(place)];
    }
    if scan.has_fault {
        return vec![LogFault::Torn(format!("frame {}", scan.whole + 1))];
    }
    if scan.rest > 0 {
        let place = format!("{} bytes after frame {}", scan.rest, scan.frames);
        return vec![LogFault::Torn(place)];
    }
    Vec::new()
}

/// What the index says.
#[derive(Debug, PartialEq, Eq)]
struct Index {
    /// The last frame of the last commit.
    last_frame: u32,
    salt: [u8; 8],
    /// How many frames are in the file already.
    copied: u32,
}

impl Index {
    /// None where there is none, or where it was being written.
    fn of(file: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let index = File::open(beside(file, "-shm")).ok()?;
        let wanted = 2 * INDEX_HEADER + 4;
        index.take(wanted as u64).read_to_end(&mut bytes).ok()?;
        let (first, rest) = bytes.split_at_checked(INDEX_HEADER)?;
        let (second, rest) = rest.split_at_checked(INDEX_HEADER)?;
        let word = |bytes: &[u8], at: usize| {
            let word = bytes.get(at..at + 4)?;
            Some(u32::from_ne_bytes(word.try_into().ok()?))
        };
        let mut sum = Sum::default();
        sum.add(&first[..40], cfg!(target_endian = "big"));
        let sums = (word(first, 40)?, word(first, 44)?);
        if first != second || first[12] == 0 || sums != (sum.0, sum.1) {
            return None;
        }
        Some(Self {
            last_frame: word(first, 16)?,
            salt: first[32..40].try_into().ok()?,
            copied: word(rest, 0)?,
        })
    }
}

/// A log from its beginning on.
#[derive(Debug, Default)]
struct Scan {
    has_header: bool,
    salt: [u8; 8],
    /// How many frames fit into the file.
    frames: u64,
    /// What is left behind the last of them, in bytes.
    rest: u64,
    /// How many frames from the first on are as they were written.
    whole: u64,
    /// Whether one of the same generation follows that is not.
    has_fault: bool,
    /// A commit of the same generation behind that one.
    commit_after_fault: Option<u64>,
}

impl Scan {
    /// Reads to the end, or as far as the index says that there are commits: what is behind is being
    /// written at this moment.
    fn of(log: &Path, index: Option<&Index>) -> Self {
        let mut scan = Self::default();
        // A log that cannot be read at all is SQLite's to complain of.
        let _ = scan.read(log, index.map(|index| u64::from(index.last_frame)));
        scan
    }

    fn read(&mut self, log: &Path, until: Option<u64>) -> std::io::Result<()> {
        let Ok(file) = File::open(log) else {
            return Ok(());
        };
        let length = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let mut header = [0; HEADER];
        if length < HEADER as u64 {
            self.rest = length;
            return Ok(());
        }
        file.read_exact(&mut header)?;
        let big_endian = header[3] & 1 == 1;
        let page_size = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let mut sum = Sum::default();
        sum.add(&header[..24], big_endian);
        let is_sound = header[..3] == [0x37, 0x7F, 0x06]
            && header[24..] == sum.bytes()
            && page_size.is_power_of_two()
            && (512..=65536).contains(&page_size);
        if !is_sound {
            self.rest = length;
            return Ok(());
        }
        self.has_header = true;
        self.salt.copy_from_slice(&header[16..24]);
        let frame_size = FRAME_HEADER as u64 + u64::from(page_size);
        self.frames = (length - HEADER as u64) / frame_size;
        self.rest = (length - HEADER as u64) % frame_size;
        let mut frame = vec![0; FRAME_HEADER + page_size as usize];
        let mut is_whole = true;
        for number in 1..=self.frames.min(until.unwrap_or(u64::MAX)) {
            file.read_exact(&mut frame)?;
            if frame[8..16] != self.salt {
                // What an earlier generation left.
                self.rest = 0;
                break;
            }
            if is_whole {
                sum.add(&frame[..8], big_endian);
                sum.add(&frame[FRAME_HEADER..], big_endian);
                is_whole = frame[16..24] == sum.bytes();
                self.whole += u64::from(is_whole);
                self.has_fault = !is_whole;
            } else if frame[4..8] != [0; 4] && self.commit_after_fault.is_none() {
                self.commit_after_fault = Some(number);
            }
        }
        Ok(())
    }
}

/// The log's running checksum.
#[derive(Clone, Copy, Debug, Default)]
struct Sum(u32, u32);

impl Sum {
    fn add(&mut self, bytes: &[u8], big_endian: bool) {
        let word = |word: &[u8; 4]| {
            if big_endian {
                u32::from_be_bytes(*word)
            } else {
                u32::from_le_bytes(*word)
            }
        };
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        for [first, second] in pairs {
            self.0 = self.0.wrapping_add(word(first)).wrapping_add(self.1);
            self.1 = self.1.wrapping_add(word(second)).wrapping_add(self.0);
        }
    }

    fn bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.0.to_be_bytes());
        bytes[4..].copy_from_slice(&self.1.to_be_bytes());
        bytes
    }
}
