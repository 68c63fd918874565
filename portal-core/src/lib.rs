//! Portal.
pub mod e2ee;
