//! From a composite to two factors.
use std::ops::ControlFlow;

use num_bigint::BigUint;

use crate::{
    ecm,
    modulus::with_modulus,
    pacer::{Interrupted, Pacer},
    rho, siqs,
};

/// How long rho is tried on what may be out of its reach: enough for most factors of 9 digits.
const RHO_ITERATIONS: u64 = 1 << 15;

/// A proper factor of `n`: an odd composite without a factor below [`crate::trial::BOUND`] that is
/// no perfect power.
///
/// Below 2^64 rho alone always ends within milliseconds. Above, the elliptic-curve method goes on
/// for as long as it takes, its cost growing with the smaller factor. A sieve, whose cost depends on
/// `n` only, belongs between the two for `n` that it handles in less time than the curves.
pub(crate) async fn split<P: AsyncFnMut() -> ControlFlow<()>>(
    n: &BigUint,
    pacer: &mut Pacer<P>,
    relations: impl FnMut(u32, u32),
) -> Result<BigUint, Interrupted> {
    if n.bits() > 55 && n.bits() < 290 {
        let debug = std::env::var("SIQS_DEBUG").is_ok();
        let parameters = siqs::Parameters::new(n.bits() as u32);
        if debug { eprintln!("{parameters:?}"); }
        if let Some(factor) = siqs::split(n, &parameters, pacer, relations).await? {
            return Ok(factor);
        }
        if debug { eprintln!("failed"); }
    }
    let rho_iterations = if n.bits() <= 64 {
        u64::MAX
    } else {
        RHO_ITERATIONS
    };
    with_modulus!(n, |modulus| {
        match rho::split(&modulus, rho_iterations, pacer).await? {
            Some(factor) => Ok(factor),
            None => ecm::split(&modulus, pacer).await,
        }
    })
}
