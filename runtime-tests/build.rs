//! Sets the condition `spin` when the tests run on Spin, so that tests that do not apply are ignored with a reason: libtest
//! cannot ignore a test at run time.

fn main() {
    println!("cargo::rerun-if-env-changed=RUNTIME");
    println!("cargo::rustc-check-cfg=cfg(spin)");
    if std::env::var_os("RUNTIME").is_some_and(|runtime| runtime == "spin") {
        println!("cargo::rustc-cfg=spin");
    }
}
