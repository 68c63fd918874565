//! The server program. What it does is in the library beside it.

fn main() {}
