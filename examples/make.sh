#!/bin/sh
# Makes the recordings anew: espeak-ng and flite speak, ffmpeg encodes.
# What Whisper writes of them stands in expected.tsv; the tests assert the words. These voices it understands.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# espeak NAME VOICE SPEED TEXT
espeak() {
    espeak-ng -v "$2" -s "$3" -w "$work/$1.wav" "$4"
}

# encode NAME FILE OPTION…: mono, without the encoder's name, so that the same words give the same bytes.
encode() {
    source=$work/$1.wav target=$2
    shift 2
    ffmpeg -nostdin -loglevel error -y -i "$source" -ac 1 -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$target"
}

espeak numbers en-us+f3 130 "seven times nine is sixty three."
encode numbers numbers.wav -ar 11025 -c:a pcm_s16le

espeak weather en-us+f3 140 "the weather is very good this morning."
encode weather weather.flac -ar 16000 -sample_fmt s16 -c:a flac -compression_level 12

espeak letter en-us 150 "please write a letter to my friend"
encode letter letter.mp3 -ar 22050 -c:a libmp3lame -b:a 32k

espeak garden en-gb 150 "she planted three trees in the garden"
encode garden garden.ogg -ar 22050 -c:a libvorbis -q:a 1

espeak light en-us 150 "turn off the light in the kitchen"
encode light light.opus -ar 48000 -c:a libopus -b:a 24k

espeak train en-us+f3 140 "we wait for the train to the city."
encode train train.m4a -ar 22050 -c:a aac -b:a 40k

flite -voice rms -t "we walked along the river to the house" -o "$work/river.wav"
encode river river.webm -ar 48000 -c:a libopus -b:a 24k

flite -voice kal16 -t "open the door and close the window" -o "$work/door.wav"
encode door door.wav -ar 16000 -c:a pcm_mulaw

# Nobody speaks.
ffmpeg -nostdin -loglevel error -y -f lavfi -i anullsrc=r=8000:cl=mono -t 1 -fflags +bitexact -flags:a +bitexact \
    -c:a pcm_mulaw silence.wav
