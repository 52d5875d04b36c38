//! Both ends of the ring, and what is left when a process at one of them is killed.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    super::{
        Wake,
        lane::{Class, Lane},
        layout::{Shared, Word},
        producer::Producer,
        ring::LaneWord,
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

fn put(producer: &Producer, class: Class, fill: usize) -> bool {
    let seq = producer.saw();
    producer.commit(class, seq, &record(seq, fill))
}

fn holds(shared: &Shared) {
    let counters = shared.counters();
    assert_eq!(counters.seen, counters.consumed + counters.lost.total() + counters.pending, "{counters:?}");
}

fn numbers(consumer: &mut Consumer) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(event) = consumer.next() {
        numbers.push(event.head.seq);
        consumer.advance();
    }
    numbers
}

#[test]
fn records_come_out_in_order_and_what_did_not_fit_is_counted() {
    let shared = Shared::new(0).unwrap();
    let producer = Producer::new(shared);
    let mut consumer = Consumer::new(shared);
    for _ in 0..100 {
        put(&producer, Class::Exec, 4000);
    }
    let counters = consumer.counters();
    assert_eq!(counters.pending + counters.lost.0["ring_exec"], 100);
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
fn a_flood_of_one_class_leaves_room_for_those_that_matter_more() {
    let shared = Shared::new(0).unwrap();
    let producer = Producer::new(shared);
    for (class, after) in Class::ALL.into_iter().zip(Class::ALL.into_iter().skip(1).map(Some).chain([None])) {
        while put(&producer, class, 100) {}
        if let Some(after) = after {
            assert!(put(&producer, after, 1000), "{class:?} left no room for {after:?}");
        }
    }
    let counters = shared.counters();
    for class in ["ring_read", "ring_file", "ring_network", "ring_privilege", "ring_exec"] {
        assert_eq!(counters.lost.0[class], 1, "{counters:?}");
    }
    // Full as it is, the important lane comes first, and each lane keeps its order.
    let mut consumer = Consumer::new(shared);
    let order = numbers(&mut consumer);
    let file = order.iter().position(|seq| *seq == 1).unwrap();
    assert!(file > 100 && order[..file].is_sorted());
    holds(&shared);
}

#[test]
fn lanes_are_merged_by_number() {
    let shared = Shared::new(0).unwrap();
    let producer = Producer::new(shared);
    let mut consumer = Consumer::new(shared);
    for class in [Class::File, Class::Exec, Class::Exec, Class::Read, Class::Network, Class::File] {
        assert!(put(&producer, class, 10));
    }
    assert!(consumer.next().is_some() && consumer.more_waits());
    assert_eq!(numbers(&mut consumer), [1, 2, 3, 4, 5, 6]);
    assert!(!consumer.more_waits());
    assert!(put(&producer, Class::File, 10) && consumer.next().is_some() && !consumer.more_waits());
}

#[test]
fn while_both_ends_run_the_order_holds() {
    let shared = Shared::new(0).unwrap();
    let producer = Producer::new(shared);
    let mut consumer = Consumer::new(shared);
    let writer = std::thread::spawn(move || {
        for number in 0..20_000u64 {
            let class = if number.is_multiple_of(3) { Class::Exec } else { Class::Read };
            // What is written next must not pass what could not be written yet.
            let seq = producer.saw();
            while shared.used(class.lane()) * 4 > shared.lane_len() {
                producer.wake();
                std::thread::yield_now();
            }
            assert!(producer.commit(class, seq, &record(seq, 8)));
            if producer.engine_sleeps() {
                producer.wake();
            }
        }
        producer.finish();
    });
    let mut last = 0;
    while consumer.wait(Duration::from_secs(60)) == Wake::Data {
        for seq in numbers(&mut consumer) {
            assert_eq!(seq, last + 1);
            last = seq;
        }
    }
    writer.join().unwrap();
    assert_eq!(last, 20_000);
}

#[test]
fn a_record_is_given_again_until_it_is_done_with() {
    for class in [Class::Exec, Class::File] {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        put(&producer, class, 1);
        put(&producer, class, 1);
        assert_eq!(Consumer::new(shared).next().unwrap().head.seq, 1);
        let died_at = shared.repair_consumed();
        let mut second = Consumer::new(shared);
        assert_eq!(second.next().unwrap().head.seq, 1);
        assert_eq!(shared.repair_consumed(), died_at);
        // The keeper's answer to a second death on the same record.
        shared.drop_poison(died_at);
        let mut third = Consumer::new(shared);
        assert_eq!(third.next().unwrap().head.seq, 2);
        third.advance();
        third.advance();
        let counters = third.counters();
        assert_eq!((counters.consumed, counters.lost.0["poison"], counters.pending), (1, 1, 0));
        holds(&shared);
    }
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
    put(&producer, Class::File, 1);
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
    put(&producer, Class::File, 1);
    producer.commit(Class::File, producer.saw(), b"no header");
    let mut consumer = Consumer::new(shared);
    assert!(consumer.next().is_some());
    consumer.advance();
    assert!(consumer.next().is_none());
    assert_eq!(consumer.counters().lost.0["malformed"], 1);
    put(&producer, Class::File, 1);
    put(&producer, Class::Exec, 1);
    let tail = shared.lane(Lane::File, LaneWord::Tail).load(SeqCst);
    shared.ring_write(Lane::File, tail, &u64::MAX.to_ne_bytes());
    assert_eq!(numbers(&mut consumer), [4], "the other lane is whole");
    assert_eq!(consumer.counters().lost.0["malformed"], 2);
    holds(&shared);
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Class, usize),
    Cancel,
    Consume,
    EngineDies { moved: bool },
    KeeperDies(KeeperDies),
}

/// Where a keeper is killed on the way of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum KeeperDies {
    Idle,
    BeforeTheCallWasCounted,
    BeforeTheHeadMoved,
    BeforeTheRecordWasCounted { consumed: bool },
    BeforeTheCallHadLanded,
}

fn class() -> impl Strategy<Value = Class> {
    proptest::sample::select(&Class::ALL[..])
}

fn keeper_dies() -> impl Strategy<Value = KeeperDies> {
    use KeeperDies::*;
    prop_oneof![
        Just(Idle),
        Just(BeforeTheCallWasCounted),
        Just(BeforeTheHeadMoved),
        any::<bool>().prop_map(|consumed| BeforeTheRecordWasCounted { consumed }),
        Just(BeforeTheCallHadLanded),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (class(), 0usize..9000).prop_map(|(class, fill)| Step::Commit(class, fill)),
        1 => Just(Step::Cancel),
        4 => Just(Step::Consume),
        1 => any::<bool>().prop_map(|moved| Step::EngineDies { moved }),
        1 => keeper_dies().prop_map(Step::KeeperDies),
    ]
}

/// What the keeper leaves behind, and its successor makes of it; whether it saw a call.
fn die(how: KeeperDies, class: Class, shared: &Shared, producer: &Producer, consumer: &mut Consumer) -> bool {
    let flight = shared.flight_id();
    let called = how != KeeperDies::Idle;
    if called {
        // The kernel writes the id.
        flight.store(77, SeqCst);
    }
    if called && how != KeeperDies::BeforeTheCallWasCounted {
        let lane = class.lane();
        let committed = shared.lane(lane, LaneWord::Committed);
        let before = committed.load(SeqCst);
        let seq = producer.saw();
        let head = shared.lane(lane, LaneWord::Head).load(SeqCst);
        match how {
            KeeperDies::BeforeTheHeadMoved => shared.lane(lane, LaneWord::Newest).store(head, SeqCst),
            KeeperDies::BeforeTheRecordWasCounted { consumed } => {
                if producer.commit(class, seq, &record(seq, 10)) {
                    committed.store(before, SeqCst);
                    if consumed {
                        numbers(consumer);
                    }
                }
            }
            _ => {
                producer.commit(class, seq, &record(seq, 10));
            }
        }
    }
    if flight.load(SeqCst) != 0 {
        producer.count_flight();
    }
    producer.landed();
    shared.repair_committed();
    called
}

proptest! {
    #[test]
    fn the_counts_add_up_wherever_a_process_dies(steps in proptest::collection::vec((step(), class()), 1..200)) {
        let shared = Shared::new(0).unwrap();
        let producer = Producer::new(shared);
        let mut consumer = Consumer::new(shared);
        let mut made = 0;
        for (step, other) in steps {
            match step {
                Step::Commit(class, fill) => {
                    put(&producer, class, fill);
                    producer.landed();
                    made += 1;
                }
                Step::Cancel => {
                    producer.saw();
                    producer.cancelled();
                    producer.landed();
                    made += 1;
                }
                Step::Consume => {
                    if consumer.next().is_some() {
                        consumer.advance();
                    }
                }
                Step::EngineDies { moved } => {
                    if consumer.next().is_some() && moved {
                        // Killed between moving the tail and counting.
                        let (lane, _) = consumer.current.unwrap();
                        consumer.advance();
                        shared.lane(lane, LaneWord::Done).fetch_sub(1, SeqCst);
                    }
                    shared.repair_consumed();
                    consumer = Consumer::new(shared);
                }
                Step::KeeperDies(how) => {
                    made += u64::from(die(how, other, &shared, &producer, &mut consumer));
                }
            }
            holds(&shared);
            prop_assert_eq!(shared.counters().seen, made);
        }
        let seen_by_engine = shared.word(Word::Seen).load(SeqCst) - shared.counters().lost.total();
        numbers(&mut consumer);
        prop_assert_eq!(shared.counters().consumed, seen_by_engine);
    }
}

#[test]
fn a_call_in_flight_is_waited_for_until_it_lands_but_not_for_ever() {
    let shared = Shared::new(0).unwrap();
    let producer = Producer::new(shared);
    let consumer = Consumer::new(shared);
    let long = Duration::from_secs(60);
    consumer.await_flight(long);
    shared.flight_id().store(7, SeqCst);
    consumer.await_flight(Duration::from_millis(1));
    let lands = std::thread::spawn(move || {
        put(&producer, Class::Network, 8);
        producer.landed();
    });
    consumer.await_flight(long);
    assert_eq!(consumer.counters().pending, 1, "the record is there when the wait ends");
    lands.join().unwrap();
}
