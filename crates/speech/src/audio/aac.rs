//! The configuration of an AAC decoder (ISO/IEC 14496-3, 1.6.2.1).
//!
//! Only AAC-LC is decoded. HE-AAC is AAC-LC at half the sample rate, with instructions to reconstruct the treble (SBR) and a
//! second channel (PS). Speech needs neither, so they are ignored.

use symphonia::core::codecs::audio::AudioCodecParameters;

use super::AudioError;

/// Sample rates in Hz by index (table 1.18).
pub(super) const RATES: [u32; 13] = [
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/// Parameters to decode the core of the stream with.
pub(super) fn core(parameters: &AudioCodecParameters) -> Result<AudioCodecParameters, AudioError> {
    let mut parameters = parameters.clone();
    // ADTS has none.
    let Some(data) = &parameters.extra_data else {
        return Ok(parameters);
    };
    let (core, rate) = rewrite(data)?;
    parameters.extra_data = Some(core.into());
    // The rate in a sample entry of MP4 has 16 bits, which is not always enough.
    parameters.with_sample_rate(rate);
    Ok(parameters)
}

/// The configuration of the core, and its samples per second.
fn rewrite(data: &[u8]) -> Result<(Vec<u8>, u32), AudioError> {
    let mut bits = Bits { data, position: 0 };
    let mut read = || -> Option<_> {
        let mut object = bits.object()?;
        let rate = bits.rate()?;
        let channels = bits.take(4)?;
        // SBR, with or without PS: the rate that it makes, and the object that it adds to.
        if object == 5 || object == 29 {
            bits.rate()?;
            object = bits.object()?;
        }
        let short = bits.take(1)?;
        Some((object, rate, channels, short))
    };
    let (object, (index, rate), channels, short) = read().ok_or_else(|| AudioError::Corrupt {
        at: 0.0,
        message: "the AAC configuration is too short".into(),
    })?;
    let codec = match object {
        2 if short == 1 => "AAC with 960 samples in a frame",
        2 if matches!(channels, 1 | 2) => {
            // 5 bits of object, 4 of rate (and 24), 4 of channels, 3 of no options.
            let long = index == 15;
            let head = 2 << 4 | u64::from(index);
            let tail = u64::from(channels) << 3;
            let (value, length) = if long {
                ((head << 24 | u64::from(rate)) << 7 | tail, 5)
            } else {
                (head << 7 | tail, 2)
            };
            let bytes = value.to_be_bytes().into_iter().skip(8 - length).collect();
            let known = RATES.get(index as usize).copied();
            return Ok((bytes, known.unwrap_or(rate)));
        }
        2 => "AAC with more than two channels",
        1 => "AAC Main",
        3 => "AAC SSR",
        4 => "AAC LTP",
        23 => "AAC-LD",
        39 => "AAC-ELD",
        42 => "xHE-AAC",
        _ => "this kind of MPEG-4 audio",
    };
    Err(AudioError::UnsupportedCodec {
        codec: codec.into(),
    })
}

struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.data.get(self.position / 8)?;
            let bit = byte >> (7 - self.position % 8) & 1;
            self.position += 1;
            Some(value << 1 | u32::from(bit))
        })
    }

    fn object(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            object => Some(object),
        }
    }

    /// Index of a sample rate, and the rate where the index is 15.
    fn rate(&mut self) -> Option<(u32, u32)> {
        match self.take(4)? {
            15 => Some((15, self.take(24)?)),
            index => Some((index, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_core_alone() {
        let refused = |data| rewrite(data).unwrap_err().to_string();
        let rewrite = |data| rewrite(data).map(|(bytes, _)| bytes);
        // LC, 16 kHz, mono.
        assert_eq!(rewrite(&[0x14, 0x08]).unwrap(), [0x14, 0x08]);
        // The same with SBR announced behind it.
        assert_eq!(
            rewrite(&[0x14, 0x08, 0x56, 0xE5, 0xA8]).unwrap(),
            [0x14, 0x08]
        );
        // SBR (5) of 44.1 kHz over LC of 22.05 kHz (7), stereo, and PS (29), mono.
        assert_eq!(rewrite(&[0x2B, 0x92, 0x08, 0x00]).unwrap(), [0x13, 0x90]);
        assert_eq!(rewrite(&[0xEB, 0x8A, 0x08, 0x00]).unwrap(), [0x13, 0x88]);
        // A rate that is spelt out: 17 kHz.
        let spelt = [0x17, 0x80, 0x21, 0x34, 0x08];
        assert_eq!(rewrite(&spelt).unwrap(), spelt);
        assert!(refused(&[0x14, 0x30]).contains("more than two channels"));
        assert!(refused(&[0x0C, 0x08]).contains("AAC Main"));
        assert!(refused(&[0xF9, 0x48, 0x80, 0x00]).contains("xHE-AAC"));
        assert!(refused(&[0x14]).contains("too short"));
    }
}
