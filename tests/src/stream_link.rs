//! A TCP link that records: whoever connects to it is connected with one server, and what each side said is kept.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::impair::Way;

/// What a link carried: for each connection and way the bytes in a row.
pub(crate) type Streams = Vec<(Way, Vec<u8>)>;

/// How often a link without news looks whether it shall end.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The running link; takes no more connections when dropped.
#[derive(Debug)]
pub(crate) struct StreamLink {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    streams: Arc<Mutex<Streams>>,
}

impl StreamLink {
    /// Listens on `listen` and connects each client with `server`.
    pub(crate) fn start(listen: u16, server: u16) -> io::Result<StreamLink> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen))?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let streams = Arc::new(Mutex::new(Streams::new()));
        let (stopped, record) = (stop.clone(), streams.clone());
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    // A server that is not there is, for the client, one that closes at once.
                    Ok((client, _)) => drop(join(client, server, &record)),
                    Err(_) => thread::sleep(LOOK_AGAIN),
                }
            }
        });
        Ok(StreamLink { stop, thread: Some(thread), streams })
    }

    /// What was said so far.
    pub(crate) fn streams(&self) -> Streams {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for StreamLink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries both ways in threads of their own, which end with the connection.
fn join(client: TcpStream, server: u16, record: &Arc<Mutex<Streams>>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    for (way, from, to) in
        [(Way::ToServer, client.try_clone()?, server.try_clone()?), (Way::ToClient, server, client)]
    {
        let record = record.clone();
        let place = {
            let mut streams = record.lock().unwrap_or_else(PoisonError::into_inner);
            streams.push((way, Vec::new()));
            streams.len() - 1
        };
        thread::spawn(move || carry(from, to, &record, place));
    }
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream, record: &Mutex<Streams>, place: usize) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 {
            break;
        }
        record.lock().unwrap_or_else(PoisonError::into_inner)[place].1.extend_from_slice(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
