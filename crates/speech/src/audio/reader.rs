//! Reading a whole file, within a limit and with pauses.

use std::time::Duration;

use bytes::Bytes;

use super::{AudioError, Channels, Decoder, Format, SAMPLE_RATE, Warning, duration};

/// Samples between two pauses.
const PORTION: usize = 512;

/// Reads a file to its end, as [`decode`](super::decode) does, without keeping the samples.
pub struct Reader {
    decoder: Decoder,
    limit: Duration,
    /// Samples of each channel.
    given: usize,
    channels: usize,
    /// Samples since the last pause.
    work: usize,
}

/// What is known of a file at its end.
pub struct End {
    /// The format of the file.
    pub format: Format,
    /// [`Recording::offset`](super::Recording::offset).
    pub offset: Duration,
    /// [`Recording::warnings`](super::Recording::warnings).
    pub warnings: Vec<Warning>,
}

impl Reader {
    /// Reads the header of a file of at most `limit`; with split channels, each counts.
    ///
    /// # Errors
    ///
    /// Those of [`AudioError`] that can be told from the header.
    pub fn open(
        bytes: impl Into<Bytes>,
        limit: Duration,
        channels: Channels,
    ) -> Result<Self, AudioError> {
        Ok(Self {
            decoder: Decoder::open(bytes, channels)?,
            limit,
            given: 0,
            channels: 0,
            work: 0,
        })
    }

    /// The next samples of each channel, as [`Decoder::next_block`] gives them. `pause` is awaited with the duration decoded so
    /// far, after every 0.05 to 0.5 ms of work, depending on the codec; in WebAssembly twice that.
    ///
    /// # Errors
    ///
    /// Those of [`Decoder::next_block`]. [`AudioError::TooLong`] as soon as the limit is reached.
    pub async fn read(
        &mut self,
        mut pause: impl AsyncFnMut(Duration),
    ) -> Result<Option<&[Vec<f32>]>, AudioError> {
        if self.work >= PORTION {
            self.work = 0;
            pause(duration(self.given)).await;
        }
        let Some(blocks) = self.decoder.next_block()? else {
            return Ok(None);
        };
        let length = blocks.first().map_or(0, Vec::len);
        self.channels = blocks.len();
        self.given += length;
        let most = self.limit.as_secs_f64() * f64::from(SAMPLE_RATE);
        if (self.given * self.channels) as f64 > most {
            return Err(AudioError::TooLong { limit: self.limit });
        }
        // A block without samples is work, too.
        self.work += (length * self.channels).max(32);
        Ok(Some(blocks))
    }

    /// The duration of all channels so far together, to which the limit applies.
    #[must_use]
    pub fn work(&self) -> Duration {
        duration(self.given * self.channels)
    }

    /// What is known after the last block.
    ///
    /// # Errors
    ///
    /// [`AudioError::NoSamples`] if there were none.
    pub fn end(&self) -> Result<End, AudioError> {
        if self.given == 0 {
            return Err(AudioError::NoSamples);
        }
        let offset = self.decoder.offset();
        let mut warnings = self.decoder.warnings().to_vec();
        for warning in &mut warnings {
            warning.at += offset.as_secs_f64();
        }
        Ok(End {
            format: self.decoder.format(),
            offset,
            warnings,
        })
    }
}
