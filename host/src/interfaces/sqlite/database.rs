//! SQLite databases in files or in memory, and what components may do with them.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rusqlite::{
    config::DbConfig,
    ffi,
    hooks::{AuthAction, AuthContext, Authorization},
};
use tokio::sync::OwnedSemaphorePermit;

/// The name of the database that an application has without configuring any.
pub(crate) const DEFAULT: &str = "default";

/// How long a statement waits for the lock of another connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Steps of SQLite's virtual machine between two checks whether the caller still exists.
const STEPS: i32 = 10_000;

/// Where a database lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// Its file; `None` for one in memory, which is private to each connection.
    pub(crate) path: Option<PathBuf>,
    /// Whether `ATTACH` may open other files.
    pub(crate) allow_attach_file: bool,
}

/// An open database.
pub(crate) struct Database {
    location: Location,
    /// Kept open, because closing the last connection writes the log back into the database.
    first: Mutex<rusqlite::Connection>,
}

/// The databases that an application uses, by name.
pub(crate) type Databases = BTreeMap<String, Arc<Database>>;

/// Opens the databases that components use.
///
/// # Errors
/// When one is not configured, or cannot be opened.
pub(crate) fn open_all<'a>(
    locations: &BTreeMap<String, Location>,
    uses: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Databases> {
    let mut databases = Databases::new();
    for (component, label) in uses {
        let Some(location) = locations.get(label) else {
            bail!(
                "component '{component}' uses the database '{label}', which is not configured: \
                 --runtime-config-file gives it a [sqlite_database.{label}]"
            );
        };
        if !databases.contains_key(label) {
            let database = Database::open(location.clone())
                .with_context(|| format!("cannot open the SQLite database '{label}'"))?;
            databases.insert(label.to_owned(), Arc::new(database));
        }
    }
    Ok(databases)
}

impl Database {
    /// Creates the folder and the file if they do not exist. With the write-ahead log, readers and a writer do not wait for each
    /// other.
    pub(super) fn open(location: Location) -> Result<Self> {
        if let Some(folder) = location.path.as_ref().and_then(|path| path.parent()) {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let connect = || {
            let connection = connect(&location)?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            Ok::<_, rusqlite::Error>(connection)
        };
        let first = connect().with_context(|| location.describe())?;
        Ok(Self {
            location,
            first: Mutex::new(first),
        })
    }

    /// Executes statements before any component starts.
    ///
    /// # Errors
    /// When one fails.
    pub(crate) fn execute(&self, statements: &str) -> Result<()> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first
            .execute_batch(statements)
            .with_context(|| format!("in {}", self.location.describe()))
    }

    /// A connection for a component. Its statements are interrupted when `owner` has gone.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn connect(
        &self,
        owner: Weak<()>,
        permit: OwnedSemaphorePermit,
    ) -> rusqlite::Result<Connection> {
        let mut connection = connect(&self.location)?;
        // Statements of components must not corrupt the file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        let attach = self.location.allow_attach_file;
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            authorize(context.action, attach)
        }))?;
        let abandoned = move || owner.strong_count() == 0;
        connection.progress_handler(STEPS, Some(abandoned))?;
        Ok(Connection {
            inner: Arc::new(Mutex::new(connection)),
            _permit: permit,
        })
    }
}

impl Location {
    fn describe(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "a database in memory".to_owned(),
        }
    }
}

fn connect(location: &Location) -> rusqlite::Result<rusqlite::Connection> {
    let connection = match &location.path {
        Some(path) => rusqlite::Connection::open(path)?,
        None => rusqlite::Connection::open_in_memory()?,
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Confines a component to its database. A file name that is not a literal, such as a parameter, is not known here.
fn authorize(action: AuthAction<'_>, attach: bool) -> Authorization {
    match action {
        // A temporary database, and one in memory.
        AuthAction::Attach {
            filename: "" | ":memory:",
        } => Authorization::Allow,
        AuthAction::Attach { .. }
        | AuthAction::Unknown {
            code: ffi::SQLITE_ATTACH,
            ..
        } if !attach => Authorization::Deny,
        AuthAction::Pragma { pragma_name, .. }
            if pragma_name.eq_ignore_ascii_case("temp_store_directory") =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

/// A component's connection.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Connection {
    pub(super) inner: Arc<Mutex<rusqlite::Connection>>,
    _permit: OwnedSemaphorePermit,
}
