//! From records to the server: [`outbox`] orders and bounds them, [`packer`] makes batches, [`spool`] keeps
//! batches until the server has them, [`sender`] brings them there through [`client`].

pub(crate) mod client;
pub(crate) mod outbox;
pub(crate) mod packer;
pub(crate) mod sender;
pub mod spool;
