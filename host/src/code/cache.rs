//! The compilation cache: machine code on disk, keyed by everything that went into it.

use std::{
    fs::{self, File, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use blake3::Hash as Digest;
use tracing::{info, warn};
use wasmtime::{Engine, component::Component};

use crate::code::{aot, compiled::is_safe};

/// Names everything a compiled component depends on.
pub(crate) struct Key(blake3::Hasher);

impl Key {
    /// Starts with the engine: its version, its settings and this CPU's features.
    pub(crate) fn new(engine: &Engine) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let mut key = Self(blake3::Hasher::new());
        key.add(&hasher.finish().to_le_bytes());
        key
    }

    pub(super) fn digest(&self) -> Digest {
        self.0.finalize()
    }

    /// Adds one input. Its length goes in too, so that inputs cannot run into each other.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

/// Bytes that the directory may take: some builds of an application.
const LIMIT: u64 = 1 << 30;

/// A directory of compiled components.
pub(crate) struct Cache {
    dir: PathBuf,
    opened: SystemTime,
    limit: u64,
}

impl Cache {
    /// Opens the cache in `dir`, making it when it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made, or others could plant machine code in it.
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("cannot make the cache directory {}", dir.display()))?;
        ensure!(
            is_safe(&dir)?,
            "the cache directory {} can be written by others; name another one with --cache-dir",
            dir.display()
        );
        Ok(Self {
            dir,
            opened: SystemTime::now(),
            limit: LIMIT,
        })
    }

    /// Where the cache lies when no directory is named: `$XDG_CACHE_HOME/routelets` or
    /// `~/.cache/routelets`.
    pub(crate) fn default_dir() -> Option<PathBuf> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(base.join("routelets"))
    }

    /// The component for `key`, if it is there.
    pub(crate) fn find(&self, engine: &Engine, key: &Key) -> Option<Component> {
        let path = self.path(key);
        let component = Self::load(engine, &path)?;
        // Where it cannot be marked it cannot be removed either.
        _ = Self::mark(&path);
        Some(component)
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{}.cwasm", key.digest().to_hex()))
    }

    /// The component for `key`, compiled from what `wasm` returns when it is not there yet. Where several processes miss the
    /// same component, one compiles it and the others wait for it.
    ///
    /// # Errors
    /// When `wasm` fails or its bytes do not compile. A cache that cannot be read or written costs
    /// time, no more.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        key: &Key,
        wasm: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Component> {
        if let Some(component) = self.find(engine, key) {
            return Ok(component);
        }
        let path = self.path(key);
        // Without locks, on some network file systems, each process compiles for itself.
        let _lock = Lock::acquire(path.with_extension("lock")).ok();
        if let Some(component) = self.find(engine, key) {
            return Ok(component);
        }
        let code = engine.precompile_component(&wasm()?)?;
        if let Err(error) = self.store(&path, &code).and_then(|()| self.trim()) {
            warn!(
                "cannot write to the cache directory {}: {error}",
                self.dir.display()
            );
        }
        Ok(aot::from_code(engine, &code)?)
    }

    /// Loads what an earlier run stored, if it is whole: code is mapped and run as it stands, so a
    /// flipped bit on the disk must be found here.
    fn load(engine: &Engine, path: &Path) -> Option<Component> {
        let recorded = fs::read_to_string(digest_path(path)).ok()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path).ok()?).ok()?;
        if hasher.finalize() != Digest::from_hex(recorded.trim()).ok()? {
            return None;
        }
        aot::from_file(engine, path).ok()
    }

    fn store(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        self.write(path, code)?;
        self.write(&digest_path(path), blake3::hash(code).to_hex().as_bytes())?;
        // The kernel's clock for files lags behind the one that `opened` is from.
        Self::mark(path)
    }

    /// Marks an entry as used now.
    fn mark(path: &Path) -> io::Result<()> {
        let now = SystemTime::now();
        File::open(path)?.set_modified(now)?;
        File::open(digest_path(path))?.set_modified(now)
    }

    /// Removes what has not been used for longest until the limit holds, but nothing that was used
    /// since this cache was opened. A file that some process runs stays with it when it is removed.
    fn trim(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // Another process may have removed it.
            if let Ok(meta) = entry.metadata() {
                files.push((meta.modified()?, meta.len(), entry.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (used, bytes, path) in files {
            if total <= self.limit || used >= self.opened {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= bytes,
            }
        }
        Ok(())
    }

    /// Writes a file so that a reader sees all of it or nothing.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new")
            .tempfile_in(&self.dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

/// Held by the process that compiles a component. It ends with the process, however that ends.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn acquire(path: PathBuf) -> io::Result<Self> {
        let file = File::create(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                info!("another process is compiling the same component; waiting for it");
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { path, _file: file })
    }
}

impl Drop for Lock {
    /// Whoever waits for the removed file finds the component, and so does whoever makes a new one.
    fn drop(&mut self) {
        // If this fails, an empty file stays behind.
        _ = fs::remove_file(&self.path);
    }
}

fn digest_path(path: &Path) -> PathBuf {
    path.with_extension("blake3")
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, os::unix::fs::PermissionsExt, sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::code::engine::{Limits, engine};

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    /// Opens a component through the cache; tells whether it was compiled.
    fn compiled(cache: &Cache, engine: &Engine, input: &str) -> bool {
        let asked = Cell::new(false);
        let mut key = Key::new(engine);
        key.add(input.as_bytes());
        let wasm = || {
            asked.set(true);
            Ok(EMPTY.to_vec())
        };
        cache.component(engine, &key, wasm).unwrap();
        asked.get()
    }

    fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
        let paths = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect()
    }

    #[test]
    fn compiles_once_and_again_when_a_file_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path().join("cache")).unwrap();
        let engine = engine(Limits::COMPILING).unwrap();
        assert!(compiled(&cache, &engine, "a"));
        assert!(!compiled(&cache, &engine, "a"));
        assert!(
            compiled(&cache, &engine, "b"),
            "another input has another key"
        );
        for extension in ["cwasm", "blake3"] {
            for path in files(&cache.dir, extension) {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&path, &bytes).unwrap();
                assert!(Cache::load(&engine, &path.with_extension("cwasm")).is_none());
                fs::write(&path, &bytes[..middle]).unwrap();
                assert!(Cache::load(&engine, &path.with_extension("cwasm")).is_none());
            }
            assert!(compiled(&cache, &engine, "a"));
            assert!(!compiled(&cache, &engine, "a"));
            assert!(compiled(&cache, &engine, "b"));
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(Limits::COMPILING).unwrap();
        let open = |limit| {
            let cache = Cache::open(dir.path().join("cache")).unwrap();
            Cache { limit, ..cache }
        };
        let cache = open(u64::MAX);
        for input in ["a", "b", "c"] {
            assert!(compiled(&cache, &engine, input));
        }
        let size = |cache: &Cache| -> u64 {
            let files = fs::read_dir(&cache.dir).unwrap();
            files
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum()
        };
        let one = size(&cache) / 3;
        assert!(!compiled(&cache, &engine, "a"));

        let cache = open(3 * one);
        assert!(compiled(&cache, &engine, "d"));
        assert_eq!(size(&cache), 3 * one);
        assert!(!compiled(&cache, &engine, "a"), "used after b and c");
        assert!(!compiled(&cache, &engine, "c"));
        assert!(compiled(&cache, &engine, "b"), "removed for d");
        assert_eq!(size(&cache), 4 * one, "all were used since it was opened");
    }

    #[test]
    fn what_is_being_compiled_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Cache::open(dir.path().join("cache")).unwrap();
        let engine = engine(Limits::COMPILING).unwrap();
        let (started, compiles) = mpsc::channel();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                let mut key = Key::new(&engine);
                key.add(b"a");
                let wasm = || {
                    started.send(()).unwrap();
                    thread::sleep(Duration::from_millis(200));
                    Ok(EMPTY.to_vec())
                };
                open().component(&engine, &key, wasm).unwrap();
            });
            compiles.recv().unwrap();
            assert!(!compiled(&open(), &engine, "a"));
            first.join().unwrap();
        });
        assert!(files(&open().dir, "lock").is_empty());
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(dir.path().into()).is_err());
    }

    #[test]
    fn a_cache_that_cannot_be_written_costs_time_only() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path().join("cache")).unwrap();
        fs::remove_dir(&cache.dir).unwrap();
        let engine = engine(Limits::COMPILING).unwrap();
        assert!(compiled(&cache, &engine, "a"));
    }

    #[test]
    fn inputs_do_not_run_into_each_other() {
        let engine = engine(Limits::COMPILING).unwrap();
        let digest = |inputs: &[&str]| {
            let mut key = Key::new(&engine);
            inputs.iter().for_each(|input| key.add(input.as_bytes()));
            key.digest()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
    }
}
