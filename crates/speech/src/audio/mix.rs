//! Mixes the channels of a file for recognition.

/// The most frames over which sides are compared, 85 ms at 48 kHz, and the frames of other rates in a second by
/// which it is divided.
const WINDOW: usize = 4096;
const WINDOWS: usize = 10;
/// Channels cancel each other if the energy of their sum is less than this part of the sum of their energies. The ratio is 1
/// for one channel alone, for independent channels and for channels a quarter of a period apart, 2 for equal channels and 0
/// for inverted ones. At 0.2, the average of equally loud channels is 10 dB below either of them.
const CANCELS: f64 = 0.2;
/// From this ratio on they are averaged again.
const HEARD: f64 = 0.4;
/// A channel counts as louder than another from this ratio of energies on.
const LOUDER: f64 = 2.0;
/// Energy of a frame below which there is nothing to compare, −100 dB.
const SILENCE: f64 = 1e-10;

/// The choice for all channels.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Choice {
    Average,
    Side(usize),
}

/// Mixes the channels of a stream to one: to their average or, if they cancel each other, to the loudest. They do in stereo
/// with one side inverted.
///
/// It decides for each tenth of a second, so that neither a silent beginning nor a second voice decides for the rest, and
/// blends from one choice to the next. It buffers only one window. A wrong guess costs nothing: channels that cancel each
/// other have the same content.
pub(super) struct Mixer {
    /// Frames of a window, and those of a blend.
    size: usize,
    fade: usize,
    channels: usize,
    window: Vec<f32>,
    choice: Option<Choice>,
}

/// Sum and sum of squares.
#[derive(Default, Clone, Copy)]
struct Level {
    sum: f64,
    squares: f64,
}

impl Mixer {
    /// For `rate` frames in a second.
    pub(super) fn new(rate: u32) -> Self {
        let rate = rate as usize;
        Self {
            size: (rate / WINDOWS).clamp(1, WINDOW),
            fade: (rate / 100).max(1),
            channels: 1,
            window: Vec::new(),
            choice: None,
        }
    }

    /// Mixes frames with this many channels and appends the result to `to`.
    pub(super) fn push(&mut self, frames: &[f32], channels: usize, to: &mut Vec<f32>) {
        if channels != self.channels {
            self.finish(to);
            (self.channels, self.choice) = (channels, None);
        }
        if channels == 1 {
            to.extend_from_slice(frames);
            return;
        }
        let full = self.size * channels;
        let mut rest = frames;
        while !rest.is_empty() {
            let room = full.saturating_sub(self.window.len()).min(rest.len());
            let (part, next) = rest.split_at(room);
            self.window.extend_from_slice(part);
            rest = next;
            if self.window.len() >= full {
                self.finish(to);
            }
        }
    }

    /// Mixes the rest.
    pub(super) fn finish(&mut self, to: &mut Vec<f32>) {
        if self.window.is_empty() {
            return;
        }
        let choice = self.choose();
        let previous = self.choice.replace(choice).unwrap_or(choice);
        let fade = if previous == choice { 0 } else { self.fade };
        let frames = self.window.chunks_exact(self.channels);
        to.extend(frames.clone().take(fade).enumerate().map(|(i, frame)| {
            let share = (i as f32 + 0.5) / fade as f32;
            previous.of(frame) * (1.0 - share) + choice.of(frame) * share
        }));
        to.extend(frames.skip(fade).map(|frame| choice.of(frame)));
        self.window.clear();
    }

    /// The choice for the window.
    fn choose(&self) -> Choice {
        let mut sides = vec![Level::default(); self.channels];
        let mut whole = Level::default();
        for frame in self.window.chunks_exact(self.channels) {
            let mut sum = 0.0;
            for (side, &sample) in sides.iter_mut().zip(frame) {
                side.add(sample);
                sum += sample;
            }
            whole.add(sum);
        }
        let frames = (self.window.len() / self.channels) as f64;
        let energies: Vec<f64> = sides.iter().map(|side| side.energy(frames)).collect();
        let total: f64 = energies.iter().sum();
        if total <= SILENCE * frames {
            return self.choice.unwrap_or(Choice::Average);
        }
        let enough = match self.choice {
            Some(Choice::Side(_)) => HEARD,
            _ => CANCELS,
        };
        if whole.energy(frames) >= enough * total {
            return Choice::Average;
        }
        let energy = |side: usize| energies.get(side).copied().unwrap_or(0.0);
        let loudest = (0..self.channels)
            .max_by(|&a, &b| energy(a).total_cmp(&energy(b)).then(b.cmp(&a)))
            .unwrap_or(0);
        match self.choice {
            Some(Choice::Side(side)) if energy(loudest) <= LOUDER * energy(side) => {
                Choice::Side(side)
            }
            _ => Choice::Side(loudest),
        }
    }
}

impl Choice {
    fn of(self, frame: &[f32]) -> f32 {
        match self {
            Self::Average => frame.iter().sum::<f32>() * (1.0 / frame.len() as f32),
            Self::Side(side) => frame.get(side).copied().unwrap_or(0.0),
        }
    }
}

impl Level {
    fn add(&mut self, sample: f32) {
        let sample = f64::from(sample);
        self.sum += sample;
        self.squares += sample * sample;
    }

    /// Energy without the constant part, which is inaudible.
    fn energy(self, frames: f64) -> f64 {
        (self.squares - self.sum * self.sum / frames).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    const RATE: u32 = 16_000;

    fn mixed(frames: &[f32], channels: usize, portion: usize) -> Vec<f32> {
        let mut mixer = Mixer::new(RATE);
        let mut mixed = Vec::new();
        for portion in frames.chunks(portion * channels) {
            mixer.push(portion, channels, &mut mixed);
        }
        mixer.finish(&mut mixed);
        mixed
    }

    /// A second of 197 Hz, `left` and `right` times as loud. No window ends where it is zero.
    fn sides(left: f32, right: f32) -> impl Iterator<Item = f32> {
        (0..RATE).flat_map(move |i| {
            let sample = 0.5 * (TAU * 197.0 * i as f32 / RATE as f32).sin();
            [left * sample, right * sample]
        })
    }

    fn loudest(samples: &[f32]) -> f32 {
        samples
            .iter()
            .fold(0.0, |most, sample| most.max(sample.abs()))
    }

    #[test]
    fn takes_the_louder_side_only_where_both_cancel() {
        for (left, right, loud) in [
            (1.0, -1.0, 0.5),
            (1.0, -0.6, 0.5),
            (-0.6, 1.0, 0.5),
            (1.0, 1.0, 0.5),
            (1.0, 0.0, 0.25),
            (1.0, -0.3, 0.175),
            (0.0, 0.0, 0.0),
        ] {
            let frames: Vec<f32> = sides(left, right).collect();
            let found = loudest(&mixed(&frames, 2, 1000));
            assert!((found - loud).abs() < 1e-3, "{found} of {left} and {right}");
        }
    }

    #[test]
    fn a_constant_part_on_both_sides_hides_nothing() {
        let frames: Vec<f32> = sides(0.2, -0.2).map(|sample| sample + 0.3).collect();
        let found = loudest(&mixed(&frames, 2, 1000));
        assert!((found - 0.4).abs() < 1e-3, "{found}");
    }

    #[test]
    fn one_of_several_channels_is_averaged_and_opposed_ones_are_heard() {
        let spread = |parts: [f32; 4]| -> Vec<f32> {
            let one = sides(1.0, 0.0).step_by(2);
            one.flat_map(|sample| parts.map(|part| part * sample))
                .collect()
        };
        let found = loudest(&mixed(&spread([0.0, 1.0, 0.0, 0.0]), 4, 1000));
        assert!((found - 0.125).abs() < 1e-3, "{found}");
        let found = loudest(&mixed(&spread([0.8, -0.8, 0.8, -0.8]), 4, 1000));
        assert!((found - 0.4).abs() < 1e-3, "{found}");
    }

    #[test]
    fn changes_without_a_click_and_goes_on_as_the_sound_does() {
        // Silence, opposed sides, the right one louder, equal sides, opposed ones, one side, silence; how loud each is.
        let parts = [
            ((0.0, 0.0), 0.0),
            ((1.0, -0.9), 0.5),
            ((0.5, -1.0), 0.5),
            ((0.9, 0.9), 0.45),
            ((0.9, -0.9), 0.45),
            ((0.0, 0.8), 0.2),
            ((0.0, 0.0), 0.0),
        ];
        // Changes fall into the middle of windows.
        let length = RATE as usize - 700;
        let frames = parts
            .iter()
            .flat_map(|&((left, right), _)| sides(left, right).take(2 * length));
        let mixed = mixed(&frames.collect::<Vec<_>>(), 2, 333);
        assert_eq!(mixed.len(), parts.len() * length);
        for (i, (samples, (_, loud))) in mixed.chunks(length).zip(parts).enumerate() {
            let found = loudest(&samples[length / 2..]);
            assert!((found - loud).abs() < 1e-3, "{found} in part {i}");
        }
        // No steeper than the tone itself and a blend of its two choices.
        let tone = 0.5 * TAU * 197.0 / RATE as f32;
        let blend = 1.0 / (RATE / 100) as f32;
        for (i, pair) in mixed.windows(2).enumerate() {
            let step = (pair[1] - pair[0]).abs();
            // What the signal itself does where one part follows another.
            let between = (i + 1) % length == 0;
            assert!(between || step < tone + blend, "{step} after {i}");
        }
    }

    #[test]
    fn a_stream_that_changes_its_channels_is_mixed_to_the_end() {
        let mut mixer = Mixer::new(RATE);
        let mut mixed = Vec::new();
        let stereo: Vec<f32> = sides(1.0, -1.0).take(2 * 1000).collect();
        mixer.push(&stereo, 2, &mut mixed);
        mixer.push(&[0.25; 10], 1, &mut mixed);
        assert_eq!(mixed.len(), 1010);
        assert!(loudest(&mixed[..1000]) > 0.49);
        assert_eq!(mixed[1000..], [0.25; 10]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Nothing is lost, whatever the portions, and nothing is louder than the loudest sample.
        #[test]
        fn portions_make_no_difference(
            channels in 1usize..6,
            samples in proptest::collection::vec(-1.0f32..=1.0, 0..20_000),
            portion in 1usize..4000,
        ) {
            let frames = samples.len() / channels;
            let samples = &samples[..frames * channels];
            let whole = mixed(samples, channels, frames.max(1));
            prop_assert_eq!(whole.len(), frames);
            prop_assert!(loudest(&whole) <= loudest(samples) + 1e-6);
            prop_assert_eq!(mixed(samples, channels, portion), whole);
        }
    }
}
