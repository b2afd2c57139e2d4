//! The router with its edge, and the loop that serves it.

use std::future::IntoFuture as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::serve::{Listener, ListenerExt as _};
use jiff::Timestamp;
use sluice_factory::Factory;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::compress::{compression, weaken};
use crate::dashboard;
use crate::edge::edge;
use crate::openapi;
use crate::options::Options;
use crate::state::{App, State};

/// How often keys whose day is over are looked for.
const SWEEP: Duration = Duration::from_secs(10 * 60);

/// The whole REST surface of a factory. Its event streams end with their clients; [`serve`] also ends them at
/// the shutdown.
pub fn router(factory: Arc<Factory>, options: Options) -> Router {
    router_of(&app(factory, &options, CancellationToken::new()))
}

/// Serves until `shutdown`: then no connection is taken any more, event streams end, and requests under way
/// have [`Options::last_answers`] to be answered.
///
/// # Errors
/// When the listener fails for good, or the store does not answer at the start.
pub async fn serve(
    factory: Arc<Factory>,
    listener: TcpListener,
    mut options: Options,
    shutdown: CancellationToken,
) -> io::Result<()> {
    options.listen = Some(listener.local_addr()?);
    let app = app(factory, &options, shutdown.clone());
    // An earlier process of this daemon answers nobody any more.
    let freed = app.factory.store().key_free(&app.owner).await;
    freed.map_err(io::Error::other)?;
    let sweeping = tokio::spawn(sweep(Arc::clone(&app)));
    let keeping = app.oidc.clone().map(|oidc| tokio::spawn(oidc.keep_fresh()));
    let listener = Patient {
        listener,
        // What waits for a slow reader of events is told of first.
        patience: options.stall * 2,
    };
    let listener = listener.tap_io(|connection| {
        // Without this, an event waits for the acknowledgement of the one before it.
        if let Err(error) = connection.as_ref().get_ref().get_ref().set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let service = router_of(&app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(options.last_answers).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = too_late => {
            tracing::warn!("requests were still open at the end of the shutdown");
            Ok(())
        }
    };
    sweeping.abort();
    if let Some(keeping) = keeping {
        keeping.abort();
    }
    served
}

/// Connections to clients that read what they are sent, or are closed.
struct Patient {
    listener: TcpListener,
    patience: Duration,
}

impl Listener for Patient {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (connection, address) = Listener::accept(&mut self.listener).await;
        let mut connection = TimeoutStream::new(connection);
        connection.set_write_timeout(Some(self.patience));
        (Box::pin(connection), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Removes the keys whose day is over, for as long as it is let.
async fn sweep(app: App) {
    loop {
        if let Err(error) = app.factory.store().key_sweep(Timestamp::now()).await {
            tracing::warn!(error = %error, "old keys could not be removed; it is tried again");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

fn app(factory: Arc<Factory>, options: &Options, shutdown: CancellationToken) -> App {
    State::new(factory, options, shutdown, openapi::openapi_json())
}

fn router_of(app: &App) -> Router {
    let (router, _) = openapi::routes(Some(app)).split_for_parts();
    router
        .merge(dashboard::routes(app))
        .layer(from_fn_with_state(Arc::clone(app), edge))
        .layer(compression())
        .layer(map_response(weaken))
        .with_state(Arc::clone(app))
}
