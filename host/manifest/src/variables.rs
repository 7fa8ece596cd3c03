//! The values of variables: from the command line, the environment or the manifest.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::id::check_lower_snake;
use crate::model::Manifest;
use crate::template::Template;

/// Why a variable has no value.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// An argument of `--variable` has another form.
    #[error(
        "a variable is given as 'name=value', 'name=@file', '@file.json' or '@file.toml', not as \
         '{0}'"
    )]
    BadSource(String),
    /// A file of variables cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file of variables is not a flat table of strings.
    #[error("{} is not a table of strings: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// A value was given for a variable that the application does not have.
    #[error("the application has no variable '{0}'")]
    Unknown(String),
    /// An environment variable is not UTF-8.
    #[error("the environment variable {0} is not UTF-8")]
    NotUnicode(String),
    /// A variable has a value in the environment, and a file there, too.
    #[error("{0} and {0}_FILE are both in the environment; give one of them")]
    Ambiguous(String),
    /// Required variables without a value: their names.
    #[error(
        "required variables without a value: {} (give them with --variable name=value, or in the \
         environment as {})",
        .0.join(", "),
        .0.iter().map(|name| environment_name(name)).collect::<Vec<_>>().join(", ")
    )]
    Missing(Vec<String>),
}

/// An argument of `--variable`. Its `Debug` shows no value, since any may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum VariableSource {
    /// `name=value`
    Literal {
        /// The variable's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// `name=@file`: the content of the file, all of it.
    FileContent {
        /// The variable's name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// `@file.json`: an object of strings.
    Json(PathBuf),
    /// `@file.toml`: a table of strings.
    Toml(PathBuf),
}

impl FromStr for VariableSource {
    type Err = VariableError;

    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        if let Some(path) = argument.strip_prefix('@').map(PathBuf::from) {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => return Ok(Self::Json(path)),
                Some("toml") => return Ok(Self::Toml(path)),
                _ => {}
            }
        } else if let Some((name, value)) = argument.split_once('=') {
            let name = name.to_owned();
            return Ok(match value.strip_prefix('@') {
                Some(path) => Self::FileContent {
                    name,
                    path: path.into(),
                },
                None => Self::Literal {
                    name,
                    value: value.into(),
                },
            });
        }
        Err(VariableError::BadSource(argument.into()))
    }
}

impl fmt::Debug for VariableSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal { name, .. } => write!(f, "{name}=[hidden]"),
            Self::FileContent { name, path } => write!(f, "{name}=@{}", path.display()),
            Self::Json(path) | Self::Toml(path) => write!(f, "@{}", path.display()),
        }
    }
}

impl VariableSource {
    /// The names and values that it gives.
    ///
    /// # Errors
    /// Its file cannot be read, or is not a table of strings.
    pub fn read(&self) -> Result<BTreeMap<String, String>, VariableError> {
        match self {
            Self::Literal { name, value } => Ok([(name.clone(), value.clone())].into()),
            Self::FileContent { name, path } => Ok([(name.clone(), read_file(path)?)].into()),
            Self::Json(path) => parse_file(path, |text| {
                serde_json::from_str(text).map_err(|error| error.to_string())
            }),
            Self::Toml(path) => parse_file(path, |text| {
                toml::from_str(text).map_err(|error| error.message().to_owned())
            }),
        }
    }
}

fn read_file(path: &Path) -> Result<String, VariableError> {
    fs::read_to_string(path).map_err(|source| VariableError::Read {
        path: path.into(),
        source,
    })
}

fn parse_file<T>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, VariableError> {
    parse(&read_file(path)?).map_err(|reason| VariableError::Malformed {
        path: path.into(),
        reason,
    })
}

/// The environment variable that gives an application variable its value.
pub fn environment_name(variable: &str) -> String {
    format!("SPIN_VARIABLE_{}", variable.to_ascii_uppercase())
}

/// The values of all variables of an application. Its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Variables {
    application: BTreeMap<String, String>,
    components: BTreeMap<String, BTreeMap<String, String>>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.application.keys()).finish()
    }
}

/// Why a component cannot have the value of a variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No variable can have this name.
    #[error("'{name}' is not a variable name: {reason}")]
    InvalidName {
        /// The name.
        name: String,
        /// The error.
        reason: String,
    },
    /// The component has no variable of this name.
    #[error("component '{component}' has no variable '{name}'")]
    Undefined {
        /// The component's id.
        component: String,
        /// The variable's name.
        name: String,
    },
}

impl Variables {
    /// Finds the value of every variable: in `given`, which is what the command line says, else
    /// in the environment, else in the file that `SPIN_VARIABLE_NAME_FILE` in the environment names, less the line breaks
    /// at its end, else its default. Docker and Kubernetes hand secrets over as files.
    ///
    /// `environment` is `std::env::var`, or a substitute.
    ///
    /// # Errors
    /// A name in `given` is unknown, a file cannot be read, or required variables have no value: all of them are named.
    pub fn resolve(
        manifest: &Manifest,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, VariableError> {
        if let Some(name) = given
            .keys()
            .find(|name| !manifest.variables.contains_key(*name))
        {
            return Err(VariableError::Unknown(name.clone()));
        }
        let mut application = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in &manifest.variables {
            let value = match given.get(name) {
                Some(value) => Some(value.clone()),
                None => from_environment(name, &environment)?.or_else(|| variable.default.clone()),
            };
            match value {
                Some(value) => _ = application.insert(name.clone(), value),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(VariableError::Missing(missing));
        }
        let mut variables = Self {
            application,
            components: BTreeMap::new(),
        };
        for (id, component) in &manifest.components {
            let mut values = BTreeMap::new();
            for (name, template) in &component.variables {
                values.insert(name.clone(), variables.expand(template)?);
            }
            variables.components.insert(id.clone(), values);
        }
        Ok(variables)
    }

    /// The value of a variable of the application, if it has one of this name.
    pub fn of_application(&self, name: &str) -> Option<&str> {
        self.application.get(name).map(String::as_str)
    }

    /// Replaces the variables of a template by their values.
    ///
    /// # Errors
    /// The template names a variable that the application does not have; no template of the
    /// manifest that was resolved does.
    pub fn expand(&self, template: &Template) -> Result<String, VariableError> {
        template
            .expand(|name| self.application.get(name).map(String::as_str))
            .map_err(|name| VariableError::Unknown(name.into()))
    }

    /// The value of a component's variable.
    ///
    /// # Errors
    /// The component has no variable of this name.
    pub fn get(&self, component: &str, name: &str) -> Result<&str, LookupError> {
        if let Err(reason) = check_lower_snake(name) {
            return Err(LookupError::InvalidName {
                name: name.into(),
                reason,
            });
        }
        let value = self
            .components
            .get(component)
            .and_then(|values| values.get(name));
        value
            .map(String::as_str)
            .ok_or_else(|| LookupError::Undefined {
                component: component.into(),
                name: name.into(),
            })
    }
}

fn from_environment(
    name: &str,
    environment: impl Fn(&str) -> Result<String, VarError>,
) -> Result<Option<String>, VariableError> {
    let look_up = |name: &str| match environment(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(VariableError::NotUnicode(name.to_owned())),
    };
    let name = environment_name(name);
    match (look_up(&name)?, look_up(&format!("{name}_FILE"))?) {
        (Some(_), Some(_)) => Err(VariableError::Ambiguous(name)),
        (None, Some(path)) => {
            let text = read_file(Path::new(&path))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (value, None) => Ok(value),
    }
}

#[cfg(test)]
mod tests;
