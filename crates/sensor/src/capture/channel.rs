//! One-letter messages between shim, keeper and engine, some with a descriptor.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
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
}

impl Message {
    fn of(byte: u8) -> Option<Self> {
        [Self::Ready, Self::Failed, Self::Listener, Self::Trace, Self::None, Self::Go]
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
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.map(|descriptor| [descriptor]);
        if let Some(descriptors) = &descriptors {
            ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let byte = [message as u8];
        sendmsg(&self.0, &[IoSlice::new(&byte)], &mut ancillary, SendFlags::NOSIGNAL)?;
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
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(&self.0, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags);
        let length = received.map_or(0, |received| received.bytes);
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        match (length, Message::of(byte[0])) {
            (1, Some(message)) => Received::Message(message, descriptor),
            _ => Received::Closed,
        }
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
