#!/usr/bin/env bash
# Makes the recordings of this folder anew, with ffmpeg 5 or later.
#
# All of them are the same signal, which tests/audio.rs computes too: a tone that rises from 200 to 3000 Hz in a
# second and swells three times, so that it is unlike itself at any other time.
set -euo pipefail
cd "$(dirname "$0")"

# signal RATE SECONDS: input options of ffmpeg.
signal() {
    echo -f lavfi -i "aevalsrc=0.5*sin(2*PI*(200*t+1400*t*t))*(0.6+0.4*sin(6*PI*t)):s=$1:d=$2"
}
# make FILE RATE SECONDS OPTION…
make() {
    local file=$1 rate=$2 seconds=$3
    shift 3
    # shellcheck disable=SC2046
    ffmpeg -hide_banner -loglevel error -y $(signal "$rate" "$seconds") \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$file"
}

# late FILE RATE SECONDS OPTION…: the same, 1.44 s late.
late() {
    local file=$1 rate=$2 seconds=$3
    shift 3
    # shellcheck disable=SC2046
    ffmpeg -hide_banner -loglevel error -y -itsoffset 1.44 $(signal "$rate" "$seconds") \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$file"
}
# sides FILE RATE SECONDS OPTION…: the signal on the left, and on the right a tone that falls from 3000 Hz.
sides() {
    local file=$1 rate=$2 seconds=$3
    shift 3
    ffmpeg -hide_banner -loglevel error -y \
        -f lavfi -i "aevalsrc=0.5*sin(2*PI*(200*t+1400*t*t))*(0.6+0.4*sin(6*PI*t))|0.5*sin(2*PI*(3000*t-1400*t*t)):s=$rate:d=$seconds" \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$file"
}

# WAV, every encoding.
make u8.wav 16000 1 -c:a pcm_u8
make s16.wav 8000 1 -c:a pcm_s16le
make s24.wav 11025 0.5 -c:a pcm_s24le
make s32.wav 8000 0.5 -c:a pcm_s32le
make f32.wav 8000 0.5 -c:a pcm_f32le
make f64.wav 8000 0.25 -c:a pcm_f64le
make alaw.wav 8000 1 -c:a pcm_alaw
make mulaw.wav 8000 1 -c:a pcm_mulaw
make surround.wav 8000 0.2 -c:a pcm_s16le -af "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0"
# Written to a pipe, where the length is not known.
make pipe:1 8000 1 -c:a pcm_s16le -f wav >stream.wav

make mono.flac 16000 0.5
make stereo.flac 44100 0.2 -ac 2
make deep.flac 8000 0.5 -sample_fmt s32 -bits_per_raw_sample 24
make flac.ogg 16000 0.5 -c:a flac

make mono.mp3 16000 1 -b:a 32k
make stereo.mp3 44100 1 -ac 2 -b:a 96k
make variable.mp3 22050 1 -q:a 4
make slow.mp3 8000 1 -b:a 16k
make tagged.mp3 24000 1 -b:a 32k -metadata title="A tone" -id3v2_version 3 -write_id3v1 1
make untagged.mp3 32000 1 -b:a 48k -write_xing 0 -id3v2_version 0

make mono.ogg 16000 1 -c:a libvorbis -q:a 3
make stereo.ogg 44100 1 -ac 2 -c:a libvorbis -q:a 2

make mono.m4a 16000 1 -c:a aac -b:a 32k
make stereo.m4a 44100 1 -ac 2 -c:a aac -b:a 96k -movflags +faststart
make fragmented.mp4 48000 1 -c:a aac -b:a 64k -movflags +frag_keyframe+empty_moov+default_base_moof
make mono.aac 22050 1 -c:a aac -b:a 48k
make stereo.aac 48000 1 -ac 2 -c:a aac -b:a 64k

# Opus: SILK at 8, 12 and 16 kHz, hybrid, CELT; every length of frame.
make silk-narrow.opus 48000 1 -c:a libopus -b:a 8k -application voip -frame_duration 60
make silk-wide.opus 48000 1 -c:a libopus -b:a 16k -application voip -frame_duration 40
make silk-stereo.opus 48000 1 -ac 2 -c:a libopus -b:a 24k -application voip -frame_duration 20
make hybrid.opus 48000 1 -c:a libopus -b:a 30k -application voip -frame_duration 10
make hybrid-stereo.opus 48000 1 -ac 2 -c:a libopus -b:a 40k -application voip -frame_duration 20
make celt.opus 48000 1 -c:a libopus -b:a 64k -application audio -frame_duration 20
make celt-stereo.opus 48000 1 -ac 2 -c:a libopus -b:a 96k -application audio -frame_duration 10
make celt-short.opus 48000 1 -c:a libopus -b:a 64k -application lowdelay -frame_duration 2.5
make celt-5.opus 48000 1 -c:a libopus -b:a 64k -application lowdelay -frame_duration 5
make surround.opus 48000 0.5 -c:a libopus -b:a 128k -af "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0" -mapping_family 1

make opus.webm 48000 1 -c:a libopus -b:a 32k
# As browsers record: without a length.
make live.webm 48000 1 -c:a libopus -b:a 32k -live 1
make vorbis.webm 48000 1 -c:a libvorbis -q:a 2
make aac.mkv 48000 1 -c:a aac -b:a 64k
make pcm.mkv 8000 0.5 -c:a pcm_s16le
make flac.mkv 16000 0.5 -c:a flac
make opus.mp4 48000 1 -c:a libopus -b:a 32k

# Two sides, and a side and its inverse.
sides sides.flac 16000 0.25
sides sides.m4a 44100 0.5 -c:a aac -b:a 96k
sides sides.opus 48000 0.5 -c:a libopus -b:a 64k
make opposed.m4a 44100 0.5 -af "pan=stereo|c0=c0|c1=-1*c0" -c:a aac -b:a 64k

# Sound that begins late: alone, and in a film.
late late.m4a 16000 0.5 -c:a aac -b:a 32k
late late.mov 8000 0.25 -c:a pcm_s16le
late late.webm 48000 0.5 -c:a libopus -b:a 32k
late late.mkv 48000 0.5 -c:a aac -b:a 64k
late late.ogg 48000 0.5 -c:a libopus -b:a 32k -page_duration 100000
film=(ffmpeg -hide_banner -loglevel error -y -f lavfi -i color=c=blue:s=32x32:d=2:r=5 -fflags +bitexact)
for file in film.mp4 late-fragment.mp4 film.webm film.ogv; do
    case $file in
    # What the encoder puts in front is at 0, all else 1.84 s later: the pictures are delayed by two of five a second.
    late-*) codecs=(-c:v libx264 -x264-params no-info=1 -c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof) ;;
    *.mp4) codecs=(-c:v libx264 -x264-params no-info=1 -c:a aac) ;;
    *.webm) codecs=(-c:v libvpx -c:a libopus) ;;
    *) codecs=(-c:v libtheora -c:a libopus -page_duration 100000) ;;
    esac
    # shellcheck disable=SC2046
    "${film[@]}" -itsoffset 1.44 $(signal 48000 0.5) -map_metadata -1 -flags:a +bitexact "${codecs[@]}" -b:a 32k "$file"
done

# What is refused by name.
make ac3.mkv 48000 0.2 -c:a ac3 -b:a 64k
make alac.m4a 8000 0.2 -c:a alac
make mp2.mp2 32000 0.2 -c:a mp2 -b:a 64k
make speex.ogg 16000 0.2 -c:a libspeex
make adpcm.wav 8000 0.2 -c:a adpcm_ms
make wma.wma 16000 0.2 -c:a wmav2 -b:a 32k
make aiff.aiff 8000 0.2
make ac3.ac3 48000 0.2 -c:a ac3 -b:a 64k
# Pictures without sound.
film=(ffmpeg -hide_banner -loglevel error -y -f lavfi -i color=c=blue:s=32x32:d=0.2:r=5 -fflags +bitexact)
"${film[@]}" -c:v libx264 -x264-params no-info=1 silent.mp4
"${film[@]}" -c:v libvpx silent.webm
"${film[@]}" -c:v libtheora silent.ogv
