//! Messages between shim, keeper, engine and attacher: one letter, some with a descriptor, some with bytes.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
        SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg,
        socketpair,
    },
};

use super::notify::timespec;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Message {
    /// The engine knows which calls it needs, and the filter is in shared memory.
    Ready = b'R',
    /// There is no engine.
    Failed = b'F',
    /// Here is the listener.
    Listener = b'L',
    /// Trace me; or: calls are traced.
    Trace = b'T',
    /// Calls are not captured.
    None = b'N',
    /// Done what was asked for.
    Go = b'G',
    /// The bytes after the letter are a record.
    Record = b'E',
}

impl Message {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Ready, Self::Failed, Self::Listener, Self::Trace, Self::None, Self::Go, Self::Record]
            .into_iter()
            .find(|message| *message as u8 == byte)
    }
}

/// What was received.
#[derive(Debug)]
pub(super) enum Received {
    Message(Message, Option<OwnedFd>),
    /// The other end is gone.
    Closed,
    Timeout,
}

/// One end of a pair. Its closing tells the other end.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Channel {
    /// Two connected ends, closed on exec.
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Sends a message, perhaps with a descriptor.
    pub(super) fn send(&self, message: Message, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.send_parts(&[IoSlice::new(&[message as u8])], descriptor, SendFlags::empty())
    }

    /// As [`Channel::send`], but fails instead of waiting for room.
    pub(super) fn send_now(&self, message: Message, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.send_parts(&[IoSlice::new(&[message as u8])], descriptor, SendFlags::DONTWAIT)
    }

    /// Sends a message with bytes after its letter; waits for room.
    pub(super) fn send_bytes(&self, message: Message, bytes: &[u8]) -> io::Result<()> {
        let letter = [message as u8];
        self.send_parts(&[IoSlice::new(&letter), IoSlice::new(bytes)], None, SendFlags::empty())
    }

    fn send_parts(
        &self,
        parts: &[IoSlice<'_>],
        descriptor: Option<BorrowedFd<'_>>,
        flags: SendFlags,
    ) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.map(|descriptor| [descriptor]);
        if let Some(descriptors) = &descriptors {
            ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(&self.0, parts, &mut ancillary, flags | SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for a message.
    pub(super) fn receive(&self, timeout: Option<Duration>) -> Received {
        let mut one = [PollFd::new(&self.0, PollFlags::IN)];
        loop {
            match poll(&mut one, timeout.map(timespec).as_ref()) {
                Ok(0) => return Received::Timeout,
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Received::Closed,
            }
        }
        let mut byte = [0];
        match self.take(&mut byte) {
            Some((1, descriptor)) => match Message::of(byte[0]) {
                Some(message) => Received::Message(message, descriptor),
                None => Received::Closed,
            },
            _ => Received::Closed,
        }
    }

    /// Takes a message of any bytes that is there: its length and descriptor. Never waits. `None` when the other
    /// end is gone, when nothing is there, and when the message is longer than `into`.
    pub(super) fn take(&self, into: &mut [u8]) -> Option<(usize, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(&self.0, &mut [IoSliceMut::new(into)], &mut ancillary, flags).ok()?;
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let whole = received.bytes > 0 && !received.flags.contains(ReturnFlags::TRUNC);
        whole.then_some((received.bytes, descriptor))
    }

    /// As [`Channel::receive`], but the other end's message must be without a descriptor.
    pub(super) fn receive_plain(&self, timeout: Option<Duration>) -> Option<Message> {
        match self.receive(timeout) {
            Received::Message(message, _) => Some(message),
            Received::Closed | Received::Timeout => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::fd::AsFd, time::Duration};

    use super::{Channel, Message, Received};

    #[test]
    fn messages_and_descriptors_pass_and_closing_is_seen() {
        let (one, other) = Channel::pair().unwrap();
        assert!(matches!(other.receive(Some(Duration::ZERO)), Received::Timeout));
        one.send(Message::Ready, None).unwrap();
        one.send(Message::Listener, Some(one.as_fd())).unwrap();
        assert!(matches!(other.receive(None), Received::Message(Message::Ready, None)));
        assert!(matches!(other.receive(None), Received::Message(Message::Listener, Some(_))));
        drop(one);
        assert!(matches!(other.receive(None), Received::Closed));
    }
}
