//! Sets the condition `spin` when the tests are to run on Spin, so that those that do not apply to it are ignored and
//! say why: libtest cannot ignore a test while it runs.

fn main() {
    println!("cargo::rerun-if-env-changed=RUNTIME");
    println!("cargo::rustc-check-cfg=cfg(spin)");
    if std::env::var_os("RUNTIME").is_some_and(|runtime| runtime == "spin") {
        println!("cargo::rustc-cfg=spin");
    }
}
