//! The command line: `spin up`'s and `spin build`'s flags, by the same names, and a few of our own.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use clap::{
    Args, Parser, Subcommand,
    builder::{BoolishValueParser, OsStringValueParser, TypedValueParser},
};
use http::Uri;
use manifest::VariableSource;

use crate::{
    cli::health, interfaces::sqlite::statements::Statements, log::Format, serving::pool::Range,
};

/// Runs a Spin application where Spin is not installed.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the components of an application
    Build(Build),
    /// Compile the components of an application ahead of time, for `up --compiled`
    #[cfg(feature = "compiler")]
    Compile(Compile),
    /// Check that a running application serves requests
    Health(Health),
    /// Run an application
    Up(Box<Up>),
}

/// `routelets build`
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// The application: a manifest, or the folder of its spin.toml
    #[arg(
        short,
        long,
        visible_alias = "file",
        value_name = "PATH",
        default_value = "spin.toml"
    )]
    pub(crate) from: PathBuf,

    /// Build only this component; may be given several times
    #[arg(short, long, value_name = "ID")]
    pub(crate) component_id: Vec<String>,
}

/// `routelets compile`
#[cfg(feature = "compiler")]
#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// The application: a manifest, or the folder of its spin.toml
    #[arg(
        short,
        long,
        visible_alias = "file",
        value_name = "PATH",
        default_value = "spin.toml"
    )]
    pub(crate) from: PathBuf,

    /// The folder for components that run on any CPU of this kind, for `up --compiled` [default: the cache of `up`]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}

/// `routelets health`
#[derive(Args, Debug)]
pub(crate) struct Health {
    /// The URL that must answer with 200
    #[arg(default_value = health::URL)]
    pub(crate) url: Uri,
}

/// `routelets up`
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// The application: a manifest, or the folder of its spin.toml
    #[arg(
        short,
        long,
        visible_alias = "file",
        alias = "from-file",
        value_name = "PATH",
        default_value = "spin.toml"
    )]
    pub(crate) from: PathBuf,

    /// Build the components before running them
    #[arg(long, env = "SPIN_ALWAYS_BUILD", value_parser = BoolishValueParser::new())]
    pub(crate) build: bool,

    /// Run only this component; may be given several times
    #[arg(short, long, value_name = "ID")]
    pub(crate) component_id: Vec<String>,

    /// The address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "SPIN_HTTP_LISTEN_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3000",
        value_parser = listen_address
    )]
    pub(crate) listen: SocketAddr,

    /// The address that the host's metrics are served at, as /metrics; port 0 takes a free one [default: none]
    #[arg(
        long,
        env = "ROUTELETS_METRICS_LISTEN",
        value_name = "ADDRESS",
        value_parser = listen_address
    )]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// Give an application variable its value: name=value, name=@file, @file.json or @file.toml
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) variable: Vec<VariableSource>,

    /// Set an environment variable (name=value) for all components
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) env: Vec<(String, String)>,

    /// Execute SQL before the application starts: a statement, or @file, or @file:database
    #[arg(long, value_name = "STATEMENT")]
    pub(crate) sqlite: Vec<Statements>,

    /// The folder for logs and databases; empty for none [default: .spin beside the manifest]
    #[arg(long, env = "ROUTELETS_STATE_DIR", value_name = "FOLDER", value_parser = folder())]
    pub(crate) state_dir: Option<PathBuf>,

    /// The folder for what components print; empty for none [default: logs in the state folder]
    #[arg(
        short = 'L',
        long,
        env = "SPIN_LOG_DIR",
        value_name = "FOLDER",
        value_parser = folder()
    )]
    pub(crate) log_dir: Option<PathBuf>,

    /// Empty the log files first
    #[arg(long)]
    pub(crate) truncate_logs: bool,

    /// Show on the terminal only what this component prints; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) follow: Vec<String>,

    /// Show on the terminal neither what components print nor requests
    #[arg(
        short,
        long,
        visible_alias = "sh",
        alias = "shush",
        conflicts_with = "follow"
    )]
    pub(crate) quiet: bool,

    /// The format of the host's own lines
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: Format,

    /// Settings of the host: `state_dir`, `log_dir`, `[sqlite_database.LABEL]`, `[outbound_redis]`
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,

    /// The folder for compiled components [default: routelets in the user's cache folder]
    #[cfg(feature = "compiler")]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// The folder of components compiled by `routelets compile`; nothing is compiled
    #[arg(long, env = "ROUTELETS_COMPILED", value_name = "FOLDER")]
    pub(crate) compiled: Option<PathBuf>,

    /// Compile all components again, and do not cache them
    #[cfg(feature = "compiler")]
    #[arg(
        long,
        env = "DISABLE_WASMTIME_CACHE",
        value_parser = BoolishValueParser::new(),
        conflicts_with = "cache_dir"
    )]
    pub(crate) disable_cache: bool,

    /// Allocate the memory of instances when they are made, not in advance
    #[arg(long)]
    pub(crate) disable_pooling: bool,

    /// Bytes of memory for one instance of a component
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    pub(crate) max_instance_memory: usize,

    /// Requests for one instance; a..b picks a number for each
    #[arg(long, value_name = "COUNT", default_value = "128", value_parser = count_range)]
    pub(crate) max_instance_reuse_count: Range<usize>,

    /// Requests that one instance serves at once; a..b picks a number for each
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = count_range)]
    pub(crate) max_instance_concurrent_reuse_count: Range<usize>,

    /// How long an instance without work is kept, with an optional unit of s, ms, us or ns
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration_range)]
    pub(crate) idle_instance_timeout: Range<Duration>,

    /// How long a request, and its work after the response, may take [default: unlimited]
    #[arg(long, value_name = "TIME", value_parser = duration_range)]
    pub(crate) request_timeout: Option<Range<Duration>>,

    /// Bytes of a request's head; at least 8192
    #[arg(
        long,
        env = "SPIN_HTTP1_MAX_BUF_SIZE",
        value_name = "BYTES",
        default_value_t = 128 << 10,
        value_parser = buffer_size
    )]
    pub(crate) http1_max_buf_size: usize,

    /// Requests answered at once; more wait
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) max_concurrent_requests: u32,

    /// How long a client may take for a request's head, pause within its body or in reading the response, or leave a connection idle
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) client_timeout: Duration,

    /// How long requests may take after SIGTERM or SIGINT
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) shutdown_timeout: Duration,
}

/// Flags of Spin that this host does not have, and the alternatives.
const SPIN_ONLY: [(&str, &str); 11] = [
    ("--tls-cert", "a proxy in front of the host ends TLS"),
    ("--tls-key", "a proxy in front of the host ends TLS"),
    ("--from-registry", "the application must lie in a folder"),
    ("--profile", "there is one build profile"),
    ("--find-free-port", "--listen with port 0 takes a free one"),
    ("--format", "--log-format json makes all lines JSON"),
    (
        "--cache",
        "--cache-dir names the folder for compiled components",
    ),
    (
        "--direct-mounts",
        "files are copied when the application starts",
    ),
    ("--temp", "files are copied to a folder below TMPDIR"),
    ("--debug-info", "guests are not compiled for debuggers"),
    ("--key-value", "there are no key-value stores"),
];

/// Adds the alternative to the error about a flag of Spin.
pub(crate) fn explain(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};

    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some((_, instead)) = SPIN_ONLY.iter().find(|(known, _)| flag == known)
    {
        let note = format!("the embedded host has no such flag: {instead}");
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![note.into()]),
        );
    }
    error
}

/// A path that may be empty.
fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// The first IPv4 address of a name, because this is usually meant by `localhost`.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let addresses: Vec<_> = text
        .to_socket_addrs()
        .map_err(|error| error.to_string())?
        .collect();
    let address = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    address
        .copied()
        .ok_or_else(|| "the name has no address".into())
}

fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("it does not have the form name=value".into()),
    }
}

fn buffer_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size) if size >= 8_192 => Ok(size),
        Ok(_) => Err("it is less than 8192".into()),
        Err(error) => Err(format!("{error}")),
    }
}

/// A count that at least lets an instance serve one request.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it is 0".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

fn count_range(text: &str) -> Result<Range<usize>, String> {
    range(text, count)
}

fn duration_range(text: &str) -> Result<Range<Duration>, String> {
    range(text, duration)
}

fn range<T: PartialOrd + Copy>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Range<T>, String> {
    let Some((low, high)) = text.split_once("..") else {
        let value = parse(text)?;
        return Ok(Range {
            low: value,
            high: value,
        });
    };
    let (low, high) = (parse(low)?, parse(high)?);
    if low < high {
        Ok(Range { low, high })
    } else {
        Err("the range is empty".into())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    // The order matters: "ms" ends in "s", too.
    type Unit = fn(u64) -> Duration;
    let units: [(&str, Unit); 5] = [
        ("ms", Duration::from_millis),
        ("us", Duration::from_micros),
        ("μs", Duration::from_micros),
        ("ns", Duration::from_nanos),
        ("s", Duration::from_secs),
    ];
    let unit = units
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)));
    let (number, unit) = unit.unwrap_or((text, Duration::from_secs));
    number
        .parse()
        .map(unit)
        .map_err(|error| format!("{error}; it is a whole number and one of s, ms, us, μs, ns"))
}

#[cfg(test)]
mod tests;
