//! Operators that replace those of tract that take nearly all the time.

mod axes;
mod contraction;
mod convolution;
mod depthwise;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use rewrite::rewrite;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::bail;

use kernels::product::Finish;

/// An operator that can also add a bias to its results, and replace negative results by 0.
pub(crate) trait Finishing: Sized {
    /// The operator with this as its last step; `None` if that is impossible.
    fn finishing(&self, step: &Step) -> Option<Self>;
}

/// A step that an operator can apply to each of its results.
pub(crate) enum Step {
    /// The constant is added; it has as many axes as the results, or fewer.
    Add(Arc<Tensor>),
    /// Negative results become 0.
    Relu,
}

/// `finish` with one more step. `bias` is that of the step, one for each packed item.
fn then(finish: &Finish, bias: Option<Vec<f32>>) -> Option<Finish> {
    if finish.relu {
        return None;
    }
    Some(match bias {
        None => Finish {
            bias: finish.bias.clone(),
            relu: true,
        },
        Some(bias) if finish.bias.is_empty() => Finish { bias, relu: false },
        Some(bias) => Finish {
            bias: finish.bias.iter().zip(bias).map(|(a, b)| a + b).collect(),
            relu: false,
        },
    })
}

/// The values of a float32 tensor.
pub(crate) fn floats(tensor: &Tensor) -> TractResult<&[f32]> {
    match tensor.try_as_plain_ram()?.as_slice::<f32>() {
        Ok(values) => Ok(values),
        Err(_) => bail!("expected 32-bit floats, not {:?}", tensor.datum_type()),
    }
}

/// A tensor of zeros, and its values.
pub(crate) fn output(
    shape: &[usize],
    fill: impl FnOnce(&mut [f32]) -> TractResult<()>,
) -> TractResult<TVec<TValue>> {
    let mut tensor = Tensor::zero::<f32>(shape)?;
    fill(tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
    Ok(tvec!(tensor.into_tvalue()))
}

/// The strides: the distance between neighbours along each axis.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The offsets of all combinations of indices along some axes, given as (length, stride); the last one runs fastest.
fn offsets(axes: impl IntoIterator<Item = (usize, usize)>) -> Vec<usize> {
    let mut offsets = vec![0];
    for (length, stride) in axes {
        offsets = offsets
            .iter()
            .flat_map(|offset| (0..length).map(move |i| offset + i * stride))
            .collect();
    }
    offsets
}
