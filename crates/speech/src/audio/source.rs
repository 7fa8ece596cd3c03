//! From a file to blocks of mono samples at the rate of the file.

use std::{
    io::{Cursor, ErrorKind},
    ops::RangeInclusive,
};

use bytes::Bytes;
use symphonia::{
    core::{
        codecs::{
            CodecParameters,
            audio::{
                AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
                CODEC_ID_NULL_AUDIO, well_known::*,
            },
        },
        errors::Error,
        formats::{FormatOptions, FormatReader, Track, TrackType},
        io::{MediaSourceStream, MediaSourceStreamOptions},
        packet::{Packet, PacketRef},
        units::{Duration, TimeBase, Timestamp},
    },
    default::{
        codecs::{AacDecoder, FlacDecoder, MpaDecoder, PcmDecoder, VorbisDecoder},
        formats::{FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader},
    },
};

use super::{AudioError, Format, adts::Adts, opus::Opus, wav::Wav};

/// Sample rates in Hz that are decoded.
const RATES: RangeInclusive<u32> = 4_000..=384_000;
/// Channels that are decoded.
const CHANNELS: RangeInclusive<usize> = 1..=32;
/// Seconds by which time stamps may disagree with the samples that were decoded.
const TOLERANCE: f64 = 0.02;

/// Decodes the audio track of a file, packet by packet.
pub(super) struct Source {
    packets: Packets,
    decoder: Codec,
    rate: u32,
    /// Frames still to be dropped that the encoder put in front.
    delay: u64,
    /// Frames given so far.
    given: u64,
    interleaved: Vec<f32>,
}

enum Packets {
    Wav(Wav),
    Adts(Adts),
    Reader(Reader),
}

/// A demultiplexer and the one track of it that is decoded.
struct Reader {
    inner: Box<dyn FormatReader>,
    track: u32,
    time_base: Option<TimeBase>,
    /// Where the next packet should begin, in formats whose packets follow one another without gaps.
    expected: Option<Timestamp>,
    contiguous: bool,
    /// The file, and how far packets have been found in it, where they are whole frames.
    frames: Option<(Bytes, usize)>,
}

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<Opus>),
}

impl Source {
    pub(super) fn open(format: Format, bytes: Bytes) -> Result<Self, AudioError> {
        let (packets, decoder, delay) = match format {
            Format::Wav => {
                let wav = Wav::open(&bytes)?;
                let decoder = Codec::open(wav.parameters())?;
                (Packets::Wav(wav), decoder, 0)
            }
            Format::Adts => {
                let adts = Adts::open(bytes)?;
                let decoder = Codec::open(adts.parameters())?;
                (Packets::Adts(adts), decoder, 0)
            }
            _ => {
                let (reader, parameters) = Reader::open(format, bytes)?;
                let decoder = Codec::open(&parameters)?;
                let delay = decoder.delay();
                (Packets::Reader(reader), decoder, delay)
            }
        };
        Ok(Self {
            rate: decoder.rate()?,
            packets,
            decoder,
            delay,
            given: 0,
            interleaved: Vec::new(),
        })
    }

    /// Samples per second.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Decodes one packet and appends its samples, all channels mixed, to `to`. Says whether there was one.
    pub(super) fn next(&mut self, to: &mut Vec<f32>) -> Result<bool, AudioError> {
        self.interleaved.clear();
        let decoded = match &mut self.packets {
            Packets::Wav(wav) => match wav.next_packet() {
                Ok(None) => return Ok(false),
                Ok(Some(data)) => self.decoder.decode(&data, &mut self.interleaved),
                Err(message) => Err(Fault::Corrupt(message.into())),
            },
            Packets::Adts(adts) => match adts.next_packet() {
                Ok(None) => return Ok(false),
                Ok(Some(data)) => self.decoder.decode(&data, &mut self.interleaved),
                Err(message) => Err(Fault::Corrupt(message.into())),
            },
            Packets::Reader(reader) => match reader.next_packet() {
                Ok(None) => return Ok(false),
                Ok(Some(packet)) => {
                    self.decoder
                        .decode_packet(&packet, reader.time_base, &mut self.interleaved)
                }
                Err(Fault::Reset) => {
                    self.decoder =
                        Codec::open(&reader.restart().map_err(|fault| self.error(fault))?)?;
                    self.delay = self.decoder.delay();
                    if self.decoder.rate()? != self.rate {
                        return Err(self.error(Fault::Corrupt("the sample rate changes".into())));
                    }
                    return Ok(true);
                }
                Err(fault) => Err(fault),
            },
        };
        let (channels, rate) = decoded.map_err(|fault| self.error(fault))?;
        if rate != self.rate {
            return Err(self.error(Fault::Corrupt("the sample rate changes".into())));
        }
        let frames = self.interleaved.len() / channels.max(1);
        let skipped = usize::try_from(self.delay)
            .unwrap_or(usize::MAX)
            .min(frames);
        self.delay -= skipped as u64;
        self.given += (frames - skipped) as u64;
        let scale = 1.0 / channels as f32;
        to.extend(
            self.interleaved
                .chunks_exact(channels.max(1))
                .skip(skipped)
                .map(|frame| frame.iter().copied().map(bounded).sum::<f32>() * scale),
        );
        Ok(true)
    }

    fn error(&self, fault: Fault) -> AudioError {
        let message = match fault {
            Fault::Corrupt(message) => message,
            Fault::Unsupported(codec) => return AudioError::UnsupportedCodec { codec },
            Fault::Reset => "the stream begins anew".into(),
        };
        AudioError::Corrupt {
            at: self.given as f64 / f64::from(self.rate),
            message,
        }
    }
}

/// A sample within −1 to 1; what is no number is silence.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// What goes wrong in the middle of a file.
pub(super) enum Fault {
    Corrupt(String),
    Unsupported(String),
    /// Another stream follows.
    Reset,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Self::Corrupt("the file ends too early".into())
            }
            Error::ResetRequired => Self::Reset,
            Error::Unsupported(what) => Self::Unsupported(what.into()),
            Error::DecodeError(what) | Error::LimitError(what) => Self::Corrupt(what.into()),
            error => Self::Corrupt(error.to_string()),
        }
    }
}

impl Fault {
    /// As an error of the beginning of a file.
    fn at_start(self) -> AudioError {
        match self {
            Self::Unsupported(codec) => AudioError::UnsupportedCodec { codec },
            Self::Corrupt(message) => AudioError::Corrupt { at: 0.0, message },
            Self::Reset => AudioError::Corrupt {
                at: 0.0,
                message: "the stream begins anew".into(),
            },
        }
    }
}

impl Reader {
    fn open(format: Format, bytes: Bytes) -> Result<(Self, AudioCodecParameters), AudioError> {
        let source = MediaSourceStream::new(
            Box::new(Cursor::new(bytes.clone())),
            MediaSourceStreamOptions::default(),
        );
        let options = FormatOptions::default();
        let inner: Result<Box<dyn FormatReader>, Error> = match format {
            Format::Flac => {
                FlacReader::try_new(source, options).map(|reader| Box::new(reader) as _)
            }
            Format::Ogg => OggReader::try_new(source, options).map(|reader| Box::new(reader) as _),
            Format::Mp4 => {
                IsoMp4Reader::try_new(source, options).map(|reader| Box::new(reader) as _)
            }
            Format::Matroska => {
                MkvReader::try_new(source, options).map(|reader| Box::new(reader) as _)
            }
            _ => MpaReader::try_new(source, options).map(|reader| Box::new(reader) as _),
        };
        let mut reader = Self {
            inner: inner.map_err(|error| Fault::from(error).at_start())?,
            track: 0,
            time_base: None,
            expected: None,
            contiguous: matches!(format, Format::Flac | Format::Ogg),
            frames: (format == Format::Mp3).then_some((bytes, 0)),
        };
        let parameters = reader.select(format)?;
        Ok((reader, parameters))
    }

    /// Chooses the track to decode.
    fn select(&mut self, format: Format) -> Result<AudioCodecParameters, AudioError> {
        let audio = |track: &&Track| track.track_type() == Some(TrackType::Audio);
        let track = self
            .inner
            .default_track(TrackType::Audio)
            .or_else(|| self.inner.tracks().iter().find(audio));
        let Some(track) = track else {
            let container = match format {
                Format::Mp4 => "MP4",
                Format::Matroska => "Matroska",
                _ => "Ogg",
            };
            return Err(AudioError::NoAudioTrack { container });
        };
        self.track = track.id;
        self.time_base = track.time_base;
        match &track.codec_params {
            Some(CodecParameters::Audio(parameters)) => Ok(parameters.clone()),
            _ => Err(AudioError::UnsupportedCodec {
                codec: "an unknown codec".into(),
            }),
        }
    }

    /// Goes on with the stream that follows.
    fn restart(&mut self) -> Result<AudioCodecParameters, Fault> {
        self.expected = None;
        self.select(Format::Ogg)
            .map_err(|_| Fault::Corrupt("a stream without audio follows".into()))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>, Fault> {
        let packet = loop {
            match self.inner.next_packet()? {
                None => return Ok(None),
                Some(packet) if packet.track_id == self.track => break packet,
                Some(_) => {}
            }
        };
        self.check_time(&packet)?;
        self.check_place(&packet)?;
        Ok(Some(packet))
    }

    /// Demultiplexers pass over damaged pages and frames; the time stamps after them give that away.
    fn check_time(&mut self, packet: &Packet) -> Result<(), Fault> {
        if !self.contiguous {
            return Ok(());
        }
        if let (Some(expected), Some(time_base)) = (self.expected, self.time_base) {
            let gap = seconds(packet.pts.abs_delta(expected), time_base);
            if gap > TOLERANCE {
                return Err(Fault::Corrupt(format!("{gap:.2} s of audio are missing")));
            }
        }
        self.expected = packet.pts.checked_add(packet.block_dur());
        Ok(())
    }

    /// MP3 has no time stamps, but a packet is a frame as it is in the file, where one follows the other.
    fn check_place(&mut self, packet: &Packet) -> Result<(), Fault> {
        let Some((bytes, from)) = &mut self.frames else {
            return Ok(());
        };
        let rest = bytes.get(*from..).unwrap_or_default();
        let Some(gap) = find(rest, &packet.data) else {
            return Ok(());
        };
        let skipped = rest.get(..gap).unwrap_or_default();
        let first = *from == 0;
        *from += gap + packet.data.len();
        let tag = skipped.starts_with(b"ID3")
            || skipped.starts_with(b"TAG")
            || skipped.starts_with(b"APETAGEX");
        if gap > 0 && !first && !tag {
            return Err(Fault::Corrupt(format!("{gap} bytes are no MP3 frames")));
        }
        Ok(())
    }
}

/// Where `what` is in `bytes`.
fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes
        .windows(what.len().max(1))
        .position(|window| window == what)
}

fn seconds(duration: Duration, time_base: TimeBase) -> f64 {
    duration.get() as f64 * f64::from(time_base.numer.get()) / f64::from(time_base.denom.get())
}

impl Codec {
    fn open(parameters: &AudioCodecParameters) -> Result<Self, AudioError> {
        let options = AudioDecoderOptions::default();
        if let Some(rate) = parameters.sample_rate
            && !RATES.contains(&rate)
        {
            return Err(AudioError::UnsupportedLayout {
                what: format!("a sample rate of {rate} Hz"),
            });
        }
        if let Some(channels) = &parameters.channels
            && !CHANNELS.contains(&channels.count())
        {
            return Err(AudioError::UnsupportedLayout {
                what: format!("{} channels", channels.count()),
            });
        }
        let decoder: Result<Box<dyn AudioDecoder>, Error> = match parameters.codec {
            CODEC_ID_OPUS => return Ok(Self::Opus(Box::new(Opus::open(parameters)?))),
            CODEC_ID_FLAC => {
                FlacDecoder::try_new(parameters, &options).map(|decoder| Box::new(decoder) as _)
            }
            CODEC_ID_MP3 => {
                MpaDecoder::try_new(parameters, &options).map(|decoder| Box::new(decoder) as _)
            }
            CODEC_ID_VORBIS => {
                VorbisDecoder::try_new(parameters, &options).map(|decoder| Box::new(decoder) as _)
            }
            CODEC_ID_AAC => {
                AacDecoder::try_new(parameters, &options).map(|decoder| Box::new(decoder) as _)
            }
            codec if (CODEC_ID_PCM_S32LE..=CODEC_ID_PCM_MULAW).contains(&codec) => {
                // Its size as declared is of no use: the buffer grows with the packets.
                let mut parameters = parameters.clone();
                parameters.max_frames_per_packet = None;
                PcmDecoder::try_new(&parameters, &options).map(|decoder| Box::new(decoder) as _)
            }
            codec => {
                return Err(AudioError::UnsupportedCodec {
                    codec: codec_name(codec).into(),
                });
            }
        };
        decoder
            .map(Self::Symphonia)
            .map_err(|error| Fault::from(error).at_start())
    }

    fn rate(&self) -> Result<u32, AudioError> {
        match self {
            Self::Symphonia(decoder) => decoder
                .codec_params()
                .sample_rate
                .filter(|rate| RATES.contains(rate))
                .ok_or_else(|| AudioError::UnsupportedLayout {
                    what: "an unknown sample rate".into(),
                }),
            Self::Opus(_) => Ok(Opus::RATE),
        }
    }

    /// Frames at the beginning that are not part of the recording.
    fn delay(&self) -> u64 {
        match self {
            Self::Symphonia(_) => 0,
            Self::Opus(opus) => opus.delay(),
        }
    }

    /// Decodes a packet without time stamps; gives the number of channels and the rate.
    fn decode(&mut self, data: &[u8], to: &mut Vec<f32>) -> Result<(usize, u32), Fault> {
        match self {
            Self::Symphonia(decoder) => {
                let packet = PacketRef::new(0, Timestamp::ZERO, Duration::MAX, data);
                Self::take(decoder.decode_ref(&packet)?, to)
            }
            Self::Opus(opus) => opus.decode(data, to),
        }
    }

    fn decode_packet(
        &mut self,
        packet: &Packet,
        time_base: Option<TimeBase>,
        to: &mut Vec<f32>,
    ) -> Result<(usize, u32), Fault> {
        match self {
            Self::Symphonia(decoder) => Self::take(decoder.decode(packet)?, to),
            Self::Opus(opus) => {
                let (channels, rate) = opus.decode(&packet.data, to)?;
                let excess = time_base.map_or(0.0, |base| seconds(packet.trim_end, base));
                let excess = (excess * f64::from(rate)).round() as usize;
                to.truncate(to.len().saturating_sub(excess * channels));
                Ok((channels, rate))
            }
        }
    }

    fn take(
        buffer: symphonia::core::audio::GenericAudioBufferRef<'_>,
        to: &mut Vec<f32>,
    ) -> Result<(usize, u32), Fault> {
        let channels = buffer.spec().channels().count();
        if !CHANNELS.contains(&channels) {
            return Err(Fault::Corrupt(format!("there are {channels} channels")));
        }
        buffer.copy_to_vec_interleaved(to);
        Ok((channels, buffer.spec().rate()))
    }
}

/// Names of codecs that containers carry.
fn codec_name(codec: AudioCodecId) -> &'static str {
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
