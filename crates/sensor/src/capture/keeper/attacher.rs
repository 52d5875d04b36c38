//! The keeper's side of the attacher.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use super::{
    super::{
        Engine,
        attacher::AttacherLink,
        channel::{Channel, Message},
        layout::Word,
        notify::Notify,
    },
    Keeper,
    child::Child,
    number,
};
use crate::{
    raw::MAX_RECORD,
    sys::process::{self, Fork},
};

/// An attacher that lived for less than this is started again only after a delay.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// A running attacher.
pub(super) struct AttacherProcess {
    child: Child,
    /// Nothing more is heard from it; its end is waited for.
    dying: bool,
}

impl AttacherProcess {
    /// What tells of a message or its end.
    pub(super) fn watched(&self) -> BorrowedFd<'_> {
        if self.dying { self.child.end() } else { self.child.channel.as_fd() }
    }
}

impl<E: Engine> Keeper<'_, E> {
    /// Starts the attacher where one is wanted; it waits for its delay by itself.
    pub(super) fn start_attacher(&mut self) {
        if !self.options.attach || self.attacher.is_some() {
            return;
        }
        let Ok((mine, theirs)) = Channel::pair() else { return };
        match process::fork() {
            Ok(Fork::Child) => {
                process::close_others(3, &[number(theirs.as_fd())]);
                self.reset_cpus();
                process::exit(self.attach(theirs))
            }
            Ok(Fork::Parent(pid)) => {
                self.shared.word(Word::AttacherPid).store(pid.into(), SeqCst);
                self.attacher = Some(AttacherProcess { child: Child::new(pid, mine), dying: false });
            }
            // Tried again later: what it would have seen until then is not seen.
            Err(_) => {}
        }
    }

    /// The attacher's process.
    fn attach(&self, channel: Channel) -> u8 {
        let _ = rustix::thread::set_name(c"fargard-attach");
        let link = AttacherLink::new(channel, self.shared);
        if !self.attach_delay.is_zero() && link.ended(Some(self.attach_delay)) {
            return 0;
        }
        self.engine.attach(link)
    }

    /// Something came from the attacher, or it has ended.
    pub(super) fn hear_attacher(&mut self, notify: &mut Notify) {
        let Some(attacher) = &self.attacher else { return };
        if attacher.dying {
            return self.replace_attacher();
        }
        let buffer = &mut self.message[..];
        let Some((length, descriptor)) = attacher.child.channel.take(buffer) else {
            return self.end_attacher();
        };
        match (Message::of(buffer[0]), descriptor) {
            (Some(Message::Listener), Some(listener)) => self.add_listener(notify, listener),
            // There was no number left for it here.
            (Some(Message::Listener), None) => self.answer_attacher(Message::Failed),
            (Some(Message::Record), _) => notify.add_record(&mut buffer[1..length]),
            _ => self.end_attacher(),
        }
    }

    fn add_listener(&mut self, notify: &mut Notify, listener: OwnedFd) {
        // The engine has its copy before the first call is answered here.
        let copy = listener.try_clone();
        let answer = if notify.add(listener) { Message::Go } else { Message::Failed };
        if answer == Message::Go
            && let (Some(engine), Ok(copy)) = (&self.running, copy)
        {
            // An engine that does not read has room for more messages than there are listeners; one that died is
            // started again with all of them.
            let _ = engine.channel.send_now(Message::Listener, Some(copy.as_fd()));
        }
        self.answer_attacher(answer);
    }

    fn answer_attacher(&self, answer: Message) {
        if let Some(attacher) = &self.attacher {
            // An error is its end, seen next.
            let _ = attacher.child.channel.send_now(answer, None);
        }
    }

    /// It has ended, or no longer makes sense.
    fn end_attacher(&mut self) {
        if let Some(attacher) = &mut self.attacher {
            attacher.child.kill();
            attacher.dying = true;
        }
    }

    fn replace_attacher(&mut self) {
        let Some(dead) = self.attacher.take() else { return };
        self.attach_delay = match dead.child.lived() {
            lived if lived >= SHORT_LIFE => FIRST_DELAY,
            _ => (self.attach_delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY),
        };
        dead.child.reap();
        self.start_attacher();
    }

    /// No record will be taken any more. It may have processes to let go of, so nobody waits for its end.
    pub(super) fn dismiss_attacher(&mut self) {
        self.attacher = None;
    }
}

/// Room for the longest message of an attacher.
pub(super) fn message_room() -> Box<[u8]> {
    vec![0; 1 + MAX_RECORD].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use std::{
        os::fd::{AsFd, OwnedFd},
        process::{Command, Stdio},
        time::Duration,
    };

    use fargard_model::TrapSet;

    use super::{AttacherProcess, Child, Keeper, message_room};
    use crate::{
        capture::{
            AttacherLink, CallWriter, CaptureOptions, Consumer,
            channel::Channel,
            filtered::Filtered,
            layout::Shared,
            listeners::{Listeners, Peers},
            notify::{Notify, Served},
            record::{Reader, Recorder},
        },
        raw::{Head, MAX_RECORD, Writer},
    };

    fn record(nr: i32) -> Vec<u8> {
        let mut buffer = vec![0; MAX_RECORD];
        let length = Writer::new(&mut buffer, &Head { nr, ..Head::default() }).finish();
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn listeners_and_records_are_taken_when_they_are_that() {
        let engine = CallWriter { traps: TrapSet::default(), output: None };
        let options = CaptureOptions::default();
        let shared = Shared::new(0).unwrap();
        let (mine, theirs) = Channel::pair().unwrap();
        let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        let mut keeper = Keeper {
            engine: &engine,
            options: &options,
            shared,
            app: std::process::id(),
            end_notice: None,
            cpus: None,
            running: None,
            attacher: Some(AttacherProcess { child: Child::new(child.id(), mine), dying: false }),
            attach_delay: Duration::ZERO,
            message: message_room(),
            died_at: 0,
            delay: Duration::ZERO,
            deaths: 0,
        };
        let mut notify = Notify::new(Listeners::new(None), shared, Recorder::new(Reader::Vm, false));
        let link = AttacherLink::new(theirs, shared);
        let attacher = std::thread::spawn(move || {
            let (pipe, _writer) = std::io::pipe().unwrap();
            assert!(link.add_listener(OwnedFd::from(pipe)).is_err(), "that is no listener");
            let process = Filtered::start();
            let room = link.room();
            link.add_listener(process.listener()).unwrap();
            assert_eq!(link.room(), room - 1);
            link.add_record(&record(7)).unwrap();
            link.add_record(b"no record").unwrap();
            assert!(link.add_record(&[0; MAX_RECORD + 1]).is_err());
            process.make_calls(10);
            assert_eq!(process.end(), 0);
            link.add_record(&record(8)).unwrap();
        });
        let mut ended = 0;
        while let Some(process) = &keeper.attacher {
            let watched = process.watched().try_clone_to_owned().unwrap();
            let peers = Peers { attacher: Some(watched.as_fd()), ..Peers::default() };
            match notify.serve(peers, Some(Duration::from_secs(60))) {
                Served::Attacher => keeper.hear_attacher(&mut notify),
                Served::Ended => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        attacher.join().unwrap();
        assert!(child.wait().is_err(), "its end was taken note of");
        let mut consumer = Consumer::new(shared);
        let mut numbers = Vec::new();
        while let Some(event) = consumer.next() {
            numbers.push((event.head.seq, event.head.nr));
            consumer.advance();
        }
        assert_eq!((numbers[0], *numbers.last().unwrap()), ((1, 7), (13, 8)));
        let counters = consumer.counters();
        assert_eq!((counters.seen, counters.consumed, counters.lost.0["refused"]), (13, 12, 1));
        assert!(ended == 1 && notify.listeners().is_empty());
    }
}
