//! What a process has used, as the kernel tells it.

use std::io::{Error, Result};

/// Processor time and memory of a process.
pub(crate) struct Usage {
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    /// Resident memory.
    pub(crate) rss_kib: u64,
}

impl Usage {
    /// Reads `/proc` for the process `pid`.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name, in parentheses, may hold spaces: count the fields from behind it.
        let (_, fields) = stat.rsplit_once(')').ok_or_else(|| Error::other("stat"))?;
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss_kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| Error::other("VmRSS"))?;
        // Linux counts in hundredths of a second on every platform it has.
        Ok(Self {
            cpu_seconds: ticks / 100.0,
            rss_kib,
        })
    }
}
