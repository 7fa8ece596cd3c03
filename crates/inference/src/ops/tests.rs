//! Each operator against the one of tract's that it takes the place of.

use proptest::prelude::*;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{Approximation, AxesMapping};
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{add, max};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::rewrite;
use kernels::Pace;

/// A tensor of values between -1 and 1.
fn tensor(seed: usize, shape: &[usize]) -> Tensor {
    let length: usize = shape.iter().product();
    let values: Vec<f32> = (0..length)
        .map(|i| (((i + 1) * (seed * 7919 + 104_729)) % 2003) as f32 / 1001.5 - 1.0)
        .collect();
    Tensor::from_shape(shape, &values).unwrap()
}

/// Wires a graph with inputs of these shapes, runs it with and without the operators of this crate, and compares. `named`
/// must be among them.
fn compare(
    named: &str,
    inputs: &[Vec<usize>],
    wire: impl FnOnce(&mut TypedModel, &[OutletId]) -> TractResult<TVec<OutletId>>,
) {
    let mut model = TypedModel::default();
    let sources: Vec<OutletId> = inputs
        .iter()
        .enumerate()
        .map(|(i, shape)| {
            model
                .add_source(format!("input{i}"), f32::fact(shape))
                .unwrap()
        })
        .collect();
    let output = wire(&mut model, &sources).unwrap();
    model.select_output_outlets(&output).unwrap();
    let values: TVec<TValue> = inputs
        .iter()
        .enumerate()
        .map(|(i, shape)| tensor(i + 11, shape).into_tvalue())
        .collect();

    let mut rewritten = model.clone();
    rewrite(&mut rewritten, Pace(|| ())).unwrap();
    rewritten.compact().unwrap();
    let names: Vec<_> = rewritten
        .nodes()
        .iter()
        .map(|node| node.op().name())
        .collect();
    assert!(names.iter().any(|name| name == named), "{names:?}");

    let run = |model: TypedModel| {
        let plan = model.into_optimized().unwrap().into_runnable().unwrap();
        plan.run(values.clone()).unwrap().remove(0).into_tensor()
    };
    let (expected, found) = (run(model), run(rewritten));
    assert_eq!(expected.shape(), found.shape());
    found
        .close_enough(&expected, Approximation::Custom(1e-4, 1e-4, 0.0))
        .unwrap();
}

/// Adds the constant, then a ReLU, behind an output.
fn finish(
    model: &mut TypedModel,
    output: OutletId,
    bias: Option<Tensor>,
    relu: bool,
) -> TractResult<TVec<OutletId>> {
    let mut output = tvec!(output);
    if let Some(bias) = bias {
        let bias = model.add_const("bias.add", bias)?;
        output = model.wire_node("add", add(), &[output[0], bias])?;
    }
    if relu {
        let rank = model.outlet_fact(output[0])?.rank();
        let zero = model.add_const("zero", Tensor::zero::<f32>(&vec![1; rank])?)?;
        output = model.wire_node("relu", max(), &[zero, output[0]])?;
    }
    Ok(output)
}

#[derive(Clone, Debug)]
struct Case {
    format: DataFormat,
    group: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: (usize, usize),
    length: usize,
    relu: bool,
    plane: bool,
}

fn case() -> impl Strategy<Value = Case> {
    use DataFormat::{CHW, HWC, NCHW, NHWC};
    let format = prop::sample::select(vec![CHW, HWC, NCHW, NHWC]);
    let channels = (1..4usize, 1..6usize, 1..9usize, any::<bool>());
    (
        format,
        channels,
        1..6usize,
        1..4usize,
        1..3usize,
        (0..4usize, 0..4usize),
        12..60usize,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(
                format,
                (group, inputs, outputs, depthwise),
                kernel,
                stride,
                dilation,
                padding,
                length,
                relu,
                plane,
            )| {
                let (group, inputs, outputs) = if depthwise {
                    (inputs + 1, 1, 1)
                } else {
                    (group, inputs, outputs)
                };
                Case {
                    format,
                    group,
                    inputs,
                    outputs,
                    kernel,
                    stride,
                    dilation,
                    padding,
                    length,
                    relu,
                    plane,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn convolutions(case in case()) {
        let Case { format, group, inputs, outputs, kernel, stride, dilation, padding, length, relu, plane } = case;
        let (channels_in, channels_out) = (group * inputs, group * outputs);
        // A second axis of length 1, as the two-dimensional form of a one-dimensional convolution has.
        let with = |one: usize, along: usize| if plane { tvec!(along, one) } else { tvec!(along) };
        let shape = format.from_n_c_hw(1, channels_in, with(1, length)).unwrap().shape.to_vec();
        let spec = PoolSpec {
            data_format: format,
            kernel_shape: with(1, kernel),
            padding: PaddingSpec::Explicit(with(0, padding.0), with(0, padding.1)),
            dilations: Some(with(1, dilation)),
            strides: Some(with(1, stride)),
            input_channels: channels_in,
            output_channels: channels_out,
        };
        let named = if inputs == 1 && outputs == 1 { "Depthwise" } else { "Convolution" };
        compare(named, &[shape], |model, sources| {
            let mut kernels = vec![channels_out, inputs, kernel];
            kernels.extend(plane.then_some(1));
            let kernels = model.add_const("kernels", tensor(1, &kernels))?;
            let bias = model.add_const("bias", tensor(2, &[channels_out]))?;
            let conv = Conv::new(spec, KernelFormat::OIHW, group, None);
            let output = model.wire_node("conv", conv, &[sources[0], kernels, bias])?;
            finish(model, output[0], None, relu)
        });
    }

    #[test]
    fn linear_layers(
        expression in prop::sample::select(vec![
            ("mk,kn->mn", false), ("km,kn->mn", false), ("mk,kn->nm", false), ("NIH,OI->OH", true),
            ("bmk,kn->bmn", false), ("bmk,kn->mbn", false), ("btk,khd->bhtd", false), ("bhtd,hdn->btn", false),
            ("mk,nk->nm", true),
        ]),
        sizes in prop::collection::vec(1..30usize, 8),
        swapped: bool,
        biased: bool,
        relu: bool,
    ) {
        let (expression, _) = expression;
        let size = |axis: char| match axis {
            // Summed over, or the same in both.
            'b' | 'N' => 1 + sizes[0] % 3 * usize::from(axis == 'b'),
            axis => sizes[axis as usize % 8],
        };
        let (inputs, to) = expression.split_once("->").unwrap();
        let (a, b) = inputs.split_once(',').unwrap();
        let shape = |axes: &str| axes.chars().map(size).collect::<Vec<_>>();
        let (moving, fixed) = (shape(a), shape(b));
        let order = if swapped { format!("{b},{a}->{to}") } else { expression.to_owned() };
        let axes: AxesMapping = order.parse().unwrap();
        // Along the axes of the constant alone.
        let along: Vec<usize> = to.chars().map(|axis| if a.contains(axis) { 1 } else { size(axis) }).collect();
        let bias = biased.then(|| tensor(5, &along));
        compare("Contraction", &[moving], |model, sources| {
            let weights = model.add_const("weights", tensor(3, &fixed))?;
            let inputs = if swapped { [weights, sources[0]] } else { [sources[0], weights] };
            let output = model.wire_node("product", EinSum::new(axes, f32::datum_type()), &inputs)?;
            finish(model, output[0], bias, relu)
        });
    }

    #[test]
    fn products_of_two_inputs(
        expression in prop::sample::select(vec![
            "hmk,hnk->hmn", "bhmk,bhkn->bhmn", "hmk,hkn->mhn", "mhk,nhk->hmn", "mk,nk->nm",
        ]),
        sizes in prop::collection::vec(1..20usize, 8),
    ) {
        let (inputs, _) = expression.split_once("->").unwrap();
        let shapes: Vec<Vec<usize>> = inputs
            .split(',')
            .map(|axes| axes.chars().map(|axis| sizes[axis as usize % 8]).collect())
            .collect();
        let axes: AxesMapping = expression.parse().unwrap();
        compare("Contraction", &shapes, |model, sources| {
            model.wire_node("product", EinSum::new(axes, f32::datum_type()), sources)
        });
    }
}
