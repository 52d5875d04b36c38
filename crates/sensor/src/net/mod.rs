//! What the network itself shows: packets of name resolution and of new connections, the kernel's tables of sockets.
//!
//! [`packet`] and [`dns`] read bytes that anybody may have sent; `exchange` finds the answer to a query, `names` keeps
//! which names an address was given for, `tap` has the packet sockets with these behind them; `diag` asks the kernel for
//! its sockets.

pub(crate) mod diag;
pub mod dns;
mod exchange;
mod filter;
mod names;
pub mod packet;
mod tap;

pub(crate) use exchange::{Exchange, Seen};
pub(crate) use tap::{Tap, Timed};

/// `lo` is the first device of every network namespace.
const LOOPBACK: i32 = 1;
