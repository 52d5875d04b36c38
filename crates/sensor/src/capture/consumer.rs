//! The engine's end of the ring.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use super::{
    CaptureInfo, Counters, Wake, info,
    layout::{FRAME, Shared, Word},
};
use crate::{
    raw::{MAX_RECORD, RawEvent},
    sys::shared::{futex_wait, futex_wake},
};

/// The engine's end of the ring. There is one at a time; a new engine goes on where the last one stopped.
#[derive(Debug)]
pub struct Consumer {
    shared: Shared,
    buffer: Box<[u8; MAX_RECORD]>,
    /// Length in the ring of the record last given out.
    current: Option<u64>,
    /// Somebody in this process has something else for the waiting thread.
    called: Arc<AtomicBool>,
}

/// Ends [`Consumer::wait`] from another thread of the engine.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Shared,
    called: Arc<AtomicBool>,
}

impl Waker {
    /// Lets the current or next wait return [`Wake::Called`].
    pub fn wake(&self) {
        self.called.store(true, SeqCst);
        self.shared.wake_word().fetch_add(1, SeqCst);
        futex_wake(self.shared.wake_word());
    }
}

impl Consumer {
    pub(crate) fn new(shared: Shared) -> Self {
        shared.repair_consumed();
        Self {
            shared,
            buffer: Box::new([0; MAX_RECORD]),
            current: None,
            called: Arc::new(AtomicBool::new(false)),
        }
    }

    /// What other threads of the engine end a wait with.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker { shared: self.shared, called: Arc::clone(&self.called) }
    }

    /// The oldest record. It stays the oldest until [`Consumer::advance`]: an engine that dies before sees it
    /// again after its restart, and is spared it when it dies on it twice.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows from the consumer, which iterators cannot"
    )]
    pub fn next(&mut self) -> Option<RawEvent<'_>> {
        loop {
            let tail = self.shared.word(Word::Tail).load(SeqCst);
            if tail == self.shared.word(Word::Head).load(SeqCst) {
                return None;
            }
            let Some((length, _)) = self.shared.frame(tail) else {
                self.skip_everything();
                continue;
            };
            self.shared.ring_read(tail + FRAME, &mut self.buffer[..length as usize]);
            if RawEvent::parse(&self.buffer[..length as usize]).is_none() {
                self.shared.word(Word::LostMalformed).fetch_add(1, SeqCst);
                self.shared.word(Word::Tail).store(tail + Shared::framed(length), SeqCst);
                continue;
            }
            self.shared.word(Word::InProgress).store(tail + 1, SeqCst);
            self.current = Some(length);
            return RawEvent::parse(&self.buffer[..length as usize]);
        }
    }

    /// Done with the record [`Consumer::next`] gave: whatever it caused is written where it survives this
    /// process. Without such a record nothing happens.
    pub fn advance(&mut self) {
        let Some(length) = self.current.take() else { return };
        let tail = self.shared.word(Word::Tail).load(SeqCst);
        self.shared.word(Word::Tail).store(tail + Shared::framed(length), SeqCst);
        self.shared.word(Word::Consumed).fetch_add(1, SeqCst);
        self.shared.word(Word::InProgress).store(0, SeqCst);
    }

    /// Whether there are records after the one [`Consumer::next`] gave.
    #[must_use]
    pub fn more_waits(&self) -> bool {
        let length = self.current.map_or(0, Shared::framed);
        self.shared.word(Word::Tail).load(SeqCst) + length != self.shared.word(Word::Head).load(SeqCst)
    }

    /// Waits for a record, the end, a [`Waker`] or the time.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Wake {
        let until = Instant::now().checked_add(timeout);
        loop {
            // The word is read before the state, so that a change after the look ends the wait at once.
            let word = self.shared.wake_word().load(SeqCst);
            self.shared.waiting_word().store(1, SeqCst);
            // Finished is read before the ring: what was committed before the end is still delivered.
            let finished = self.shared.word(Word::Finished).load(SeqCst) != 0;
            let empty =
                self.shared.word(Word::Tail).load(SeqCst) == self.shared.word(Word::Head).load(SeqCst);
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            let state = match (empty, finished) {
                (false, _) => Some(Wake::Data),
                (true, true) => Some(Wake::Finished),
                (true, false) if self.called.swap(false, SeqCst) => Some(Wake::Called),
                (true, false) if left.is_zero() => Some(Wake::Timeout),
                (true, false) => None,
            };
            if let Some(state) = state {
                self.shared.waiting_word().store(0, SeqCst);
                return state;
            }
            futex_wait(self.shared.wake_word(), word, left);
        }
    }

    /// What was captured since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// How calls are captured.
    #[must_use]
    pub fn info(&self) -> CaptureInfo {
        info::read(&self.shared)
    }

    /// The ring's content makes no sense: gives up what is in it and counts that.
    fn skip_everything(&mut self) {
        let pending = self.counters().pending;
        self.shared.word(Word::LostMalformed).fetch_add(pending, SeqCst);
        self.shared.word(Word::Tail).store(self.shared.word(Word::Head).load(SeqCst), SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::Ordering::SeqCst,
        time::{Duration, Instant},
    };

    use proptest::prelude::*;

    use super::{
        super::{
            Wake,
            layout::{Shared, Word},
            producer::Producer,
        },
        Consumer,
    };
    use crate::raw::{Head, ItemKind, MAX_RECORD, Writer};

    fn record(seq: u64, fill: usize) -> Vec<u8> {
        let mut buffer = vec![0; MAX_RECORD];
        let mut writer = Writer::new(&mut buffer, &Head { seq, ..Head::default() });
        writer.bytes(ItemKind::Text, 0, &vec![b'x'; fill]);
        let length = writer.finish();
        buffer.truncate(length);
        buffer
    }

    fn holds(shared: &Shared) {
        let counters = shared.counters();
        assert_eq!(
            counters.seen,
            counters.consumed + counters.lost.total() + counters.pending,
            "{counters:?}"
        );
    }

    #[test]
    fn records_come_out_in_order_and_what_did_not_fit_is_counted() {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        let mut consumer = Consumer::new(shared);
        for _ in 0..100 {
            let seq = producer.saw();
            producer.commit(&record(seq, 4000));
        }
        let counters = consumer.counters();
        assert_eq!(counters.pending + counters.lost.0["ring_full"], 100);
        for expected in 1..=counters.pending {
            let event = consumer.next().unwrap();
            assert_eq!(event.head.seq, expected);
            assert_eq!(event.item(ItemKind::Text, 0).unwrap().bytes.len(), 4000);
            consumer.advance();
        }
        assert!(consumer.next().is_none());
        holds(&shared);
    }

    #[test]
    fn a_record_is_given_again_until_it_is_done_with() {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        producer.commit(&record(producer.saw(), 1));
        producer.commit(&record(producer.saw(), 1));
        assert_eq!(Consumer::new(shared).next().unwrap().head.seq, 1);
        let mut second = Consumer::new(shared);
        assert_eq!(second.next().unwrap().head.seq, 1);
        // The keeper's answer to a second death on the same record.
        shared.drop_poison();
        let mut third = Consumer::new(shared);
        assert_eq!(third.next().unwrap().head.seq, 2);
        third.advance();
        third.advance();
        let counters = third.counters();
        assert_eq!((counters.consumed, counters.lost.0["poison"], counters.pending), (1, 1, 0));
        holds(&shared);
    }

    #[test]
    fn waiting_ends_with_data_time_or_the_end() {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        let consumer = Consumer::new(shared);
        assert_eq!(consumer.wait(Duration::from_millis(1)), Wake::Timeout);
        let waiter = std::thread::spawn(move || consumer.wait(Duration::from_secs(60)));
        let until = Instant::now() + Duration::from_secs(60);
        while !producer.engine_sleeps() && Instant::now() < until {
            std::thread::yield_now();
        }
        producer.commit(&record(producer.saw(), 1));
        producer.wake();
        assert_eq!(waiter.join().unwrap(), Wake::Data);
        producer.finish();
        let mut consumer = Consumer::new(shared);
        assert_eq!(consumer.wait(Duration::from_secs(60)), Wake::Data);
        consumer.next();
        consumer.advance();
        assert_eq!(consumer.wait(Duration::from_secs(60)), Wake::Finished);
    }

    #[test]
    fn other_threads_end_a_wait_also_before_it_began() {
        let shared = Shared::new(0).unwrap();
        let consumer = Consumer::new(shared);
        let waker = consumer.waker();
        waker.wake();
        assert_eq!(consumer.wait(Duration::from_secs(60)), Wake::Called);
        assert_eq!(consumer.wait(Duration::ZERO), Wake::Timeout);
        let producer = Producer::new(shared);
        let waiter = std::thread::spawn(move || consumer.wait(Duration::from_secs(60)));
        let until = Instant::now() + Duration::from_secs(60);
        while !producer.engine_sleeps() && Instant::now() < until {
            std::thread::yield_now();
        }
        waker.wake();
        assert_eq!(waiter.join().unwrap(), Wake::Called);
    }

    #[test]
    fn nonsense_in_the_ring_is_given_up_and_counted() {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        producer.commit(&record(producer.saw(), 1));
        producer.commit(b"no header");
        producer.saw();
        let mut consumer = Consumer::new(shared);
        assert!(consumer.next().is_some());
        consumer.advance();
        assert!(consumer.next().is_none());
        assert_eq!(consumer.counters().lost.0["malformed"], 1);
        producer.commit(&record(producer.saw(), 1));
        shared.ring_write(shared.word(Word::Tail).load(SeqCst), &u64::MAX.to_ne_bytes());
        assert!(consumer.next().is_none());
        assert_eq!(consumer.counters().lost.0["malformed"], 2);
        holds(&shared);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Commit(usize),
        Cancel,
        Consume,
        EngineDies { moved: bool },
        KeeperDies(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0usize..9000).prop_map(Step::Commit),
            1 => Just(Step::Cancel),
            3 => Just(Step::Consume),
            1 => any::<bool>().prop_map(|moved| Step::EngineDies { moved }),
            1 => (0u8..4).prop_map(Step::KeeperDies),
        ]
    }

    proptest! {
        #[test]
        fn the_counts_add_up_wherever_a_process_dies(steps in proptest::collection::vec(step(), 1..200)) {
            let shared = Shared::new(0).unwrap();
            let producer = Producer::new(shared);
            let mut consumer = Consumer::new(shared);
            for step in steps {
                match step {
                    Step::Commit(fill) => producer.commit(&record(producer.saw(), fill)),
                    Step::Cancel => {
                        producer.saw();
                        producer.cancelled();
                    }
                    Step::Consume => {
                        if consumer.next().is_some() {
                            consumer.advance();
                        }
                    }
                    Step::EngineDies { moved } => {
                        if consumer.next().is_some() && moved {
                            // Killed between moving the tail and counting.
                            consumer.advance();
                            shared.word(Word::Consumed).fetch_sub(1, SeqCst);
                        }
                        consumer = Consumer::new(shared);
                    }
                    Step::KeeperDies(after) => {
                        let committed = shared.word(Word::Committed).load(SeqCst);
                        let seq = producer.saw();
                        if after == 1 {
                            // Killed before the new head was visible.
                            shared.word(Word::Newest).store(shared.word(Word::Head).load(SeqCst), SeqCst);
                        }
                        if after > 1 {
                            producer.commit(&record(seq, 10));
                        }
                        if after > 2 && shared.word(Word::Committed).load(SeqCst) > committed {
                            // Killed before the record was counted, and consumed before it was noticed.
                            shared.word(Word::Committed).store(committed, SeqCst);
                            while consumer.next().is_some() {
                                consumer.advance();
                            }
                        }
                        shared.repair_committed();
                    }
                }
                holds(&shared);
            }
        }
    }
}
