#!/bin/sh
# Makes the sound files of a prompt catalogue: flows/prompts/en.yaml -> flows/prompts/en/*.wav, and the words that values
# are read with, as src/audio/spoken/ has them: flows/prompts/en/numbers/21.wav.
#
#   flows/prompts/build.sh [LANGUAGE]        (default: en)
#
# Needs espeak-ng, sox and cargo. All run here, at prompt-build time, and never while a call is up; a file that you
# record yourself under the same name serves as well. Only files that are missing are made: delete one to have
# it made again. The format is what telephony plays without resampling: 8,000 Hz, mono, 16 bit, with the peak at -4 dB.
# Silence at both ends is trimmed: to 40 ms of a prompt, to nothing of a word, which follows another one at once.
#
# The catalogue is read line by line (`id: text`), which is all that its strict loader accepts too. A text is
# cut at its {placeholders} exactly as the loader cuts it: a piece without a letter or a digit is not spoken.
set -eu
cd "$(dirname "$0")"
language=${1:-en}
case $language in
en) voice=${VOICE:-en-us+f3} ;;
es) voice=${VOICE:-es-419+f3} ;;
*) voice=${VOICE:-$language} ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

speak() { # speak NAME TEXT WORDS-A-MINUTE SECONDS-OF-SILENCE
    file="$language/$1.wav"
    [ -f "$file" ] && return
    mkdir -p "$(dirname "$file")"
    # Punctuation that a placeholder left at the front of a piece would be read as a pause.
    text=$(printf '%s' "$2" | sed 's/^[^[:alnum:]]*//')
    espeak-ng -v "$voice" -s "$3" -p 45 -g 2 -w "$scratch/raw.wav" -- "$text"
    sox "$scratch/raw.wav" -D -r 8000 -c 1 -b 16 "$file" gain -3 highpass 120 \
        silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse norm -4 pad "$4" "$4"
    echo "$file"
}

cargo run -q --example spoken_words -- "$language" >"$scratch/words"
while IFS= read -r line; do
    speak "${line%%: *}" "${line#*: }" 190 0
done <"$scratch/words"

[ -f "$language.yaml" ] || exit 0
grep -v '^ *\(#\|$\)' "$language.yaml" | while IFS= read -r line; do
    id=${line%%: *}
    text=$(printf '%s' "${line#*: }" | sed 's/^"\(.*\)"$/\1/')
    case $text in
    *"{"*)
        piece=0
        printf '%s\n' "$text" | sed 's/{[^}]*}/\n/g' | while IFS= read -r part; do
            case $part in *[[:alnum:]]*) piece=$((piece + 1)) && speak "$id.$piece" "$part" 160 0.04 ;; esac
        done
        ;;
    *) speak "$id" "$text" 160 0.04 ;;
    esac
done
