//! Bounds on what a layer unpacks to.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
    time::Instant,
};

use crate::Limits;

/// Unpacked bytes between looks at the clock.
const LOOK: u64 = 4 << 20;

/// Counts what is read through it, for somebody else too.
#[derive(Debug)]
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.count.set(self.count.get() + got as u64);
        Ok(got)
    }
}

/// A layer's unpacked bytes, within limits.
#[derive(Debug)]
pub(super) struct Metered<R> {
    pub(super) inner: R,
    /// Packed bytes read so far.
    pub(super) packed: Rc<Cell<u64>>,
    /// Unpacked bytes of all layers so far.
    pub(super) total: u64,
    /// Unpacked bytes of this layer so far.
    pub(super) own: u64,
    pub(super) limits: Limits,
    pub(super) deadline: Instant,
    /// At how many bytes of its own the clock is looked at again.
    pub(super) look_at: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.own += got as u64;
        self.total += got as u64;
        if self.total > self.limits.unpacked_bytes {
            return refuse(format!("the layers unpack to more than {} bytes", self.limits.unpacked_bytes));
        }
        if self.own >= self.look_at {
            if Instant::now() > self.deadline {
                return refuse(format!("not read within {} s", self.limits.time.as_secs()));
            }
            let packed = self.packed.get().max(1);
            if self.own > self.limits.ratio_from && self.own / packed > self.limits.ratio {
                return refuse(format!(
                    "it unpacks to more than {} times its size: a bomb",
                    self.limits.ratio
                ));
            }
            self.look_at = self.own + LOOK;
        }
        Ok(got)
    }
}

fn refuse(reason: String) -> io::Result<usize> {
    Err(io::Error::new(io::ErrorKind::QuotaExceeded, reason))
}
