//! `-prometheus`: answers HTTP requests for metrics while the run lasts, on a thread of its own.
//!
//! As much of HTTP/1.1 as a scraper needs (RFC 9112): GET and HEAD of `/metrics`, one request per connection. What a
//! client may take of us is bounded: bytes of its request, time, connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::board::Board;
use crate::stats::metrics;

/// Serves the figures of the board as long as the process lives. Gives the bound address.
///
/// Errors: the address cannot be bound.
pub(super) fn serve(addr: SocketAddr, board: Board) -> io::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(addr))?;
    let bound = listener.local_addr()?;
    std::thread::Builder::new()
        .name("sipp-metrics".into())
        .spawn(move || runtime.block_on(accept(listener, board)))?;
    Ok(bound)
}

async fn accept(listener: TcpListener, board: Board) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let board = board.clone();
                tokio::task::spawn(async move {
                    // A client that is slow or gone is no reason to stop.
                    let _ = tokio::time::timeout(PATIENCE, converse(stream, &board)).await;
                    drop(place);
                });
            }
            // Out of file descriptors, most likely: calls come first.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(mut stream: TcpStream, board: &Board) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES {
        match stream.read(&mut piece).await? {
            0 => break,
            length => request.extend_from_slice(&piece[..length]),
        }
    }
    stream.write_all(&response(&request, board)).await?;
    stream.shutdown().await
}

/// The response to a request.
fn response(request: &[u8], board: &Board) -> Vec<u8> {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let (status, body) = match words.as_slice() {
        [b"GET" | b"HEAD", path, version] if version.starts_with(b"HTTP/1.") => {
            match path.split(|byte| *byte == b'?').next().unwrap_or_default() {
                b"/metrics" => match board.read() {
                    Some(snapshot) => ("200 OK", metrics::text(&snapshot)),
                    None => ("503 Service Unavailable", "the run has not begun\n".into()),
                },
                _ => ("404 Not Found", "metrics are at /metrics\n".into()),
            }
        }
        [_, _, version] if version.starts_with(b"HTTP/1.") => {
            ("405 Method Not Allowed", "GET /metrics\n".into())
        }
        _ => ("400 Bad Request", "GET /metrics\n".into()),
    };
    let kind = if status == "200 OK" { "text/plain; version=0.0.4; charset=utf-8" } else { "text/plain" };
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if words.first() != Some(&&b"HEAD"[..]) {
        response.push_str(&body);
    }
    response.into_bytes()
}

/// Connections served at once.
const CONNECTIONS: usize = 16;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a request.
const REQUEST_BYTES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::{Board, response};
    use crate::stats::screens::tests::client;

    fn status(request: &str, board: &Board) -> String {
        let response = String::from_utf8(response(request.as_bytes(), board)).expect("text");
        response.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn metrics_are_at_their_path() {
        let board = Board::default();
        let get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(status(get, &board), "HTTP/1.1 503 Service Unavailable");
        board.post(&client());
        let rows = [
            (get, "HTTP/1.1 200 OK"),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
            ("INVITE sip:x SIP/2.0\r\n\r\n", "HTTP/1.1 400 Bad Request"),
            ("", "HTTP/1.1 400 Bad Request"),
        ];
        for (request, line) in rows {
            assert_eq!(status(request, &board), line, "{request}");
        }
    }

    #[test]
    fn head_has_the_length_and_no_body() {
        let board = Board::default();
        board.post(&client());
        let whole = response(b"GET /metrics HTTP/1.1\r\n\r\n", &board);
        let head = response(b"HEAD /metrics HTTP/1.1\r\n\r\n", &board);
        assert!(whole.starts_with(&head) && head.ends_with(b"\r\n\r\n") && whole.len() > head.len());
    }
}
