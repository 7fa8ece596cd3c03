//! From packets to samples.

use std::ops::RangeInclusive;

use symphonia::{
    core::{
        audio::GenericAudioBufferRef,
        codecs::audio::{
            AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
            CODEC_ID_NULL_AUDIO, well_known::*,
        },
        errors::Error,
        packet::Packet,
        units::{Duration, Timestamp},
    },
    default::codecs::{AacDecoder, FlacDecoder, MpaDecoder, PcmDecoder, VorbisDecoder},
};

use super::{AudioError, aac, fault::Fault, flac, opus::Opus};

/// Sample rates in Hz that are decoded.
pub(super) const RATES: RangeInclusive<u32> = 4_000..=384_000;
/// Numbers of channels that are decoded.
const CHANNELS: RangeInclusive<usize> = 1..=32;

/// A decoder of any codec.
pub(super) enum Codec {
    Symphonia {
        decoder: Box<dyn AudioDecoder>,
        /// Whether it is the AAC decoder, which leaves trimming to its caller.
        aac: bool,
    },
    Opus(Box<Opus>),
}

/// The interleaved samples of a packet.
pub(super) struct Layout {
    pub(super) channels: usize,
    pub(super) rate: u32,
}

impl Codec {
    pub(super) fn open(parameters: &AudioCodecParameters) -> Result<Self, AudioError> {
        let core;
        let parameters = if parameters.codec == CODEC_ID_AAC {
            core = aac::core(parameters)?;
            &core
        } else {
            parameters
        };
        check(parameters)?;
        let options = AudioDecoderOptions::default();
        let decoder: Result<Box<dyn AudioDecoder>, Error> = match parameters.codec {
            CODEC_ID_OPUS => return Opus::open(parameters).map(|opus| Self::Opus(Box::new(opus))),
            CODEC_ID_FLAC => FlacDecoder::try_new(parameters, &options).map(boxed),
            // It would trim to the end of the stream, which is a guess without a header.
            CODEC_ID_MP3 => MpaDecoder::try_new(parameters, &options.gapless(false)).map(boxed),
            CODEC_ID_VORBIS => VorbisDecoder::try_new(parameters, &options).map(boxed),
            CODEC_ID_AAC => AacDecoder::try_new(parameters, &options).map(boxed),
            codec if (CODEC_ID_PCM_S32LE..=CODEC_ID_PCM_MULAW).contains(&codec) => {
                // The buffer grows with the packets and does not depend on declared sizes.
                let mut parameters = parameters.clone();
                parameters.max_frames_per_packet = None;
                PcmDecoder::try_new(&parameters, &options).map(boxed)
            }
            codec => {
                return Err(AudioError::UnsupportedCodec {
                    codec: name(codec).into(),
                });
            }
        };
        Ok(Self::Symphonia {
            decoder: decoder.map_err(|error| Fault::from(error).of_header())?,
            aac: parameters.codec == CODEC_ID_AAC,
        })
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> Result<u32, AudioError> {
        match self {
            Self::Symphonia { decoder, .. } => {
                let parameters = decoder.codec_params();
                check(parameters)?;
                parameters
                    .sample_rate
                    .ok_or_else(|| AudioError::UnsupportedLayout {
                        what: "an unknown sample rate".into(),
                    })
            }
            Self::Opus(_) => Ok(Opus::RATE),
        }
    }

    /// Frames at the beginning that are not part of the recording, as far as the codec knows.
    pub(super) fn delay(&self) -> u64 {
        match self {
            // The first frame is one half of an overlap.
            Self::Symphonia { aac: true, .. } => 1024,
            Self::Symphonia { .. } => 0,
            Self::Opus(opus) => opus.delay(),
        }
    }

    /// Whether it decodes some junk as sound: its packets have neither a start code nor a checksum.
    pub(super) fn hears_junk(&self) -> bool {
        matches!(self, Self::Symphonia { aac: true, .. })
    }

    /// Decodes a packet to interleaved samples.
    pub(super) fn decode(&mut self, packet: &[u8], to: &mut Vec<f32>) -> Result<Layout, Fault> {
        match self {
            Self::Symphonia { decoder, .. } => {
                // The decoder does not check the checksum of a frame.
                if decoder.codec_params().codec == CODEC_ID_FLAC && !flac::is_sound(packet) {
                    return Err(Fault::Corrupt(
                        "the checksum of a FLAC frame is wrong".into(),
                    ));
                }
                // Decode all of it, even if the duration is wrong.
                let packet = Packet::new(0, Timestamp::ZERO, Duration::MAX, packet);
                take(&decoder.decode(&packet)?, to)
            }
            Self::Opus(opus) => Ok(Layout {
                channels: opus.decode(packet, to)?,
                rate: Opus::RATE,
            }),
        }
    }
}

fn boxed<D: AudioDecoder + 'static>(decoder: D) -> Box<dyn AudioDecoder> {
    Box::new(decoder)
}

/// Refuses impossible parameters before memory is allocated for them.
fn check(parameters: &AudioCodecParameters) -> Result<(), AudioError> {
    let what = match (parameters.sample_rate, &parameters.channels) {
        (Some(rate), _) if !RATES.contains(&rate) => format!("a sample rate of {rate} Hz"),
        (_, Some(channels)) if !CHANNELS.contains(&channels.count()) => {
            format!("{} channels", channels.count())
        }
        _ => return Ok(()),
    };
    Err(AudioError::UnsupportedLayout { what })
}

/// Copies what was decoded.
fn take(buffer: &GenericAudioBufferRef<'_>, to: &mut Vec<f32>) -> Result<Layout, Fault> {
    let channels = buffer.spec().channels().count();
    if !CHANNELS.contains(&channels) {
        return Err(Fault::Corrupt(format!("there are {channels} channels")));
    }
    buffer.copy_to_vec_interleaved(to);
    let rate = buffer.spec().rate();
    Ok(Layout { channels, rate })
}

/// Names of codecs that containers carry.
pub(super) fn name(codec: AudioCodecId) -> &'static str {
    match codec {
        CODEC_ID_NULL_AUDIO => "an unknown codec",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_MUSEPACK => "Musepack",
        CODEC_ID_MP1 => "MPEG audio layer 1",
        CODEC_ID_MP2 => "MPEG audio layer 2",
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_AC4 => "AC-4",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_ATRAC1 | CODEC_ID_ATRAC3 | CODEC_ID_ATRAC3PLUS | CODEC_ID_ATRAC9 => "ATRAC",
        CODEC_ID_WMA => "WMA",
        CODEC_ID_RA10 | CODEC_ID_RA20 | CODEC_ID_SIPR | CODEC_ID_COOK | CODEC_ID_RALF => {
            "RealAudio"
        }
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_MONKEYS_AUDIO => "Monkey's Audio",
        CODEC_ID_ALAC => "ALAC",
        CODEC_ID_TTA => "True Audio",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_ADPCM_G722 | CODEC_ID_ADPCM_G726 | CODEC_ID_ADPCM_G726LE => "G.72x ADPCM",
        CODEC_ID_ADPCM_MS | CODEC_ID_ADPCM_IMA_WAV | CODEC_ID_ADPCM_IMA_QT => "ADPCM",
        _ => "this codec",
    }
}
