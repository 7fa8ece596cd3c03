//! The names of imports that a dependency satisfies.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::id::check_kebab;

/// The name of a dependency: the imports of a component that it satisfies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DependencyName {
    /// `plain-name`: the import of that name.
    Plain(String),
    /// `namespace:name/interface@version`, where interface and version may be left out: the
    /// imports from that WIT package.
    Package {
        /// `namespace:name`
        package: String,
        /// Only this interface.
        interface: Option<String>,
        /// Only this version, exactly.
        version: Option<Version>,
    },
}

/// A dependency's name does not have the form `namespace:name/interface@version` or `name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is not a name of a dependency: {reason}")]
pub struct InvalidDependencyName {
    name: String,
    reason: String,
}

impl DependencyName {
    /// Whether the dependency satisfies the import `import` of a component.
    pub fn satisfies(&self, import: &str) -> bool {
        let (package, interface, version) = match self {
            Self::Plain(name) => return name == import,
            Self::Package {
                package,
                interface,
                version,
            } => (package, interface, version),
        };
        let Some((import_package, rest)) = import.split_once('/') else {
            return false;
        };
        let (import_interface, import_version) = match rest.split_once('@') {
            Some((interface, version)) => (interface, Version::parse(version).ok()),
            None => (rest, None),
        };
        package == import_package
            && interface
                .as_ref()
                .is_none_or(|interface| interface == import_interface)
            && (version.is_none() || *version == import_version)
    }

    /// The WIT package or the plain name, by which a composition identifies the dependency.
    pub fn package(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Package { package, .. } => package,
        }
    }
}

impl fmt::Display for DependencyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package())?;
        if let Self::Package {
            interface, version, ..
        } = self
        {
            if let Some(interface) = interface {
                write!(f, "/{interface}")?;
            }
            if let Some(version) = version {
                write!(f, "@{version}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for DependencyName {
    type Err = InvalidDependencyName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        parse(name).map_err(|reason| InvalidDependencyName {
            name: name.into(),
            reason,
        })
    }
}

fn parse(name: &str) -> Result<DependencyName, String> {
    if !name.contains([':', '/']) {
        check_kebab(name)?;
        return Ok(DependencyName::Plain(name.into()));
    }
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => {
            let version =
                Version::parse(version).map_err(|e| format!("version '{version}': {e}"))?;
            (path, Some(version))
        }
        None => (name, None),
    };
    let (package, interface) = match path.split_once('/') {
        Some((package, interface)) => (package, Some(interface)),
        None => (path, None),
    };
    let Some((namespace, package_name)) = package.split_once(':') else {
        return Err("a package is written 'namespace:name'".into());
    };
    for label in [Some(namespace), Some(package_name), interface]
        .into_iter()
        .flatten()
    {
        check_kebab(label).map_err(|reason| format!("'{label}': {reason}"))?;
    }
    Ok(DependencyName::Package {
        package: package.into(),
        interface: interface.map(Into::into),
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DependencyName {
        text.parse().unwrap()
    }

    #[test]
    fn parses_and_displays_alike() {
        for text in ["foo-bar", "a:b", "a:b@0.1.0", "a:b/c", "a:b/c@0.1.0-rc.1"] {
            assert_eq!(name(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        for bad in [
            "", "a_b", "a:", ":b", "a/b", "a:b/", "a:b@", "a:b@1", "a:b/c/d", "a:b:c",
        ] {
            assert!(bad.parse::<DependencyName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn satisfies_the_imports_that_spin_matches() {
        for (dependency, import, expected) in [
            ("foo:bar/baz@0.1.0", "foo:bar/baz@0.1.0", true),
            ("foo:bar/baz", "foo:bar/baz@0.1.0", true),
            ("foo:bar/baz", "foo:bar/baz", true),
            ("foo:bar", "foo:bar/baz@0.1.0", true),
            ("foo:bar", "foo:bar/baz", true),
            ("foo:bar@0.1.0", "foo:bar/baz@0.1.0", true),
            ("foo-bar", "foo-bar", true),
            ("foo:bar/baz@0.1.0", "foo:bar/baz", false),
            ("foo:bar/baz@0.1.0", "foo:bar/baz@0.1.1", false),
            ("foo:bar/baz", "foo:bar/bub", false),
            ("foo:bar", "foo:bub/bib", false),
            ("foo:bar@0.1.0", "foo:bar/baz", false),
            ("foo:bar/baz", "foo-bar", false),
        ] {
            assert_eq!(
                name(dependency).satisfies(import),
                expected,
                "{dependency} for {import}"
            );
        }
    }
}
