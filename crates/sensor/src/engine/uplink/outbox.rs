//! Records on their way to a batch, in two lanes: what people act on, and what a timeline needs. Events give way
//! first, those about files before those about connections, rights and executions; whatever is given up is counted
//! by class.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fargard_model::{Event, Lost, Record, event::ArgValue};

use crate::engine::{class::Class, table::bounds};

/// Most detections, check results and heartbeats that wait for a batch.
const MAX_URGENT: usize = 2048;
/// Most events that wait for a batch.
const MAX_EVENTS: usize = 1024;
/// Most bytes they take, roughly: what an attacker makes long is not kept as often.
const MAX_EVENT_BYTES: usize = 2 << 20;
/// Most bytes that urgent records take, roughly.
const MAX_URGENT_BYTES: usize = 8 << 20;
/// Most records of a batch: with its lineage a record can be 10 KiB long, and a batch is written as a whole.
pub(crate) const BATCH: usize = 200;
/// Longest time an event waits for others.
pub(crate) const LINGER: Duration = Duration::from_millis(250);

/// Classes of lost events, as [`Class::ALL`].
const FULL: [&str; Class::ALL.len()] =
    ["outbox_full_exec", "outbox_full_rights", "outbox_full_network", "outbox_full_files"];

/// Which lane a batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// Detections, check results, heartbeats.
    Urgent,
    /// Events.
    Events,
}

/// The two lanes, shared between the threads of the engine.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    urgent: Queue,
    /// By class, in the order of [`Class::ALL`].
    events: [Queue; Class::ALL.len()],
    oldest_event: Option<Instant>,
    /// Urgent records ever pushed, and those that left their lane for good: packed or given up.
    pushed: u64,
    settled: u64,
    capture_lost: Lost,
    lost: Lost,
    closed: bool,
}

/// Records in order, with what they take.
#[derive(Debug, Default)]
struct Queue {
    records: VecDeque<(usize, Record)>,
    bytes: usize,
}

impl Queue {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn push_back(&mut self, bytes: usize, record: Record) {
        self.bytes += bytes;
        self.records.push_back((bytes, record));
    }

    fn pop_front(&mut self) -> Option<Record> {
        let (bytes, record) = self.records.pop_front()?;
        self.bytes -= bytes;
        Some(record)
    }

    /// Moves records to `out` until that has `length`.
    fn move_to(&mut self, out: &mut Vec<Record>, length: usize) {
        while out.len() < length
            && let Some(record) = self.pop_front()
        {
            out.push(record);
        }
    }
}

/// What a record takes in memory, roughly. Its process may be shared with others, and is counted with each.
fn weight(record: &Record) -> usize {
    const SMALL: usize = 1024;
    let event = match record {
        Record::Event(event) => event,
        Record::Detection(detection) => {
            return SMALL + detection.output.len() * 3 + of_event(&detection.event);
        }
        Record::CheckResult(result) => {
            let subjects: usize = result.subjects.iter().map(|subject| subject.len() + 24).sum();
            return SMALL + result.cause.len() + subjects + result.found.len() * 512;
        }
        _ => return SMALL,
    };
    of_event(event)
}

fn of_event(event: &Event) -> usize {
    let texts = event.args.iter().map(|arg| match &arg.value {
        ArgValue::Text(text) | ArgValue::Path(text) => text.len(),
        ArgValue::Bytes(bytes) => bytes.len(),
        _ => 16,
    });
    let paths = event.paths.iter().map(|(_, path)| path.len());
    512 + texts.chain(paths).sum::<usize>() + bounds::weight(&event.process)
}

impl State {
    fn number_of_events(&self) -> usize {
        self.events.iter().map(Queue::len).sum()
    }

    /// Adds an event. Where there is no room the oldest of the class that is given up first goes: of its own class at
    /// worst.
    fn add_event(&mut self, class: Class, record: Record) {
        let Some(own) = Class::ALL.iter().position(|other| *other == class) else { return };
        let bytes = weight(&record);
        let is_full = |state: &Self| {
            state.number_of_events() >= MAX_EVENTS
                || state.events.iter().map(|lane| lane.bytes).sum::<usize>() + bytes > MAX_EVENT_BYTES
        };
        while is_full(self) && (self.number_of_events() > 0 || bytes > MAX_EVENT_BYTES) {
            let victim = self.events.iter().rposition(|lane| lane.len() > 0).unwrap_or(own).max(own);
            // Without one of its own class or a lesser one it is the event itself that goes.
            let gone = self.events.get_mut(victim).and_then(Queue::pop_front);
            count(&mut self.lost, FULL.get(victim).copied().unwrap_or("outbox_full"), 1);
            if gone.is_none() {
                return;
            }
        }
        self.oldest_event.get_or_insert_with(Instant::now);
        if let Some(lane) = self.events.get_mut(own) {
            lane.push_back(bytes, record);
        }
    }

    /// The events of a batch: executions before rights before connections before files.
    fn take_events(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        for lane in &mut self.events {
            lane.move_to(&mut records, BATCH);
        }
        records
    }
}

impl Outbox {
    /// Adds a record to its lane.
    pub(crate) fn push(&self, record: Record) {
        let mut state = self.lock();
        if let Record::Event(event) = &record {
            let class = Class::of(event);
            state.add_event(class, record);
        } else {
            let bytes = weight(&record);
            while state.urgent.len() >= MAX_URGENT
                || (state.urgent.len() > 0 && state.urgent.bytes + bytes > MAX_URGENT_BYTES)
            {
                state.urgent.pop_front();
                state.settled += 1;
                count(&mut state.lost, "outbox_full", 1);
            }
            state.pushed += 1;
            state.urgent.push_back(bytes, record);
        }
        let events = state.number_of_events();
        let wake = state.urgent.len() > 0 || events == 1 || events >= BATCH;
        drop(state);
        if wake {
            self.changed.notify_all();
        }
    }

    /// The next batch's records; waits for some. `None` when the outbox is closed and empty.
    pub(crate) fn take(&self) -> Option<(Lane, Vec<Record>)> {
        let mut state = self.lock();
        loop {
            if state.urgent.len() > 0 {
                let mut records = Vec::new();
                state.urgent.move_to(&mut records, BATCH);
                return Some((Lane::Urgent, records));
            }
            let age = state.oldest_event.map(|at| at.elapsed());
            let due =
                state.closed || age.is_some_and(|age| age >= LINGER) || state.number_of_events() >= BATCH;
            if due && state.number_of_events() > 0 {
                let records = state.take_events();
                state.oldest_event = (state.number_of_events() > 0).then(Instant::now);
                return Some((Lane::Events, records));
            }
            if state.closed {
                return None;
            }
            let wait = age.map_or(Duration::from_secs(60), |age| LINGER.saturating_sub(age));
            state = self.wait(state, wait);
        }
    }

    /// Urgent records are in the spool now.
    pub(crate) fn settle(&self, number: u64) {
        self.lock().settled += number;
        self.changed.notify_all();
    }

    /// Waits until all urgent records pushed so far are in the spool, at most that long.
    pub(crate) fn wait_settled(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.lock();
        let target = state.pushed;
        while state.settled < target && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = self.wait(state, left);
        }
    }

    /// Urgent records wait for a batch.
    #[cfg(test)]
    pub(crate) fn waits(&self) -> bool {
        self.lock().urgent.len() > 0
    }

    /// No record will follow.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Counts what was given up.
    pub(crate) fn add_lost(&self, class: &str, number: u64) {
        if number > 0 {
            count(&mut self.lock().lost, class, number);
        }
    }

    /// What the capture lost so far.
    pub(crate) fn set_capture_lost(&self, lost: &Lost) {
        self.lock().capture_lost.clone_from(lost);
    }

    /// Everything lost so far.
    pub(crate) fn lost(&self) -> Lost {
        let state = self.lock();
        let mut all = state.capture_lost.clone();
        for (class, number) in &state.lost.0 {
            count(&mut all, class, *number);
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        match self.changed.wait_timeout(guard, time) {
            Ok((guard, _)) => guard,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }
}

fn count(lost: &mut Lost, class: &str, number: u64) {
    match lost.0.get_mut(class) {
        Some(known) => *known += number,
        None => {
            lost.0.insert(class.to_owned(), number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use fargard_model::{Container, Event, EventType, Outcome, Process, Record, Source, Task, Timestamp};

    use super::{BATCH, LINGER, Lane, MAX_EVENTS, Outbox};

    fn event(num: u64) -> Record {
        of_kind(EventType::Openat, num)
    }

    fn of_kind(kind: EventType, num: u64) -> Record {
        Record::Event(Box::new(Event {
            num,
            time: Timestamp(0),
            source: Source::Syscall,
            kind,
            tid: 1,
            process: Arc::new(Process::default()),
            args: Vec::new(),
            paths: Vec::new(),
            fd: None,
            outcome: Outcome::Attempt,
            evidence: fargard_model::Evidence::default(),
            task: Arc::new(Task::default()),
            container: Arc::new(Container::default()),
        }))
    }

    #[test]
    fn urgent_records_go_first_and_at_once() {
        let outbox = Outbox::default();
        outbox.push(event(1));
        outbox.push(Record::Heartbeat(Box::default()));
        let before = Instant::now();
        assert_eq!(outbox.take().unwrap().0, Lane::Urgent);
        assert!(before.elapsed() < LINGER);
        let (lane, records) = outbox.take().unwrap();
        assert_eq!((lane, records.len()), (Lane::Events, 1));
        assert!(before.elapsed() >= LINGER - std::time::Duration::from_millis(5));
        outbox.close();
        assert!(outbox.take().is_none());
    }

    #[test]
    fn a_producer_can_wait_until_its_records_are_safe() {
        let outbox = Outbox::default();
        outbox.push(Record::Heartbeat(Box::default()));
        let before = Instant::now();
        outbox.wait_settled(LINGER);
        assert!(before.elapsed() >= LINGER, "nobody packed it");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (_, records) = outbox.take().unwrap();
                outbox.settle(records.len() as u64);
            });
            let before = Instant::now();
            outbox.wait_settled(LINGER * 100);
            assert!(before.elapsed() < LINGER * 50);
        });
    }

    #[test]
    fn a_flood_of_files_displaces_nothing_else() {
        let outbox = Outbox::default();
        for num in 0..100 {
            outbox.push(of_kind(EventType::Connect, num));
        }
        for num in 0..MAX_EVENTS as u64 * 3 {
            outbox.push(event(num));
        }
        for num in 0..MAX_EVENTS as u64 - 50 {
            outbox.push(of_kind(EventType::Execve, num));
        }
        outbox.push(event(7));
        let lost = outbox.lost().0;
        assert_eq!(lost.get("outbox_full_network"), Some(&50), "{lost:?}");
        assert_eq!(lost.get("outbox_full_files"), Some(&(MAX_EVENTS as u64 * 3 + 1)));
        assert_eq!(lost.get("outbox_full_exec"), None);
        let (_, first) = outbox.take().unwrap();
        let is_exec = |record: &Record| matches!(record, Record::Event(event) if event.kind.is_exec());
        assert!(first.iter().all(is_exec));
    }

    #[test]
    fn long_events_take_no_more_room_than_short_ones() {
        let outbox = Outbox::default();
        for num in 0..MAX_EVENTS as u64 {
            let mut record = event(num);
            if let Record::Event(event) = &mut record {
                let value = fargard_model::event::ArgValue::Text("x".repeat(16 << 10));
                event.args.push(fargard_model::Arg { name: "args".into(), value });
            }
            outbox.push(record);
        }
        let lost = outbox.lost().0.get("outbox_full_files").copied().unwrap_or(0);
        assert!((880..930).contains(&lost), "{lost}");
        assert!(outbox.lock().events.iter().map(|lane| lane.bytes).sum::<usize>() <= super::MAX_EVENT_BYTES);
    }

    #[test]
    fn full_lanes_shed_events_and_count_them() {
        let outbox = Outbox::default();
        for num in 0..MAX_EVENTS as u64 + 10 {
            outbox.push(event(num));
        }
        outbox.push(Record::Heartbeat(Box::default()));
        assert_eq!(outbox.lost().0.get("outbox_full_files"), Some(&10));
        assert_eq!(outbox.take().unwrap().0, Lane::Urgent);
        let (_, records) = outbox.take().unwrap();
        assert_eq!(records.len(), BATCH);
        assert!(matches!(&records[0], Record::Event(event) if event.num == 10));
    }
}
