//! `spin:sqlite`, as components call it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::spawn_blocking,
};
use wasmtime::{
    StoreContextMut,
    component::{
        Accessor, Destination, FutureReader, HasSelf, Linker, Resource, StreamProducer,
        StreamReader, StreamResult,
    },
};

use crate::interfaces::{
    bindings::sqlite::{
        Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
        add_to_linker,
    },
    sqlite::{
        database::{Connection, Database},
        rows::{collect, stream},
    },
    state::InstanceState,
};

/// Rows that are read ahead for a component.
const ROWS_AHEAD: usize = 4;

/// Offers the interface to all components.
///
/// # Errors
/// When the linker has it already.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

type Shared = Arc<Mutex<rusqlite::Connection>>;

/// Runs a function that may wait for the disk or for another connection on a thread for blocking work.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Io(error.to_string())))
}

/// A connection that a component may open.
struct Opening {
    database: Arc<Database>,
    owner: Weak<()>,
    permit: OwnedSemaphorePermit,
}

impl Opening {
    async fn open(self) -> Result<Connection, Error> {
        blocking(move || Ok(self.database.connect(self.owner, self.permit)?)).await
    }
}

impl InstanceState {
    fn opening(&self, database: &str) -> Result<Opening, Error> {
        let database = self.sandbox().databases.get(database);
        let permit = self.connection();
        Ok(Opening {
            database: database.map(Arc::clone).ok_or(Error::AccessDenied)?,
            owner: self.alive(),
            permit: permit.ok_or_else(|| Error::Io("too many connections opened".to_owned()))?,
        })
    }

    fn keep(&mut self, connection: Connection) -> Result<Resource<Connection>, Error> {
        let kept = self.resources().push(connection);
        kept.map_err(|error| Error::Io(error.to_string()))
    }

    fn shared(&mut self, connection: &Resource<Connection>) -> Result<Shared, Error> {
        let found = self.resources().get(connection);
        found
            .map(|connection| Arc::clone(&connection.inner))
            .map_err(|_| Error::InvalidConnection)
    }
}

impl Host for InstanceState {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<Error> {
        Ok(error)
    }
}

impl HostConnection for InstanceState {
    async fn open(&mut self, database: String) -> Result<Resource<Connection>, Error> {
        let connection = self.opening(&database)?.open().await?;
        self.keep(connection)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        let connection = self.shared(&connection)?;
        blocking(move || collect(&connection, &statement, parameters)).await
    }

    async fn last_insert_rowid(
        &mut self,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = self.shared(&connection)?;
        Ok(blocking(move || Ok(lock(&connection).last_insert_rowid())).await?)
    }

    async fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = self.shared(&connection)?;
        Ok(blocking(move || Ok(lock(&connection).changes())).await?)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.resources().delete(connection)?;
        Ok(())
    }
}

impl HostConnectionWithStore<InstanceState> for HasSelf<InstanceState> {
    async fn open_async(
        accessor: &Accessor<InstanceState, Self>,
        database: String,
    ) -> Result<Resource<Connection>, Error> {
        let opening = accessor.with(|mut access| access.get().opening(&database))?;
        let connection = opening.open().await?;
        accessor.with(|mut access| access.get().keep(connection))
    }

    async fn execute_async(
        accessor: &Accessor<InstanceState, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<
        (
            Vec<String>,
            StreamReader<RowResult>,
            FutureReader<Result<(), Error>>,
        ),
        Error,
    > {
        let connection = accessor.with(|mut access| access.get().shared(&connection))?;
        let (columns_to, columns) = oneshot::channel();
        let (rows_to, rows) = mpsc::channel(ROWS_AHEAD);
        let end = spawn_blocking(move || {
            stream(&connection, &statement, parameters, columns_to, &rows_to)
        });
        // There are none when the statement is wrong, which the end says.
        let columns = columns.await.unwrap_or_default();
        let end = async move {
            let end = end.await;
            let end = end.unwrap_or_else(|error| Err(Error::Io(error.to_string())));
            Ok::<_, wasmtime::Error>(end)
        };
        accessor
            .with(|mut access| {
                let rows = StreamReader::new(&mut access, Rows(rows))?;
                let end = FutureReader::new(&mut access, end)?;
                wasmtime::Result::Ok((columns, rows, end))
            })
            .map_err(|error: wasmtime::Error| Error::Io(error.to_string()))
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<InstanceState, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = accessor.with(|mut access| access.get().shared(&connection))?;
        Ok(blocking(move || Ok(lock(&connection).last_insert_rowid())).await?)
    }

    async fn changes_async(
        accessor: &Accessor<InstanceState, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        let connection = accessor.with(|mut access| access.get().shared(&connection))?;
        Ok(blocking(move || Ok(lock(&connection).changes())).await?)
    }
}

fn lock(connection: &Shared) -> MutexGuard<'_, rusqlite::Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rows of a statement, as a component reads them.
struct Rows(mpsc::Receiver<RowResult>);

impl<D> StreamProducer<D> for Rows {
    type Item = RowResult;
    type Buffer = Option<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, RowResult, Option<RowResult>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let received = self.0.poll_recv(cx);
        if finish && received.is_pending() {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(received) {
            Some(row) => {
                destination.set_buffer(Some(row));
                StreamResult::Completed
            }
            None => StreamResult::Dropped,
        }))
    }
}
