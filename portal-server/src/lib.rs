//! The server face of libportal: HTTP and Socket.IO over one library handle.
//!
//! What is here decides nothing about chats. It reads requests, finds out who is asking, hands
//! operations to the library and writes its answers back.

pub mod http;
