//! `files`: the part of the manifest's folder that a component sees.

use std::fs;
use std::io;
use std::path::{Component as Segment, Path, PathBuf};

use glob::Pattern;

use crate::model::{Component, FilesEntry};

/// A file that a component sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMapping {
    /// The file on this machine, absolute and without symbolic links.
    pub host: PathBuf,
    /// Where the component sees it, relative to its root folder; never leads out of it.
    pub guest: PathBuf,
}

/// Why the files of a component cannot be found or put in place.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A glob is malformed.
    #[error("'{pattern}' is not a glob pattern: {source}")]
    Pattern {
        /// The glob.
        pattern: String,
        /// The cause.
        source: glob::PatternError,
    },
    /// Nothing of that name exists, and it is not a glob.
    #[error("there is no file '{0}'")]
    NotFound(String),
    /// A folder stands where a file or a glob is wanted.
    #[error("'{0}' is a folder: use {{ source = …, destination = … }} or '{0}/**/*'")]
    Folder(String),
    /// The entry leads out of the manifest's folder, also by a symbolic link.
    #[error("{} is outside of the application's folder", .0.display())]
    Outside(PathBuf),
    /// The destination of a file is not a place for a file.
    #[error("'{0}' is not a destination for a file")]
    Destination(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FilesError + use<> {
    let path = path.to_owned();
    |source| FilesError::Io { path, source }
}

/// Finds the files that `component` sees, in the order of its `files`. A later one hides an
/// earlier one with the same `guest` path.
///
/// # Errors
/// An entry names nothing, is malformed, or leads out of `folder`, the manifest's.
pub fn expand_files(component: &Component, folder: &Path) -> Result<Vec<FileMapping>, FilesError> {
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let root = fs::canonicalize(folder).map_err(io_error(folder))?;
    let excluded: Vec<Pattern> = component
        .exclude_files
        .iter()
        .map(|glob| pattern(glob))
        .collect::<Result<_, _>>()?;
    let mut expansion = Expansion {
        root,
        excluded,
        found: Vec::new(),
    };
    for entry in &component.files {
        match entry {
            FilesEntry::Pattern(pattern) => expansion.add_pattern(pattern)?,
            FilesEntry::Placement {
                source,
                destination,
            } => {
                expansion.add_placement(source, destination)?;
            }
        }
    }
    Ok(expansion.found)
}

fn pattern(glob: &str) -> Result<Pattern, FilesError> {
    Pattern::new(glob).map_err(|source| FilesError::Pattern {
        pattern: glob.into(),
        source,
    })
}

struct Expansion {
    /// The manifest's folder, canonical.
    root: PathBuf,
    excluded: Vec<Pattern>,
    found: Vec<FileMapping>,
}

impl Expansion {
    fn add_pattern(&mut self, entry: &str) -> Result<(), FilesError> {
        let path = self.root.join(entry);
        if path.is_dir() {
            return Err(FilesError::Folder(entry.into()));
        }
        if path.exists() {
            let guest = inside(entry).ok_or_else(|| FilesError::Outside(path.clone()))?;
            return self.add_file(&path, guest);
        }
        if Pattern::escape(entry) == entry {
            return Err(FilesError::NotFound(entry.into()));
        }
        let root = self.root.clone();
        let glob = inside(entry).ok_or(FilesError::Outside(path))?;
        self.add_glob(&root, &glob.to_string_lossy(), Path::new(""))
    }

    fn add_placement(&mut self, source: &str, destination: &str) -> Result<(), FilesError> {
        let path = self.root.join(source);
        let invalid = || FilesError::Destination(destination.into());
        let guest = inside(destination.trim_start_matches('/')).ok_or_else(invalid)?;
        if path.is_dir() {
            return self.add_glob(&path, "**/*", &guest);
        }
        if !path.exists() {
            return Err(FilesError::NotFound(source.into()));
        }
        if guest.as_os_str().is_empty() || destination.ends_with('/') {
            return Err(invalid());
        }
        self.add_file(&path, guest)
    }

    /// Adds what `glob` finds below `base`, put below `guest`.
    fn add_glob(&mut self, base: &Path, glob: &str, guest: &Path) -> Result<(), FilesError> {
        let base = fs::canonicalize(base).map_err(io_error(base))?;
        self.relative_to_root(&base)?;
        // The folder's own name is not a pattern.
        let full = format!("{}/{glob}", Pattern::escape(&base.to_string_lossy()));
        let paths = glob::glob(&full).map_err(|source| FilesError::Pattern {
            pattern: glob.into(),
            source,
        })?;
        for path in paths {
            let path = path.map_err(|error| io_error(error.path())(error.into()))?;
            let Ok(below) = path.strip_prefix(&base) else {
                return Err(FilesError::Outside(path));
            };
            if path.is_file() && !self.is_excluded(&path) {
                self.add_file(&path, guest.join(below))?;
            }
        }
        Ok(())
    }

    fn is_excluded(&self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(&self.root) else {
            return false;
        };
        self.excluded
            .iter()
            .any(|pattern| pattern.matches_path(relative))
    }

    fn add_file(&mut self, path: &Path, guest: PathBuf) -> Result<(), FilesError> {
        let host = fs::canonicalize(path).map_err(io_error(path))?;
        self.relative_to_root(&host)?;
        self.found.push(FileMapping { host, guest });
        Ok(())
    }

    fn relative_to_root<'a>(&self, canonical: &'a Path) -> Result<&'a Path, FilesError> {
        canonical
            .strip_prefix(&self.root)
            .map_err(|_| FilesError::Outside(canonical.to_owned()))
    }
}

/// `path` without `.`, if it is relative and only leads down.
fn inside(path: &str) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for segment in Path::new(path).components() {
        match segment {
            Segment::Normal(name) => inside.push(name),
            Segment::CurDir => {}
            Segment::ParentDir | Segment::RootDir | Segment::Prefix(_) => return None,
        }
    }
    Some(inside)
}

/// Copies files to where a component sees them, below `root`, which becomes its root folder.
///
/// # Errors
/// A file cannot be copied.
pub fn stage_files(files: &[FileMapping], root: &Path) -> Result<(), FilesError> {
    for FileMapping { host, guest } in files {
        let path = root.join(guest);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        fs::copy(host, &path).map_err(io_error(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
