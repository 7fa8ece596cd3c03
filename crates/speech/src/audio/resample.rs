//! Mono audio of any rate to [`SAMPLE_RATE`].

use fourier::audioadapter_buffers::{SizeError, direct::InterleavedSlice};
use fourier::{Indexing, ResampleError, ResampleResult, ResamplerConstructionError};

use super::SAMPLE_RATE;

/// The approximate number of frames that are resampled at once.
const CHUNK: usize = 1024;
/// The longest input, in frames, that is resampled to a whole number of frames.
const LONGEST_PERIOD: u32 = 16_384;

/// Resamples one stream. Its output begins with its input and is as long, to the nearest sample.
pub(super) struct Resampler {
    /// `None` if the rates are equal.
    inner: Option<Box<dyn fourier::Resampler<f32>>>,
    rate: u32,
    input: Vec<f32>,
    output: Vec<f32>,
    /// Samples that came in, and that went out.
    taken: u64,
    given: u64,
    /// Samples of the filter's delay still to be dropped.
    delay: usize,
}

impl Resampler {
    /// For input of `rate` Hz, which must be in the range of [`super::codec::RATES`].
    pub(super) fn new(rate: u32) -> Result<Self, ResamplerConstructionError> {
        let inner = if rate == SAMPLE_RATE {
            None
        } else {
            let (from, to) = ratio(rate);
            // An even number of periods: the filter of an odd one is delayed by half a sample.
            let periods = CHUNK.div_ceil(from).next_multiple_of(2);
            Some(fourier::resampler(from, to, from * periods)?)
        };
        Ok(Self {
            delay: inner.as_ref().map_or(0, |it| it.output_delay()),
            output: vec![0.0; inner.as_ref().map_or(0, |it| it.output_frames_max())],
            inner,
            rate,
            input: Vec::new(),
            taken: 0,
            given: 0,
        })
    }

    /// Where decoded samples are put.
    pub(super) fn input(&mut self) -> &mut Vec<f32> {
        &mut self.input
    }

    /// Appends the next block to `to`, if enough input is there for one.
    pub(super) fn process(&mut self, to: &mut Vec<f32>) -> ResampleResult<bool> {
        let Some(inner) = &self.inner else {
            let any = !self.input.is_empty();
            self.taken += self.input.len() as u64;
            self.given = self.taken;
            to.append(&mut self.input);
            return Ok(any);
        };
        let needed = inner.input_frames_next();
        if self.input.len() < needed {
            return Ok(false);
        }
        self.taken += needed as u64;
        self.step(needed, u64::MAX, to)?;
        self.input.drain(..needed);
        Ok(true)
    }

    /// Appends one more block of the rest at the end of the input; false when nothing is left.
    pub(super) fn finish(&mut self, to: &mut Vec<f32>) -> ResampleResult<bool> {
        if self.process(to)? {
            return Ok(true);
        }
        let rest = self.input.len();
        self.taken += rest as u64;
        let total = self.taken * u64::from(SAMPLE_RATE);
        let total = (total + u64::from(self.rate) / 2) / u64::from(self.rate);
        if self.given >= total {
            return Ok(false);
        }
        self.step(rest, total, to)?;
        self.input.clear();
        Ok(true)
    }

    /// Resamples the first `frames` of the input, followed by silence, and appends what lies before `total`.
    fn step(&mut self, frames: usize, total: u64, to: &mut Vec<f32>) -> ResampleResult<()> {
        let Some(inner) = &mut self.inner else {
            return Ok(());
        };
        let indexing = Indexing::new().partial_len(frames);
        let length = self.output.len();
        let input = InterleavedSlice::new(&self.input, 1, self.input.len()).map_err(size)?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, length).map_err(size)?;
        let (_, written) = inner.process_into_buffer(&input, &mut output, Some(&indexing))?;
        let skipped = self.delay.min(written);
        self.delay -= skipped;
        let wanted = usize::try_from(total - self.given).unwrap_or(usize::MAX);
        let kept = self.output.get(skipped..written).unwrap_or_default();
        let kept = kept.get(..wanted).unwrap_or(kept);
        self.given += kept.len() as u64;
        to.extend(kept.iter().map(|sample| sample.clamp(-1.0, 1.0)));
        Ok(())
    }
}

/// Lengths in which `rate` and [`SAMPLE_RATE`] have whole numbers of frames. For a rate without such a short length, like
/// 48,001 Hz, the closest ones; the error is less than 0.1 ms in a second.
fn ratio(rate: u32) -> (usize, usize) {
    let (rate, target) = (u64::from(rate), u64::from(SAMPLE_RATE));
    let best = (1..=u64::from(LONGEST_PERIOD))
        .map(|from| (from, ((from * target + rate / 2) / rate).max(1)))
        .min_by(|&(from, to), &(other_from, other_to)| {
            // |from / to − rate / target|, without dividing.
            let error = (from * target).abs_diff(to * rate);
            let other = (other_from * target).abs_diff(other_to * rate);
            (error * other_to)
                .cmp(&(other * to))
                .then(from.cmp(&other_from))
        });
    best.map_or((1, 1), |(from, to)| (from as usize, to as usize))
}

fn size(_: SizeError) -> ResampleError {
    ResampleError::InsufficientInputBufferSize {
        expected: 0,
        actual: 0,
    }
}
