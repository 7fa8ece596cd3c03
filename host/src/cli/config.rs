//! Settings that are not in the manifest: the command line's folders and Spin's runtime configuration.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    cli::arguments::Up,
    interfaces::sqlite::database::{self, Location},
};

/// The file of the default database in the state folder.
const DEFAULT_DATABASE_FILE: &str = "sqlite_db.db";

/// `--runtime-config-file`: the settings of Spin that this host supports.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeConfig {
    state_dir: Option<PathBuf>,
    log_dir: Option<PathBuf>,
    #[serde(default)]
    sqlite_database: BTreeMap<String, SqliteDatabase>,
    #[serde(default)]
    outbound_redis: OutboundRedis,
}

/// `[sqlite_database.<label>]`
#[derive(Debug, Deserialize)]
struct SqliteDatabase {
    r#type: String,
    #[serde(flatten)]
    settings: toml::Table,
}

/// The settings of a database of type `spin`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpinDatabase {
    path: Option<PathBuf>,
    #[serde(default)]
    allow_attach_file: bool,
}

/// `[outbound_redis]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboundRedis {
    max_connections: Option<usize>,
}

/// The settings; the command line takes precedence over the runtime configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The folder for the output of components, if any.
    pub(crate) log_dir: Option<PathBuf>,
    /// Where each SQLite database lies; there is always a default one.
    pub(crate) databases: BTreeMap<String, Location>,
    /// Connections to Redis that the application may have at once; any number when `None`.
    pub(crate) redis_connections: Option<usize>,
}

impl Settings {
    /// By default, the state folder is `.spin` in the application's folder, and the folder for logs is `logs` in it. An empty
    /// path means no folder.
    ///
    /// # Errors
    /// When the runtime configuration is wrong.
    pub(crate) fn load(options: &Up, application: &Path) -> Result<Self> {
        let config = match &options.runtime_config_file {
            Some(path) => read(path)?,
            None => RuntimeConfig::default(),
        };
        let set = |path: PathBuf| Some(path).filter(|path| !path.as_os_str().is_empty());
        let state = match options.state_dir.clone().or(config.state_dir) {
            Some(state) => set(state),
            None => Some(application.join(".spin")),
        };
        let log_dir = match options.log_dir.clone().or(config.log_dir) {
            Some(logs) => set(logs),
            None => state.as_ref().map(|state| state.join("logs")),
        };
        let mut databases = BTreeMap::new();
        for (label, database) in config.sqlite_database {
            let location = database
                .location()
                .with_context(|| format!("[sqlite_database.{label}]"))?;
            databases.insert(label, location);
        }
        let default = Location {
            path: state.map(|state| state.join(DEFAULT_DATABASE_FILE)),
            allow_attach_file: false,
        };
        databases
            .entry(database::DEFAULT.to_owned())
            .or_insert(default);
        Ok(Self {
            log_dir,
            databases,
            redis_connections: config.outbound_redis.max_connections,
        })
    }
}

fn read(path: &Path) -> Result<RuntimeConfig> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{}", path.display()))
}

impl SqliteDatabase {
    fn location(self) -> Result<Location> {
        match self.r#type.as_str() {
            "spin" => {
                let SpinDatabase {
                    path,
                    allow_attach_file,
                } = self.settings.try_into()?;
                // Relative to the working directory and not to the file, as in Spin.
                let absolute = |path| env::current_dir().map(|folder| folder.join(path));
                Ok(Location {
                    path: path.map(absolute).transpose()?,
                    allow_attach_file,
                })
            }
            "libsql" => bail!("the embedded host has no libSQL databases, only those of type spin"),
            other => bail!("there is no type '{other}' of databases, only spin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::arguments::{Cli, Command};

    fn settings(arguments: &[&str], config: &str) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runtime-config.toml");
        fs::write(&file, config).unwrap();
        let file = file.to_str().unwrap();
        let mut line = vec!["routelets", "up", "--runtime-config-file", file];
        line.extend_from_slice(arguments);
        let Command::Up(up) = Cli::try_parse_from(line)?.command else {
            panic!("not up");
        };
        Settings::load(&up, Path::new("/app"))
    }

    #[test]
    fn everything_is_kept_beside_the_manifest() {
        let settings = settings(&[], "").unwrap();
        assert_eq!(settings.log_dir, Some("/app/.spin/logs".into()));
        let default = &settings.databases[database::DEFAULT];
        assert_eq!(default.path, Some("/app/.spin/sqlite_db.db".into()));
        assert_eq!(settings.redis_connections, None);
    }

    #[test]
    fn the_command_line_comes_first() {
        let settings = settings(&["--state-dir", "/s"], "state_dir = '/t'\nlog_dir = ''").unwrap();
        assert_eq!(settings.log_dir, None);
        let default = &settings.databases[database::DEFAULT];
        assert_eq!(default.path, Some("/s/sqlite_db.db".into()));
    }

    #[test]
    fn without_a_state_folder_the_default_database_is_in_memory() {
        let settings = settings(&["--state-dir", ""], "").unwrap();
        assert_eq!(settings.databases[database::DEFAULT].path, None);
    }

    #[test]
    fn databases_have_files_of_their_own() {
        let config = "[sqlite_database.default]\ntype = 'spin'\npath = '/d'\n\
                      [sqlite_database.notes]\ntype = 'spin'\npath = 'n'\nallow_attach_file = true\n\
                      [sqlite_database.scratch]\ntype = 'spin'\n\
                      [outbound_redis]\nmax_connections = 7";
        let settings = settings(&[], config).unwrap();
        let location = |label: &str| settings.databases[label].clone();
        assert_eq!(location("default").path, Some("/d".into()));
        let notes = location("notes");
        assert_eq!(notes.path, Some(env::current_dir().unwrap().join("n")));
        assert!(notes.allow_attach_file && !location("default").allow_attach_file);
        assert_eq!(location("scratch").path, None);
        assert_eq!(settings.redis_connections, Some(7));
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (config, says) in [
            (
                "[sqlite_database.x]\ntype = 'libsql'\nurl = 'https://h'\ntoken = 't'",
                "libSQL",
            ),
            ("[sqlite_database.x]\ntype = 'postgres'", "'postgres'"),
            ("[sqlite_database.x]\ntype = 'spin'\npaht = 'n'", "paht"),
            ("[sqlite_database.x]\npath = 'n'", "type"),
            ("[key_value_store.x]\ntype = 'spin'", "key_value_store"),
        ] {
            let error = format!("{:#}", settings(&[], config).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }
}
