//! What was written is read back as `crates/oci/src/loader.rs` of Spin reads it.

use serde_json::Value;
use tempfile::TempDir;

use super::*;

const APPLICATION_TOML: &str = r#"
spin_manifest_version = 2
[application]
name = "app"
version = "1.2.3"
authors = ["A", "B"]
[variables]
limit = { default = "" }
key = { required = true, secret = true }
[[trigger.http]]
route = "/main/..."
component = "main"
[[trigger.http]]
route = { private = true }
component = "runner"
[[trigger.redis]]
address = "{{ key }}"
channel = "c"
component = "runner"
[component.main]
source = "main.wasm"
files = ["small.txt", { source = "assets", destination = "/a" }]
allowed_outbound_hosts = ["http://runner.spin.internal", "{{ limit }}"]
dependencies = { "test:dep/answer@1.0.0" = { component = "dep" } }
[component.main.variables]
limit = "{{limit}}!"
[component.main.build]
command = "make"
[component.runner]
source = "dep.wasm"
sqlite_databases = ["default"]
environment = { A = "b" }
[component.dep]
source = "dep.wasm"
"#;

/// An application in a folder.
fn application(toml: &str) -> (TempDir, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let main = r#"(component (import "test:dep/answer@1.0.0" (instance
        (export "get" (func (result u32))))))"#;
    let dep = r#"(component
        (core module $m (func (export "get") (result i32) (i32.const 41)))
        (core instance $i (instantiate $m))
        (func $get (result u32) (canon lift (core func $i "get")))
        (instance $answer (export "get" (func $get)))
        (export "test:dep/answer@1.0.0" (instance $answer)))"#;
    fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, content) in [
        ("spin.toml", toml.as_bytes()),
        ("main.wasm", &wat::parse_str(main).unwrap()),
        ("dep.wasm", &wat::parse_str(dep).unwrap()),
        ("module.wasm", &wat::parse_str("(module)").unwrap()),
        ("small.txt", b"small"),
        ("assets/large.txt", &[b'x'; 129]),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let manifest = Manifest::load(folder.path()).unwrap();
    (folder, manifest)
}

fn written(manifest: &Manifest, out: &Path) -> String {
    write(manifest, BTreeMap::new(), out).unwrap()
}

/// A blob, which is what its descriptor says.
fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let bytes = fs::read(layout.join("blobs").join(digest.replace(':', "/"))).unwrap();
    assert_eq!(Descriptor::new("", &bytes).digest, digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The image's manifest.
fn image(layout: &Path) -> Value {
    let index = json(&fs::read(layout.join("index.json")).unwrap());
    json(&blob(layout, &index["manifests"][0]))
}

/// The bytes of the layers of a type, by their digests.
fn layers(layout: &Path, media_type: &str) -> BTreeMap<String, Vec<u8>> {
    image(layout)["layers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|layer| layer["mediaType"] == media_type)
        .map(|layer| {
            (
                layer["digest"].as_str().unwrap().into(),
                blob(layout, layer),
            )
        })
        .collect()
}

fn locked(layout: &Path) -> Value {
    let found = layers(layout, APPLICATION);
    assert_eq!(found.len(), 1);
    found.values().map(|bytes| json(bytes)).next().unwrap()
}

#[test]
fn the_locked_application_says_what_the_manifest_says() {
    let (folder, manifest) = application(APPLICATION_TOML);
    let out = folder.path().join("out");
    written(&manifest, &out);
    let digest = |bytes: &[u8]| Descriptor::new("", bytes).digest;
    let dep = digest(&fs::read(folder.path().join("dep.wasm")).unwrap());
    let main = composed("main", &manifest.components["main"]).unwrap();
    assert_eq!(
        locked(&out),
        json!({
            "spin_lock_version": 1,
            "must_understand": ["component_host_requirements"],
            "metadata": {
                "name": "app", "version": "1.2.3", "authors": ["A", "B"], "triggers": {},
            },
            "variables": {"key": {"secret": true}, "limit": {"default": ""}},
            "triggers": [
                {"id": "main-http-trigger", "trigger_type": "http",
                 "trigger_config": {"route": "/main/...", "component": "main"}},
                {"id": "runner-http-trigger", "trigger_type": "http",
                 "trigger_config": {"route": {"private": true}, "component": "runner"}},
                {"id": "runner-redis-trigger", "trigger_type": "redis", "trigger_config":
                 {"address": "{{ key }}", "channel": "c", "component": "runner"}},
            ],
            "components": [
                {"id": "dep", "source": {"content_type": "application/wasm", "digest": dep}},
                {
                    "id": "main",
                    "metadata": {
                        "allowed_outbound_hosts": ["http://runner.spin.internal", "{{ limit }}"],
                        "build": {"command": "make"},
                    },
                    "source": {"content_type": "application/wasm", "digest": digest(&main)},
                    "config": {"limit": "{{ limit }}!"},
                    "files": [
                        {"path": "a/large.txt", "digest": digest(&[b'x'; 129])},
                        {"path": "small.txt", "digest": digest(b"small"), "inline": "c21hbGw"},
                    ],
                    "host_requirements": {"local_service_chaining": "required"},
                },
                {
                    "id": "runner",
                    "metadata": {"databases": ["default"]},
                    "source": {"content_type": "application/wasm", "digest": dep},
                    "env": {"A": "b"},
                },
            ],
        })
    );
}

#[test]
fn every_content_is_a_layer_of_its_type() {
    let (folder, manifest) = application(APPLICATION_TOML);
    let out = folder.path().join("out");
    written(&manifest, &out);
    // `dep` and `runner` are one.
    let (wasm, data) = (layers(&out, WASM), layers(&out, DATA));
    assert_eq!((wasm.len(), data.len()), (2, 1));
    let locked = locked(&out);
    for component in locked["components"].as_array().unwrap() {
        assert!(wasm.contains_key(component["source"]["digest"].as_str().unwrap()));
        for file in component["files"].as_array().into_iter().flatten() {
            let layer = data.contains_key(file["digest"].as_str().unwrap());
            assert_ne!(layer, file.get("inline").is_some(), "{file}");
        }
    }
}

#[test]
fn the_image_is_one_that_registries_and_container_runtimes_take() {
    let (folder, manifest) = application(APPLICATION_TOML);
    let out = folder.path().join("out");
    let title = "org.opencontainers.image.title";
    let given = [(title.to_owned(), "another".to_owned())];
    write(&manifest, given.into(), &out).unwrap();
    let image = image(&out);
    assert_eq!(
        image["annotations"],
        json!({
            "org.opencontainers.image.authors": "A, B",
            "org.opencontainers.image.title": "another",
            "org.opencontainers.image.version": "1.2.3",
        })
    );
    assert_eq!(image["config"]["mediaType"], CONFIG);
    let config = json(&blob(&out, &image["config"]));
    let application = layers(&out, APPLICATION);
    let digest = application.keys().next().unwrap();
    assert_eq!(
        config["config"]["Labels"]["com.fermyon.spin.lockedAppDigest"],
        digest.as_str()
    );
    assert_eq!(config["architecture"], "wasm");
}

#[test]
fn the_same_application_has_the_same_digest() {
    let (folder, manifest) = application(APPLICATION_TOML);
    let out = folder.path().join("out");
    let first = written(&manifest, &out);
    // In the place of an earlier one, of which nothing stays.
    fs::write(out.join("blobs/sha256/old"), "").unwrap();
    assert_eq!(written(&manifest, &out), first);
    assert!(!out.join("blobs/sha256/old").exists());

    let (elsewhere, manifest) = application(APPLICATION_TOML);
    assert_eq!(written(&manifest, &elsewhere.path().join("out")), first);
    fs::write(elsewhere.path().join("small.txt"), "other").unwrap();
    assert_ne!(written(&manifest, &elsewhere.path().join("out")), first);
}

#[test]
fn one_kind_of_trigger_is_named_and_no_chaining_is_asked_for() {
    let toml = "spin_manifest_version = 2\n[application]\nname = \"app\"\n\
        [[trigger.redis]]\naddress = \"redis://h\"\nchannel = \"c\"\ncomponent = \"dep\"\n\
        [component.dep]\nsource = \"dep.wasm\"\n";
    let (folder, manifest) = application(toml);
    let out = folder.path().join("out");
    written(&manifest, &out);
    let locked = locked(&out);
    assert_eq!(locked["spin_lock_version"], 0);
    assert_eq!(locked["metadata"]["trigger"], json!({"type": "redis"}));
    assert_eq!(locked.get("must_understand"), None);
}

#[test]
fn what_is_wrong_is_said() {
    let (folder, manifest) = application(APPLICATION_TOML);
    let refusal = |manifest: &Manifest, out: &str| {
        let error = write(manifest, BTreeMap::new(), &folder.path().join(out)).unwrap_err();
        format!("{error:#}")
    };
    let error = refusal(&manifest, "assets");
    assert!(error.contains("not an OCI layout"), "{error}");
    assert!(folder.path().join("assets/large.txt").exists());

    for (source, expected) in [
        ("absent.wasm", "is it built?"),
        ("module.wasm", "is not a WebAssembly component"),
    ] {
        let mut manifest = manifest.clone();
        let component = manifest.components.get_mut("runner").unwrap();
        component.source = folder.path().join(source);
        let error = refusal(&manifest, "out");
        assert!(error.contains("component 'runner'"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
