//! A listener on loopback with a thread for each connection.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Listens on a free port of 127.0.0.1; ends when dropped.
#[derive(Debug)]
pub(crate) struct Loopback {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Gives each connection to `answer`, in threads of that name. Of more than `most` at a time the further ones are
    /// closed at once, which the client sees.
    pub(crate) fn start<A>(name: &'static str, most: usize, answer: A) -> io::Result<Self>
    where
        A: Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(&listener, name, most, &Arc::new(answer), &stop))?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // The thread waits for a connection, so it gets one.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve<A>(listener: &TcpListener, name: &'static str, most: usize, answer: &Arc<A>, ended: &AtomicBool)
where
    A: Fn(&TcpStream) -> io::Result<()> + Send + Sync + 'static,
{
    let connections = Arc::new(AtomicUsize::new(0));
    while let Ok((stream, _)) = listener.accept() {
        if ended.load(SeqCst) {
            return;
        }
        if connections.fetch_add(1, SeqCst) >= most {
            connections.fetch_sub(1, SeqCst);
            continue;
        }
        let (answer, count) = (Arc::clone(answer), Arc::clone(&connections));
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // A client that went away is its own business.
            let _ = answer(&stream);
            count.fetch_sub(1, SeqCst);
        });
        if spawned.is_err() {
            connections.fetch_sub(1, SeqCst);
        }
    }
}
