//! The loop of a kernel.

/// Calls `step` for each item of both slices, as far as both reach. The branch between two steps keeps LLVM from loading
/// the values of several steps first, which are more than there are registers for. Eight steps share the check with which a
/// WebAssembly runtime interrupts a loop.
#[inline(always)]
pub(crate) fn each<A, B>(a: &[A], b: &[B], mut step: impl FnMut(&A, &B)) {
    let mut steps = a.iter().zip(b);
    macro_rules! step {
        () => {
            let Some((a, b)) = steps.next() else {
                break;
            };
            step(a, b);
        };
    }
    loop {
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
    }
}
