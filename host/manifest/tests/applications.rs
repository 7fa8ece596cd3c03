//! The two applications of this repository.

use std::path::Path;

use manifest::Manifest;

/// The image has the machine code of each component once, by its name.
#[test]
fn both_have_the_same_worker() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let [api, workers] = ["spin.toml", "spin.worker.toml"]
        .map(|name| Manifest::load(&root.join(name)).unwrap().components);
    let (one, other) = (&api["worker"], &workers["worker"]);
    assert_eq!(one.source, other.source);
    assert_eq!(
        format!("{:?}", one.dependencies),
        format!("{:?}", other.dependencies)
    );
    let commands = [one, other].map(|worker| worker.build.as_ref().unwrap().commands.clone());
    assert_eq!(commands[0], commands[1]);
}
