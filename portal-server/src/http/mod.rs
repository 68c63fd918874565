//! HTTP: connections in, requests out, and what every request and response shares.
//!
//! [`serve`] is the loop that accepts connections and ends them well. `app` answers a request: by the
//! one table in [`routes`], which [`openapi`] describes, by a page, or by the sockets' engine. The rest are
//! helpers without state: whose address it is ([`address`]), whether it can be read in one way only
//! (`framing`), what the request proves ([`credentials`]), whether a browser sent it from our own pages
//! ([`origin`]), its body ([`body`]), the headers every response carries (`security`), with what our page may
//! frame (`frames`), and its line in the log (`access`).

mod access;
pub mod address;
pub(crate) mod app;
pub mod body;
pub mod credentials;
pub(crate) mod frames;
mod framing;
pub mod gate;
pub mod openapi;
pub mod origin;
mod pages;
mod reply;
pub mod routes;
pub(crate) mod security;
pub mod serve;
mod sockets;
mod status;
pub mod wire;
