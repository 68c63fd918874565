//! The client side of the encryption.
