//! Databases at the end of a line, in simulated time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use jobs::{DriverError, Error, Millis, Redis, RedisStore, Reply, Sql, SqliteStore, Store, Value};

use crate::backend::{Backend, NOW, RedisDriver, Server, SqlDriver, Sqlite};

/// How long a command is on its way to the database, and its reply on the way back.
const WAY: Millis = 1;

/// The time, and the line to the database.
pub(crate) struct Line {
    now: Cell<Millis>,
    alarms: RefCell<BTreeSet<Millis>>,
    pub(crate) is_down: Cell<bool>,
    /// The next commands are carried out, but their replies are lost.
    pub(crate) replies_to_lose: Cell<u32>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            now: Cell::new(NOW),
            alarms: RefCell::default(),
            is_down: Cell::default(),
            replies_to_lose: Cell::default(),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.now.get()
    }

    pub(crate) async fn sleep(&self, duration: Millis) {
        let until = self.now() + duration;
        poll_fn(|_| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            self.alarm(until);
            Poll::Pending
        })
        .await;
    }

    /// Has something happen at a time.
    pub(crate) fn alarm(&self, at: Millis) {
        self.alarms.borrow_mut().insert(at);
    }

    /// Goes on to the next time at which something happens.
    pub(crate) fn advance(&self) {
        let next = self.alarms.borrow_mut().pop_first();
        let next = next.expect("nothing will happen any more");
        self.now.set(next.max(self.now()));
    }

    async fn carry<T>(
        &self,
        command: impl AsyncFnOnce() -> Result<T, DriverError>,
    ) -> Result<T, DriverError> {
        self.sleep(WAY).await;
        let failed = |why: &str| Err(DriverError(why.to_owned()));
        if self.is_down.get() {
            return failed("no connection");
        }
        let reply = command().await;
        self.sleep(WAY).await;
        match self.replies_to_lose.get() {
            0 => reply,
            left => {
                self.replies_to_lose.set(left - 1);
                failed("no reply")
            }
        }
    }
}

/// A database that can be reached over a line.
pub(crate) trait Distant: Backend {
    /// The value of `jobs_store`.
    const KIND: &'static str;

    type Reached<'a>: Store
    where
        Self: 'a;

    async fn connect<'a>(&'a self, line: &'a Line) -> Result<Self::Reached<'a>, Error>;

    /// Kills the database, and starts it again, if it is a process.
    fn stop(&self) {}
    fn resume(&self) {}
}

/// A driver at the near end of a line.
pub(crate) struct Over<'a, D> {
    line: &'a Line,
    driver: D,
}

impl Sql for Over<'_, SqlDriver> {
    async fn execute(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, DriverError> {
        self.line
            .carry(async || self.driver.execute(statement, parameters).await)
            .await
    }
}

impl Distant for Sqlite {
    const KIND: &'static str = "sqlite";

    type Reached<'a> = SqliteStore<Over<'a, SqlDriver>>;

    async fn connect<'a>(&'a self, line: &'a Line) -> Result<Self::Reached<'a>, Error> {
        let driver = self.driver();
        SqliteStore::open(Over { line, driver }).await
    }
}

/// A driver that connects again after a failure, as Spin does.
pub(crate) struct Redial<'a> {
    server: &'a Server,
    connection: Cell<Option<RedisDriver>>,
}

impl Redis for Over<'_, Redial<'_>> {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError> {
        let Redial { server, connection } = &self.driver;
        self.line
            .carry(async || {
                let driver = connection.take().map_or_else(|| server.connect(), Ok)?;
                let reply = driver.execute(command, arguments).await?;
                connection.set(Some(driver));
                Ok(reply)
            })
            .await
    }
}

impl Distant for Server {
    const KIND: &'static str = "redis";

    type Reached<'a> = RedisStore<Over<'a, Redial<'a>>>;

    async fn connect<'a>(&'a self, line: &'a Line) -> Result<Self::Reached<'a>, Error> {
        let driver = Redial {
            server: self,
            connection: Cell::default(),
        };
        let over = Over { line, driver };
        Ok(RedisStore::new(over, Self::INPUTS, Self::RESULTS))
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn resume(&self) {
        Self::resume(self);
    }
}
