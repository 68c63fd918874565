//! What the benchmarks of the C boundary share: a call as a program of C makes it.

use std::ptr::{null, null_mut};

use portal::{Buf, portal_buf_dispose};

/// A call that answers a document, which is given back; how long that was.
pub(crate) fn document(call: impl FnOnce(*mut Buf) -> i32) -> usize {
    let mut reply = Buf {
        data: null(),
        len: 0,
        owner: null_mut(),
    };
    assert_eq!(call(&raw mut reply), 0);
    let len = reply.len;
    // SAFETY: the library's, and given back once.
    unsafe { portal_buf_dispose(&raw mut reply) };
    len
}
