//! The C boundary: the one function through which every export goes (SPEC 17.6).
//!
//! Nothing else in this crate catches a panic, and no export does anything outside. The surprise: what
//! an output pointed to is overwritten with zeros before anything is checked, so that a program that
//! forgets to look at the status finds NULL and 0, never what was there before.

use std::panic::{AssertUnwindSafe, catch_unwind};

use portal_core::{Error, ErrorKind, Result};

use crate::error::Failure;
use crate::input;

/// Runs the body of an export; a panic answers `fallback` instead of unwinding into C.
pub(crate) fn boundary<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // Unwind safety: what a call shares is behind the locks of portal-core, which takes back the
    // panicking operation itself and goes on with a consistent file.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping what was thrown could panic again, outside the guard. A leak is the lesser harm.
            std::mem::forget(payload);
            fallback
        }
    }
}

/// Runs the body of a fallible export: zeroes the outputs, and afterwards writes either them or the
/// error, and answers the status.
///
/// # Safety
/// `error` is NULL or can be written, and so are the pointers of `outputs`.
#[inline(always)]
pub(crate) unsafe fn answer<O: Outputs>(
    outputs: O,
    error: *mut *mut Failure,
    body: impl FnOnce() -> Result<O::Value>,
) -> i32 {
    let answered = boundary(None, || {
        if !error.is_null() {
            // SAFETY: not NULL, so it can be written, says the caller.
            unsafe { error.write(std::ptr::null_mut()) };
        }
        // SAFETY: as the caller says.
        let cleared = unsafe { outputs.clear() };
        let outcome = cleared.and_then(|()| {
            let value = body()?;
            outputs.admit(&value)?;
            // SAFETY: `clear` has found every pointer to be there.
            unsafe { outputs.fill(value) };
            Ok(())
        });
        Some(match outcome {
            Ok(()) => 0,
            // SAFETY: as the caller says.
            Err(failure) => unsafe { refuse(&failure, error) },
        })
    });
    // SAFETY: as the caller says.
    answered.unwrap_or_else(|| unsafe { panicked(error) })
}

/// Writes the error, and answers its status.
///
/// # Safety
/// `error` is NULL or can be written.
#[cold]
unsafe fn refuse(failure: &Error, error: *mut *mut Failure) -> i32 {
    if !error.is_null() {
        // SAFETY: not NULL, so it can be written, says the caller.
        unsafe { error.write(Failure::new(failure).into_raw()) };
    }
    failure.kind().status()
}

/// The same for a body that panicked: its outputs are zeros still, for they are written last.
///
/// # Safety
/// `error` is NULL or can be written.
#[cold]
unsafe fn panicked(error: *mut *mut Failure) -> i32 {
    let internal = ErrorKind::Internal;
    // SAFETY: as the caller says.
    boundary(internal.status(), || unsafe {
        refuse(&Error::new(internal), error)
    })
}

/// Where an export writes what it answers.
pub(crate) trait Outputs: Copy {
    /// What is written on success.
    type Value;

    /// Overwrites every output with zeros; `ERR_INVALID` names one that is NULL.
    ///
    /// # Safety
    /// Every pointer is NULL or can be written.
    unsafe fn clear(self) -> Result<()>;

    /// Whether there is room for what was answered; only a caller's buffer can be too small.
    fn admit(self, _: &Self::Value) -> Result<()> {
        Ok(())
    }

    /// Writes the outputs.
    ///
    /// # Safety
    /// Every pointer can be written.
    unsafe fn fill(self, value: Self::Value);
}

/// One output, with its name for the error.
pub(crate) struct Out<T> {
    pointer: *mut T,
    name: &'static str,
}

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

/// An output parameter of that name.
pub(crate) fn out<T>(pointer: *mut T, name: &'static str) -> Out<T> {
    Out { pointer, name }
}

/// A type of which zero bytes are a value: the one that stands for "nothing".
///
/// # Safety
/// All zero bytes are a valid value.
pub(crate) unsafe trait Zero {}

// SAFETY: a number.
unsafe impl Zero for i32 {}
// SAFETY: a number.
unsafe impl Zero for i64 {}
// SAFETY: a number.
unsafe impl Zero for u64 {}
// SAFETY: a pointer, NULL.
unsafe impl<T> Zero for *mut T {}

impl<T: Zero> Outputs for Out<T> {
    type Value = T;

    unsafe fn clear(self) -> Result<()> {
        if self.pointer.is_null() {
            return Err(input::null(self.name));
        }
        // SAFETY: not NULL, so it can be written; zero bytes are a value of the type.
        unsafe { self.pointer.write_bytes(0, 1) };
        Ok(())
    }

    unsafe fn fill(self, value: T) {
        // SAFETY: as the caller says. What was there is zeros and needs no drop.
        unsafe { self.pointer.write(value) };
    }
}

impl<A: Outputs, B: Outputs> Outputs for (A, B) {
    type Value = (A::Value, B::Value);

    unsafe fn clear(self) -> Result<()> {
        // SAFETY: as the caller says. Both are zeroed, whichever of them is missing.
        let (first, second) = unsafe { (self.0.clear(), self.1.clear()) };
        first.and(second)
    }

    fn admit(self, value: &Self::Value) -> Result<()> {
        self.0.admit(&value.0).and_then(|()| self.1.admit(&value.1))
    }

    unsafe fn fill(self, value: Self::Value) {
        // SAFETY: as the caller says.
        unsafe {
            self.0.fill(value.0);
            self.1.fill(value.1);
        }
    }
}

impl Outputs for () {
    type Value = ();

    unsafe fn clear(self) -> Result<()> {
        Ok(())
    }

    unsafe fn fill(self, (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_answers_err_internal_and_leaves_the_output_zeroed_spec_17_6() {
        let (mut output, mut error) = (7_i64, std::ptr::null_mut());
        // SAFETY: both point to locals.
        let status = unsafe { answer(out(&raw mut output, "output"), &raw mut error, || panic!()) };
        assert_eq!(
            (status, output, error.is_null()),
            (ErrorKind::Internal.status(), 0, false)
        );
        // SAFETY: `answer` made it, and it is freed once.
        unsafe { crate::portal_error_free(error) };
    }

    #[test]
    fn what_was_thrown_may_panic_when_it_is_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        assert_eq!(boundary(1, || std::panic::panic_any(Bomb)), 1);
    }

    #[test]
    fn a_missing_output_keeps_the_body_from_running() {
        let missing = out(std::ptr::null_mut::<i64>(), "output");
        // SAFETY: NULL is allowed for both.
        let status = unsafe { answer(missing, std::ptr::null_mut(), || unreachable!()) };
        assert_eq!(status, ErrorKind::Invalid.status());
    }
}
