//! The admin listener: accepts connections, within limits, until the gateway stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Most connections at a time.
const CONNECTIONS_MAX: usize = 256;

/// Time for a TLS handshake, and for the head of a request.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Time that running calls have to end when the gateway stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Rest after the system would not accept a connection, for want of file descriptors for example.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves the admin API until `shutdown` is called.
pub async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, router: Router, shutdown: CancellationToken) {
    let acceptor = tls.map(TlsAcceptor::from);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let service = TowerToHyperService::new(router.clone());
        let watcher = graceful.watcher();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _permit = permit;
            match acceptor {
                None => connection(stream, service, watcher).await,
                Some(acceptor) => match tokio::time::timeout(HEAD_TIME_MAX, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, service, watcher).await,
                    Ok(Err(error)) => tracing::debug!("the TLS handshake of an admin connection failed: {error}"),
                    Err(_) => tracing::debug!("the TLS handshake of an admin connection took too long"),
                },
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("calls to the admin API were cut off because they did not end in time");
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!("the admin listener could not accept a connection: {error}");
            tokio::time::sleep(ACCEPT_REST).await;
            None
        }
    }
}

async fn connection<S>(stream: S, service: TowerToHyperService<Router>, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("an admin connection ended early: {error}");
    }
}
