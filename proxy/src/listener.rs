//! The listener that clients connect to: TLS, limits on heads, time and connections, and an orderly end.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::http::framing::{FramingError, FramingScanner};
use crate::http::message::HEADERS_MAX;
use crate::record::{Record, RecordKind};
use crate::session::{Origin, Services, serve};

/// Rest after the system would not accept a connection, for want of file descriptors for example.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Time for streams to send their last event once they were told to end.
const LAST_WORDS_TIME: Duration = Duration::from_secs(2);

/// Smallest buffer for the head of a request that the HTTP library takes.
const HEAD_BUFFER_BYTES_MIN: usize = 8 << 10;

/// Watches the framing of one connection; shared by what reads it and what serves it.
#[derive(Debug, Clone)]
pub(crate) struct SharedScanner(Arc<Mutex<FramingScanner>>);

impl SharedScanner {
    fn new(head_bytes_max: usize) -> Self {
        Self(Arc::new(Mutex::new(FramingScanner::new(head_bytes_max))))
    }

    fn scan(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).scan(bytes);
    }

    /// The first request that must be refused, and why.
    pub(crate) fn refused(&self) -> Option<(u64, FramingError)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused()
    }
}

/// Serves clients until `stop` is called, then lets running requests end within the drain time.
pub(crate) async fn listen(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    services: Arc<Services>,
    stop: CancellationToken,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let room = Arc::new(Semaphore::new(usize::try_from(services.limits.connections).unwrap_or(Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let watcher = graceful.watcher();
        let (services, acceptor) = (services.clone(), acceptor.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let _open = services.metrics.connection_open();
            handshake(stream, peer.ip(), acceptor, &services, watcher).await;
        });
    }
    drop(listener);
    drain(&services, graceful).await;
}

/// Lets what runs end; tells it to at the end of the drain time, and cuts off what still runs a little later.
async fn drain(services: &Services, graceful: GracefulShutdown) {
    let ended = async {
        services.tasks.close();
        tokio::join!(graceful.shutdown(), services.tasks.wait());
    };
    tokio::pin!(ended);
    if tokio::time::timeout(services.limits.drain_time, &mut ended).await.is_ok() {
        return;
    }
    tracing::warn!("requests that still run are told to end");
    services.end.cancel();
    if tokio::time::timeout(LAST_WORDS_TIME, ended).await.is_err() {
        tracing::warn!("requests were cut off because they did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            tracing::warn!("the listener could not accept a connection: {error}");
            tokio::time::sleep(ACCEPT_REST).await;
            None
        }
    }
}

async fn handshake(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: Option<TlsAcceptor>,
    services: &Arc<Services>,
    watcher: Watcher,
) {
    // Deltas of a stream are small; they must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection is without TCP_NODELAY: {error}");
    }
    match acceptor {
        None => connection(stream, peer, services, watcher).await,
        Some(acceptor) => match tokio::time::timeout(services.limits.header_time, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => connection(stream, peer, services, watcher).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn connection<S>(stream: S, peer: IpAddr, services: &Arc<Services>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let head_bytes_max = usize::try_from(services.limits.header_size).unwrap_or(usize::MAX).max(1 << 10);
    let framing = SharedScanner::new(head_bytes_max);
    let requests = AtomicU64::new(0);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let origin = Origin { client: peer, number, framing: framing.clone() };
        let services = services.clone();
        async move { Ok::<_, std::convert::Infallible>(serve(services, origin, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(services.limits.header_time)
        // One more than allowed, so that the session can say so.
        .max_headers(HEADERS_MAX + 1)
        .max_buf_size(head_bytes_max.max(HEAD_BUFFER_BYTES_MIN))
        .serve_connection(TokioIo::new(Scanned { stream, framing: framing.clone() }), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("a connection ended early: {error}");
        if error.is_parse() {
            // The library answered by itself, so this request passed no session.
            record_malformed(services, peer, &error, &framing).await;
        }
    }
}

async fn record_malformed(services: &Services, peer: IpAddr, error: &hyper::Error, framing: &SharedScanner) {
    services.metrics.refusal("malformed_request");
    let message = framing.refused().map_or_else(|| error.to_string(), |(_, error)| error.to_string());
    let body = json!({ "outcome": "malformed_request", "message": message, "client": peer.to_string() });
    if let Err(error) = services.audit.append(Record::new(RecordKind::Request, body)).await {
        tracing::error!(%error, "a refusal could not be recorded");
    }
}

/// A connection whose incoming bytes are scanned.
struct Scanned<S> {
    stream: S,
    framing: SharedScanner,
}

impl<S: AsyncRead + Unpin> AsyncRead for Scanned<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(bytes) = buffer.filled().get(before..)
            && !bytes.is_empty()
        {
            self.framing.scan(bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Scanned<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
