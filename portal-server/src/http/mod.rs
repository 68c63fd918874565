//! HTTP: connections in, requests out, and what every request and response shares.
//!
//! [`serve`] is the loop that accepts connections and ends them well. The rest are helpers without
//! state: whose address it is ([`address`]), what the request proves ([`credentials`]), whether a
//! browser sent it from our own pages ([`origin`]), its body ([`body`]), and the headers every
//! response carries ([`security`]).

pub mod address;
pub mod body;
pub mod credentials;
pub mod gate;
pub mod origin;
pub mod security;
pub mod serve;
pub mod wire;
